"""A connection as people enter it. The key is write-only: no form ever shows one."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django import forms
from django.core.validators import RegexValidator
from django.http import QueryDict
from django.utils.text import slugify

from accounts.models import Team
from jobs.models import Connection
from outbound import policy
from outbound.errors import Blocked
from outbound.redact import redact
from outbound.secret import Secret
from providers.base import Account, dialects
from providers.http import names_a_secret

USUAL_DIALECT = "openai"
PLACEHOLDER = "your-"  # in usual addresses that hold a name of the customer's
HEADER_NAME = re.compile(r"^[A-Za-z0-9-]{1,60}$")
ONE_LINE = RegexValidator(r"^[^\x00-\x1f\x7f]*$", "Use one line without control characters.")
PRINTABLE = re.compile(r"^[\x21-\x7e]*$")
HEADER_VALUE = re.compile(r"^[\x20-\x7e]{1,400}$")
HEADERS_AT_MOST = 20
# Each belongs to the connection itself, or is written by the client with every request.
NOT_OURS_TO_SET = frozenset(
    {
        *("accept", "accept-encoding", "connection", "content-length", "content-type", "expect"),
        *("host", "keep-alive", "openai-organization", "openai-project", "proxy-connection"),
        *("te", "trailer", "transfer-encoding", "upgrade"),
    }
)
NOT_SEALED_HERE = (
    "{name} looks like a secret, and these headers are stored as they are. Enter it as the API key, "
    "and name its header under Header of the key."
)
KEY_OF_ANOTHER_ADDRESS = "The address changed: enter the key again. A key is only sent to the address it was entered for."


@dataclass(frozen=True, slots=True)
class DialectLine:
    """What the form says of a provider."""

    name: str
    title: str
    help: str
    base_url: str


class ConnectionForm(forms.Form):
    """`connection` None adds one. `kept_key`: a key entered before, for exactly this address."""

    name = forms.CharField(
        max_length=80,
        validators=[ONE_LINE],
        help_text="Short, as it shall appear beside its jobs: prod-eu, lab.",
    )
    dialect = forms.ChoiceField(label="Provider")
    base_url = forms.CharField(
        label="Base URL",
        max_length=400,
        required=False,
        help_text="Usually ends in /v1. Empty: the provider's usual one, where it has one.",
    )
    api_key = forms.CharField(
        label="API key",
        max_length=400,
        required=False,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Stored encrypted and never shown again. Reading jobs and files is enough.",
    )
    organization = forms.CharField(
        max_length=120,
        required=False,
        help_text="Sent as OpenAI-Organization. Only for keys of several organizations.",
    )
    project = forms.CharField(max_length=120, required=False, help_text="Sent as OpenAI-Project.")
    auth_header = forms.CharField(
        label="Header of the key",
        max_length=60,
        required=False,
        initial="Authorization",
        help_text="Authorization sends it as a bearer token; Azure uses api-key.",
    )
    extra_query = forms.CharField(
        label="Query added to every request",
        max_length=400,
        required=False,
        help_text="For example api-version=2024-10-21.",
    )
    poll_interval_s = forms.IntegerField(
        label="Seconds between two looks",
        required=False,
        min_value=2,
        max_value=86_400,
        help_text="Empty: as this installation is set.",
    )
    requests_per_minute = forms.IntegerField(
        label="Requests per minute at most",
        required=False,
        min_value=1,
        max_value=6000,
        help_text="All workers together keep to it; what is too much waits. Empty: as fast as "
        "is needed. Below 20, jobs with many events are read slowly.",
    )
    extra_headers = forms.CharField(
        label="Headers added to every request",
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="One a line, as name: value. Gateways ask for some, as x-portkey-provider: "
        "@openai-prod. No secrets: they are stored as they are.",
    )
    ADVANCED = (
        *("organization", "project", "auth_header", "extra_query", "extra_headers"),
        *("poll_interval_s", "requests_per_minute"),
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        initial: dict[str, Any] | None = None,
        connection: Connection | None = None,
    ) -> None:
        super().__init__(data, initial=initial)
        self.connection = connection
        self.kept_key: Secret | None = None
        choices = [(line.name, line.title) for line in dialect_lines()]
        choices.sort(key=lambda choice: choice[0] != USUAL_DIALECT)
        self.fields["dialect"] = forms.ChoiceField(label="Provider", choices=choices)
        if connection and connection.sealed_key:
            end = f"that ends in {connection.key_last4}" if connection.key_last4 else "that is set"
            self.fields["api_key"].help_text = f"Empty keeps the key {end}."

    def providers(self) -> list[DialectLine]:
        return dialect_lines()

    def advanced(self) -> list[forms.BoundField]:
        return [self[name] for name in self.ADVANCED]

    def basic(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in self.ADVANCED]

    def is_advanced_open(self) -> bool:
        return any(
            field.errors or (field.value() or "") != (field.initial or "")
            for field in self.advanced()
        )

    def clean_base_url(self) -> str:
        url = str(self.cleaned_data["base_url"]).rstrip("/") or self._usual_url()
        try:
            policy.check_url(url)
        except Blocked as refused:
            raise forms.ValidationError(str(refused)) from None
        if urlsplit(url).query:
            raise forms.ValidationError(
                "The base URL has no query; there is a field of its own for that."
            )
        return url

    def _usual_url(self) -> str:
        found = dialects().get(str(self.data.get("dialect", "")))
        usual = found.default_base_url if found else ""
        if not usual or PLACEHOLDER in usual:
            raise forms.ValidationError(
                f"Enter the address, as {usual}." if usual else "Enter the address of the server."
            )
        return usual

    def clean_api_key(self) -> str:
        key = str(self.cleaned_data["api_key"])
        if not PRINTABLE.match(key):
            raise forms.ValidationError("A key has no spaces and no special signs.")
        return key

    def clean_organization(self) -> str:
        return self._header_value("organization")

    def clean_project(self) -> str:
        return self._header_value("project")

    def _header_value(self, name: str) -> str:
        if not PRINTABLE.match(str(self.cleaned_data[name])):
            raise forms.ValidationError("This has no spaces and no special signs.")
        return str(self.cleaned_data[name])

    def clean_auth_header(self) -> str:
        name = str(self.cleaned_data["auth_header"]) or "Authorization"
        if not HEADER_NAME.match(name) or name.lower() in {
            "host",
            "connection",
            "content-length",
            "cookie",
        }:
            raise forms.ValidationError("This is no header that can carry a key.")
        return name

    def clean_extra_query(self) -> dict[str, str]:
        try:
            pairs = parse_qsl(
                str(self.cleaned_data["extra_query"]), strict_parsing=True, max_num_fields=10
            )
        except ValueError:
            if self.cleaned_data["extra_query"]:
                raise forms.ValidationError(
                    "Write it as name=value, several joined by &."
                ) from None
            return {}
        return dict(pairs)

    def clean_extra_headers(self) -> dict[str, str]:
        lines = str(self.cleaned_data["extra_headers"]).splitlines()
        found = dict(_read_header(line) for line in lines if line.strip())
        if len(found) > HEADERS_AT_MOST:
            raise forms.ValidationError(f"At most {HEADERS_AT_MOST} headers.")
        return found

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        held, url = self.connection, cleaned.get("base_url")
        if url and (owner := _other_owner(url, str(cleaned.get("dialect", "")))):
            self.add_error("base_url", f"This is the address of {dialect_label(owner)}.")
        taken = {name.lower() for name in cleaned.get("extra_headers", {})}
        if str(cleaned.get("auth_header", "")).lower() in taken:
            self.add_error("extra_headers", "The header of the key is sent already.")
        has_new_key = bool(cleaned.get("api_key") or self.kept_key)
        if held and held.sealed_key and url and url != held.base_url and not has_new_key:
            self.add_error("api_key", KEY_OF_ANOTHER_ADDRESS)
        return cleaned

    def key(self) -> Secret | None:
        """The key to use: the one just entered, one entered before for this address, or the stored one."""
        if entered := self.cleaned_data["api_key"]:
            return Secret(entered)
        if self.kept_key:
            return self.kept_key
        return self.connection.key() if self.connection else None

    def account(self) -> Account:
        """What a test asks with. Raises accounts.cipher.CannotOpen."""
        facts = self.cleaned_data
        return Account(
            dialect=facts["dialect"],
            base_url=facts["base_url"],
            api_key=self.key(),
            auth_header=facts["auth_header"],
            organization=facts["organization"] or None,
            project=facts["project"] or None,
            extra_query=facts["extra_query"],
            extra_headers=facts["extra_headers"],
        )

    def apply_to(self, connection: Connection) -> list[str]:
        """Put the entered facts into the row, unsaved; the names of the fields that change."""
        names = ["name", "dialect", "base_url", *self.ADVANCED]
        changed = [name for name in names if getattr(connection, name) != self.cleaned_data[name]]
        for name in changed:
            setattr(connection, name, self.cleaned_data[name])
        if self.cleaned_data["api_key"] or self.kept_key:
            connection.set_key(self.key())
            changed += ["sealed_key", "key_last4"]
        return changed


def initial_of(connection: Connection) -> dict[str, Any]:
    names = ("name", "dialect", "base_url", *ConnectionForm.ADVANCED)
    return {name: getattr(connection, name) for name in names} | {
        "extra_query": urlencode(connection.extra_query),
        "extra_headers": "\n".join(f"{k}: {v}" for k, v in connection.extra_headers.items()),
    }


def _read_header(line: str) -> tuple[str, str]:
    name, colon, value = (part.strip() for part in line.partition(":"))
    if not colon or not HEADER_NAME.match(name) or not HEADER_VALUE.match(value):
        raise forms.ValidationError(f"Not a header: {line.strip()[:80]!r}. Write name: value.")
    if name.lower() in NOT_OURS_TO_SET:
        raise forms.ValidationError(f"{name} is set with every request and cannot be replaced.")
    if is_secret(name, value):
        raise forms.ValidationError(NOT_SEALED_HERE.format(name=name))
    return name, value


def is_secret(name: str, value: str) -> bool:
    """Whether a header looks as if it carried one, by its name or by its value."""
    return names_a_secret(name) or redact(value) != value


def _other_owner(url: str, dialect: str) -> str | None:
    """The dialect whose usual address this is, when another was chosen that has its own."""
    chosen = dialects().get(dialect)
    if chosen is None or chosen.default_base_url in {"", url}:
        return None
    return next((name for name, one in dialects().items() if one.default_base_url == url), None)


def dialect_lines() -> list[DialectLine]:
    return [
        DialectLine(name, dialect_label(name), one.help, one.default_base_url)
        for name, one in dialects().items()
    ]


def dialect_label(name: str) -> str:
    """The dialect's own label; the bare name of one that is no longer there."""
    found = dialects().get(name)
    return found.label if found else name


def free_slug(team: Team, name: str) -> str:
    """A slug of the name that no connection of the team has yet."""
    base = slugify(name)[:50] or "connection"
    taken = {"add", *_slugs_like(team, base)}
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return next(slug for slug in (base, *numbered) if slug not in taken)


def _slugs_like(team: Team, base: str) -> set[str]:
    """Those of archived connections too."""
    return set(
        Connection.objects.for_team(team)
        .filter(slug__startswith=base)
        .values_list("slug", flat=True)
    )


class AddJobForm(forms.Form):
    job_id = forms.CharField(
        label="Job id", max_length=128, help_text="As the provider writes it: ftjob-..."
    )


class ConfirmNameForm(forms.Form):
    """Removing asks for the name of what goes."""

    name = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, expected: str, data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.expected = " ".join(expected.split())  # as one line of a form can hold it
        self.fields["name"].label = f"Type {self.expected} to confirm"
        self.fields["name"].error_messages["required"] = f"Type {self.expected}."

    def clean_name(self) -> str:
        name = " ".join(str(self.cleaned_data["name"]).split())
        if name != self.expected:
            raise forms.ValidationError(f"This is not {self.expected}.")
        return name
