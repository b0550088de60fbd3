"""What people enter of a channel beside the form of its kind: alerts.channels."""

from django import forms

from dashboard.forms.connections import ONE_LINE


class ChannelNameForm(forms.Form):
    """What every kind of channel has."""

    name = forms.CharField(
        max_length=80,
        validators=[ONE_LINE],
        help_text="As it shall appear in rules: on-call, ml-team.",
    )
    messages_per_minute = forms.IntegerField(
        label="At most so many messages a minute",
        required=False,
        min_value=1,
        max_value=6000,
        help_text="Empty: what the receiver's own documentation allows.",
    )
