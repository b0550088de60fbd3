"""Days of retention as people enter them. Empty keeps for ever."""

from typing import Any

from django import forms

from jobs.retention import LEAST_DAYS, MOST_DAYS, Rules

ABSURD = f"Give a whole number of days from {LEAST_DAYS} to {MOST_DAYS}, or leave it empty."


def _days(label: str, help_text: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        required=False,
        min_value=LEAST_DAYS,
        max_value=MOST_DAYS,
        help_text=help_text,
        widget=forms.NumberInput(attrs={"class": "short"}),
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), ABSURD),
    )


class RetentionForm(forms.Form):
    snapshot_days = _days(
        "Snapshots: days to keep",
        "A snapshot is a job as the provider sent it at one poll. Counted from the end of the job; "
        "empty keeps them for ever.",
    )
    event_days = _days(
        "Events: days to keep",
        "Counted from the end of the job; empty keeps them for ever. The curves made from them stay.",
    )

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if not self.errors and self.rules(found).shortest is None:
            raise forms.ValidationError("Give a number of days for snapshots, for events, or both.")
        return found

    def rules(self, cleaned: dict[str, Any] | None = None) -> Rules:
        found = self.cleaned_data if cleaned is None else cleaned
        return Rules(found.get("snapshot_days"), found.get("event_days"))
