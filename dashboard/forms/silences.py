"""For how long a job is snoozed."""

from django import forms

from alerts.silences import SPANS


class SnoozeForm(forms.Form):
    span = forms.ChoiceField(
        label="For", choices=[(span, words) for span, (_, words) in SPANS.items()]
    )
