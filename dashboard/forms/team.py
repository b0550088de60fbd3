"""Members and tokens as people enter them."""

from django import forms

from accounts.models import Role
from dashboard.forms.connections import ONE_LINE

LIVES = (
    ("", "never"),
    ("7", "in 7 days"),
    ("30", "in 30 days"),
    ("90", "in 90 days"),
    ("365", "in a year"),
)


class InviteForm(forms.Form):
    email = forms.EmailField(
        label="E-mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    name = forms.CharField(max_length=80, required=False, validators=[ONE_LINE])
    role = forms.ChoiceField(
        choices=Role.choices,
        initial=Role.VIEWER,
        help_text="A viewer reads. An editor also acts on jobs and rules. An admin also sets up connections, channels and members.",
    )


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


class TokenForm(forms.Form):
    name = forms.CharField(
        max_length=80, validators=[ONE_LINE], help_text="What it is for: grafana, nightly export."
    )
    days = forms.TypedChoiceField(
        label="Expires", choices=LIVES, required=False, coerce=int, empty_value=None
    )
