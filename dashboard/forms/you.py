"""Who somebody is here: name, address, and the clock that times are told by."""

from django import forms
from django.http import QueryDict

from accounts.models import User
from alerts.quiet_hours import spelled
from dashboard.forms.connections import ONE_LINE


class YouForm(forms.Form):
    """Of `user`, who is signed in. `save` raises IntegrityError for an address taken meanwhile.

    `may_move`: to another address. Nothing checks whose it is, so only admins may, who could invite it:
    else a member waits at a colleague's address for the invitation to another team.
    """

    name = forms.CharField(
        max_length=80,
        required=False,
        validators=[ONE_LINE],
        help_text="How the team sees you: in lists, notes and the log. Empty: your e-mail.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        help_text="You sign in with it, and as an admin you get mail there when a channel stops "
        "working. Nothing checks whether mail arrives: read it twice.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    time_zone = forms.CharField(
        label="Time zone",
        max_length=64,
        help_text="A place, as Europe/Berlin, or UTC.",
        widget=forms.TextInput(attrs={"list": "zones", "spellcheck": "false"}),
    )

    def __init__(self, user: User, data: QueryDict | None = None, *, may_move: bool) -> None:
        initial = {name: getattr(user, name) for name in ("name", "email", "time_zone")}
        super().__init__(data, initial=initial)
        self.user = user
        if not may_move:
            email = self.fields["email"]
            email.disabled, email.help_text = True, FIXED

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).lower()
        if User.objects.filter(email=email).exclude(pk=self.user.pk).exists():
            raise forms.ValidationError(CANNOT_BE_YOURS)
        return email

    def clean_time_zone(self) -> str:
        zone = spelled(self.cleaned_data["time_zone"])
        if zone is None:
            raise forms.ValidationError("No such time zone. Choose one of the list.")
        return zone

    def changes(self) -> list[str]:
        """The names of the fields whose value is another than before, of a valid form."""
        return [name for name in self.fields if self.cleaned_data[name] != self.initial[name]]

    def save(self) -> None:
        """Other users' rows and the other fields of this one are left alone."""
        changed = {name: self.cleaned_data[name] for name in self.changes()}
        User.objects.filter(pk=self.user.pk).update(**changed)


FIXED = (
    "You sign in with it. Only admins can change their address; one can invite you under another."
)
# Of whose it is, or whether anybody has it, nothing is told.
CANNOT_BE_YOURS = "This address cannot be used. Enter another."
