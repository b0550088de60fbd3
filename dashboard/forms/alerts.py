"""A rule as people enter it. Channels have a form of their kind: alerts.channels."""

from django import forms
from django.http import QueryDict

from accounts.models import Team
from alerts.models import Channel
from alerts.rules import RULE_STATES
from dashboard.forms.connections import ONE_LINE
from jobs.models import Connection

USUAL = ("succeeded", "failed", "cancelled")


class RuleForm(forms.Form):
    """Offers only channels and connections of the team, so another team's id is refused as no choice."""

    states = forms.MultipleChoiceField(
        label="When a job or its connection becomes",
        choices=list(RULE_STATES.items()),
        initial=USUAL,
        widget=forms.CheckboxSelectMultiple,
    )
    connections = forms.ModelMultipleChoiceField(
        Connection.objects.none(),
        required=False,
        label="On (none: any connection)",
        widget=forms.CheckboxSelectMultiple,
    )
    channels = forms.ModelMultipleChoiceField(
        Channel.objects.none(), label="Tell", widget=forms.CheckboxSelectMultiple
    )
    name = forms.CharField(
        max_length=80, required=False, validators=[ONE_LINE], help_text="Only for this list."
    )

    def __init__(self, team: Team, data: QueryDict | None = None) -> None:
        super().__init__(data)
        # Row numbers of other teams are nobody's business, so the choices go by public id.
        connections, channels = self.fields["connections"], self.fields["channels"]
        assert isinstance(connections, forms.ModelMultipleChoiceField)  # noqa: S101  # as declared above
        assert isinstance(channels, forms.ModelMultipleChoiceField)  # noqa: S101  # as declared above
        connections.to_field_name = channels.to_field_name = "public_id"
        connections.queryset = Connection.objects.for_team(team).live().order_by("name")
        channels.queryset = Channel.objects.for_team(team).set_up().order_by("name")


class ChannelNameForm(forms.Form):
    """What every kind of channel has."""

    name = forms.CharField(
        max_length=80,
        validators=[ONE_LINE],
        help_text="As it shall appear in rules: on-call, ml-team.",
    )
