"""A rule as people state it: when, of what, whom to tell, and how loudly."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.db.models import Q
from django.forms.boundfield import BoundWidget
from django.http import QueryDict

from accounts.models import Team
from alerts import rulebook, setup
from alerts.models import Channel, Rule
from alerts.quiet_hours import QuietHours
from alerts.rules import RULE_STATES
from dashboard.forms.connections import ONE_LINE
from jobs.models import Connection

USUAL = ("succeeded", "failed", "cancelled")
# How the form goes on after "When".
GROUPS: Mapping[str, tuple[str, ...]] = {
    "a job becomes": ("succeeded", "failed", "cancelled", "missing"),
    "or, while it goes on, is found": (
        *("stuck", "no_progress", "diverging", "overfitting", "eta_slipped"),
    ),
    "or a connection reports": (
        *("rejected", "unreachable", "out_of_quota", "unreadable", "retiring"),
    ),
    "or": ("recovered",),
}
MOST_TEXT = 20_000
MOST_NAME = 200  # of a base model in an address
NO_QUIET = "Give both times, or leave both empty."


def _filled(asked: QueryDict) -> dict[str, Any]:
    """?when=retiring&model=gpt-4o: what a page that misses a rule asks for."""
    states = [name for name in asked.getlist("when") if name in RULE_STATES]
    models = asked.get("model", "")[:MOST_NAME]
    return {**({"states": states} if states else {}), **({"base_models": models} if models else {})}


class RuleForm(forms.Form):
    """Offers only channels and connections of the team, so another team's id is refused as no choice.

    `rule`: the one that is changed. `asked`: what an address fills in of a new one. `zone`: the user's.
    `is_preview`: asked what the rule would have done, which needs no channel.
    """

    states = forms.MultipleChoiceField(
        label="When",
        choices=list(RULE_STATES.items()),
        initial=USUAL,
        widget=forms.CheckboxSelectMultiple,
    )
    connections = forms.ModelMultipleChoiceField(
        Connection.objects.none(),
        required=False,
        label="Connections",
        help_text="None ticked means all.",
        widget=forms.CheckboxSelectMultiple,
    )
    base_models = forms.CharField(
        max_length=MOST_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text="One per line. * stands for anything: gpt-4o-mini*. One match is enough.",
    )
    metadata = forms.CharField(
        max_length=MOST_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text="One per line: project=x, or project=* for any value. All must match.",
    )
    channels = forms.ModelMultipleChoiceField(
        Channel.objects.none(), label="Channels", widget=forms.CheckboxSelectMultiple
    )
    is_urgent = forms.BooleanField(
        label="Urgent", required=False, help_text="Rings at once, in quiet hours too."
    )
    quiet_from = forms.TimeField(
        label="Quiet from",
        required=False,
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
    )
    quiet_until = forms.TimeField(
        label="until",
        required=False,
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
    )
    quiet_zone = forms.CharField(
        label="Time zone",
        max_length=64,
        required=False,
        widget=forms.TextInput(attrs={"list": "zones", "spellcheck": "false"}),
    )
    name = forms.CharField(
        max_length=80, required=False, validators=[ONE_LINE], help_text="Only for this list."
    )

    def __init__(
        self,
        team: Team,
        data: QueryDict | None = None,
        *,
        rule: Rule | None = None,
        asked: QueryDict | None = None,
        zone: str = "UTC",
        is_preview: bool = False,
    ) -> None:
        first = initial_of(rule) if rule else _filled(asked or QueryDict())
        super().__init__(data, initial={"quiet_zone": zone, **first})
        # Row numbers of other teams are nobody's business, so the choices go by public id.
        connections, channels = self.fields["connections"], self.fields["channels"]
        assert isinstance(connections, forms.ModelMultipleChoiceField)  # noqa: S101  # as declared above
        assert isinstance(channels, forms.ModelMultipleChoiceField)  # noqa: S101  # as declared above
        connections.to_field_name = channels.to_field_name = "public_id"
        # One that was put away stays in the rules that name it: without any they ring for all.
        named = rule.connections.values("pk") if rule else []
        offered = Q(archived_at=None) | Q(pk__in=named)
        connections.queryset = Connection.objects.for_team(team).filter(offered).order_by("name")
        channels.queryset = Channel.objects.for_team(team).set_up().order_by("name")
        channels.required = not is_preview

    def state_groups(self) -> Iterator[tuple[str, list[BoundWidget]]]:
        boxes = {str(box.data["value"]): box for box in self["states"]}
        for legend, names in GROUPS.items():
            yield legend, [boxes[name] for name in names]

    def clean_base_models(self) -> list[str]:
        try:
            return setup.checked_base_models(self.cleaned_data["base_models"].splitlines())
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error

    def clean_metadata(self) -> dict[str, str]:
        lines = [line for line in self.cleaned_data["metadata"].splitlines() if line.strip()]
        for line in lines:
            if "=" not in line:
                raise forms.ValidationError(f"Write key=value: {line.strip()[:60]!r} has no =.")
        try:
            return setup.checked_metadata(
                (key, value) for key, _, value in (line.partition("=") for line in lines)
            )
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> None:
        """Quiet hours are three fields and one fact."""
        facts = self.cleaned_data
        begins, ends = facts.get("quiet_from"), facts.get("quiet_until")
        facts["quiet"] = None
        if {"quiet_from", "quiet_until"} & self.errors.keys() or (begins is None and ends is None):
            return
        if begins is None or ends is None:
            self.add_error("quiet_from" if begins is None else "quiet_until", NO_QUIET)
            return
        quiet = QuietHours(begins, ends, facts.get("quiet_zone") or "UTC")
        try:
            facts["quiet"] = setup.checked_quiet_hours(quiet)
        except ValueError as error:
            self.add_error("quiet_until" if begins == ends else "quiet_zone", str(error))

    def facts(self) -> setup.RuleFacts:
        """Of a valid form."""
        told = self.cleaned_data
        return setup.RuleFacts(
            states=told["states"],
            channels=list(told["channels"]),
            connections=list(told["connections"]),
            base_models=told["base_models"],
            metadata=told["metadata"],
            is_urgent=told["is_urgent"],
            quiet=told["quiet"],
            name=told["name"],
        )


def initial_of(rule: Rule) -> dict[str, Any]:
    """What the form of an existing rule shows first."""
    quiet = rulebook.quiet_hours_of(rule)
    return {
        "states": rule.states,
        "connections": [one.public_id for one in rule.connections.all()],
        "base_models": "\n".join(rule.base_models),
        "metadata": "\n".join(f"{key}={value}" for key, value in sorted(rule.metadata.items())),
        "channels": [one.public_id for one in rule.channels.all()],
        "is_urgent": rule.is_urgent,
        "name": rule.name,
        **({"quiet_from": quiet.begins, "quiet_until": quiet.ends} if quiet else {}),
        **({"quiet_zone": quiet.zone} if quiet else {}),
    }
