"""Tags and notes as people enter them."""

from collections.abc import Callable
from typing import TypeVar

from django import forms
from django.http import QueryDict

from accounts.models import Team
from jobs import labels
from jobs.models import Job

T = TypeVar("T")
MOST_TEXT = 20_000
TAGS_HELP = (  # the marks in one piece: a hyphen that begins a line looks like a list
    "Separate tags with spaces: prod eu. "
    "Letters, digits and .\u00a0_\u00a0:\u00a0-\u00a0only; capitals become small."
)
CONFLICT = "Somebody changed the note meanwhile. It now says: {note} Yours is kept here; save again to replace it."


class LabelsForm(forms.Form):
    """Of one job. `had` and `seen` say what the writer saw, so that two writers lose nothing.

    What is saved of the tags is what this writer added and took away, not the whole list.
    """

    tags = forms.CharField(
        max_length=MOST_TEXT,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=TAGS_HELP,
    )
    note = forms.CharField(
        max_length=MOST_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": str(labels.MOST_NOTE)}),
        help_text="Plain text for the team.",
    )
    had = forms.CharField(max_length=MOST_TEXT, required=False, widget=forms.HiddenInput)
    seen = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)

    data: QueryDict

    def clean_tags(self) -> tuple[str, ...]:
        return or_error(labels.checked_tags, self.cleaned_data["tags"])

    def clean_note(self) -> str:
        return or_error(labels.checked_note, self.cleaned_data["note"])

    def save(self, team: Team, job: Job) -> list[str]:
        """Of a valid form, in a transaction: which of the two changed. Raises ValueError."""
        told, changed = self.cleaned_data, []
        had = labels.tags_of(told["had"])
        add = [tag for tag in told["tags"] if tag not in had]
        gone = [tag for tag in had if tag not in told["tags"]]
        if add or gone:
            said = labels.tag(team, [job.pk], add=add, remove=gone)
            if said.full:
                raise ValueError(f"A job has at most {labels.MOST_TAGS} tags.")
            changed += ["tags"] if said.changed else []
        if labels.set_note(team, job.pk, told["note"], told["seen"]):
            changed.append("note")
        return changed

    def fail(self, error: ValueError) -> None:
        """Says why it could not be saved. Whoever has read the other note may write over it."""
        if not isinstance(error, labels.Overtaken):
            self.add_error("tags", str(error))
            return
        self.add_error(
            "note", CONFLICT.format(note=f"“{error.note}”" if error.note else "nothing.")
        )
        self.data = self.data.copy()
        self.data["seen"] = labels.mark_of(error.note)


class TagsForm(forms.Form):
    """Which tags many jobs get, or lose."""

    tags = forms.CharField(
        max_length=MOST_TEXT,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "list": "known-tags"}
        ),
        help_text=TAGS_HELP,
        error_messages={"required": "Name at least one tag."},
    )

    def clean_tags(self) -> tuple[str, ...]:
        tags = or_error(labels.checked_tags, self.cleaned_data["tags"])
        if not tags:
            raise forms.ValidationError("Name at least one tag.")
        return tags


def or_error(check: Callable[[str], T], text: str) -> T:
    try:
        return check(text)
    except ValueError as error:
        raise forms.ValidationError(str(error)) from error
