"""What is wrong with the settings of a connection, found out by asking in other ways.

The key goes to no other host than the one it was entered for, and never from https to plain http.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from outbound import errors as transport
from providers import errors
from providers.base import Account, dialects

if TYPE_CHECKING:
    from providers.openai import OpenAI

USUALLY = "Check the base URL; it usually ends in /v1."
# The server knows the path: it judged the key, or the account, or the speed.
_KNOWS = (errors.KeyRejected, errors.Forbidden, errors.RateLimited, errors.QuotaExhausted)
# People paste the address of a single endpoint.
_ENDPOINT = re.compile(
    r"/(?:fine_tuning|fine-tunes|supervisedFineTuningJobs|models|files|chat|completions|responses"
    r"|embeddings)(?:/.*)?\Z"
)
_DOUBLED = re.compile(r"(?:/v1){2,}\Z")
_WRONG_PLACE = (errors.Missing, errors.NotReadable, errors.Redirected, errors.BadRequest)
_FAMILY = frozenset({"openai", "azure", "nebius", "generic"})


@dataclass(frozen=True, slots=True)
class Advice:
    """What to change. `finding`: found out by asking; `hint`: only where to look."""

    finding: str = ""
    hint: str = ""


def advise(provider: "OpenAI", error: errors.ProviderError) -> Advice:
    """What to change so that this error goes away; nothing where it says so itself."""
    if isinstance(error, errors.KeyRejected):
        return Advice(_about_the_key(provider))
    if isinstance(error, errors.Unreachable):
        return _about_the_way(provider, error.__cause__)
    if not isinstance(error, _WRONG_PLACE):
        return Advice()
    found = better_address(provider) or _other_dialect(provider) or _other_scheme(provider)
    return Advice(found, "" if found else _hint(error))


def _hint(error: errors.ProviderError) -> str:
    if isinstance(error, errors.Redirected):
        return "A redirect is not followed, so that the key goes nowhere else: enter the address of the API itself."
    return "" if isinstance(error, errors.BadRequest) else USUALLY


def better_address(provider: "OpenAI") -> str:
    """The base URL at which an API answers, and what is wrong with this one; "" when none does."""
    parts = urlsplit(provider.account.base_url.strip())
    for path, fault in _other_paths(parts.path, parts.hostname or ""):
        candidate = urlunsplit(parts._replace(path=path))
        if _answers(provider, replace(provider.account, base_url=candidate)):
            return f"{fault} The API answers at {candidate}: use that as the base URL."
    return ""


def _other_paths(path: str, host: str) -> Iterator[tuple[str, str]]:
    """Paths worth a try, each with what would be wrong then."""
    plain = re.sub("//+", "/", path).rstrip("/")
    if plain != path.rstrip("/"):
        yield plain, "The base URL has a double slash."
    cut = _ENDPOINT.sub("", plain)
    if cut != plain:
        yield cut, "The base URL goes on to a single endpoint."
        yield f"{cut}/v1", "The base URL goes on to a single endpoint."
    elif _DOUBLED.search(plain):
        root = _DOUBLED.sub("", plain)
        yield f"{root}/v1", "The base URL has /v1 twice."
        yield root, "The base URL has a /v1 too many."
    elif plain.endswith("/v1"):
        yield plain.removesuffix("/v1"), "The base URL has a /v1 too many."
    else:
        yield f"{plain}/v1", "The base URL lacks /v1."
    if host.endswith(".openai.azure.com") and "/openai" not in plain:
        yield "/openai/v1", "The base URL lacks /openai/v1."


def _answers(provider: "OpenAI", account: Account) -> bool:
    """Whether this account's list of jobs is known to the server."""
    other = _like(provider, account)
    try:
        other.list_jobs(limit=1)
    except _KNOWS:
        return True
    except errors.ProviderError:
        return False
    return other.has_list


def _like(provider: "OpenAI", account: Account) -> "OpenAI":
    kind: type[OpenAI] = dialects()[account.dialect]  # type: ignore[assignment]  # all dialects grew from OpenAI's
    return kind(account, provider.on_reply)


def _other_dialect(provider: "OpenAI") -> str:
    """A dialect with another path at which the server answers."""
    tried = {provider.jobs_path}
    for name in dialects():
        other = _like(provider, replace(provider.account, dialect=name))
        if other.jobs_path in tried:
            continue
        tried.add(other.jobs_path)
        if _answers(provider, other.account):
            return f"The server speaks another dialect: choose {other.label} as the provider."
    return ""


def misread(provider: "OpenAI", raw: object) -> str:
    """Which dialect a job of the list is in when it is not the provider's; else ""."""
    kind = raw.get("object") if isinstance(raw, dict) else None
    is_ours = provider.name in _FAMILY
    if kind == "fine_tuning.job" and not is_ours:
        return "The jobs are written as OpenAI writes them: choose OpenAI or OpenAI-compatible as the provider."
    if kind == "job" and is_ours:
        label = dialects()["mistral"].label
        return f"The jobs are written as Mistral writes them: choose {label} as the provider."
    return ""


def _about_the_key(provider: "OpenAI") -> str:
    account = provider.account
    if account.api_key is None:
        return "No key was given; this server wants one."
    is_bearer = account.auth_header.lower() == "authorization"
    header = "api-key" if is_bearer else "Authorization"
    if not _takes_key(provider, replace(account, auth_header=header)):
        return ""
    azure = " and Azure OpenAI as the provider" if is_bearer else ""
    return f"It takes the same key in the header {header}: choose that header{azure}."


def _takes_key(provider: "OpenAI", account: Account) -> bool:
    try:
        _like(provider, account).list_jobs(limit=1)
    except errors.KeyRejected:
        return False
    except _KNOWS:
        return True
    except errors.ProviderError:
        return False
    return True


def _about_the_way(provider: "OpenAI", cause: BaseException | None) -> Advice:
    if isinstance(cause, transport.Unresolved):
        return Advice(hint="Check how the host name is written.")
    if isinstance(cause, transport.Refused):
        return Advice(hint="Check host and port, and whether the server runs.")
    if isinstance(cause, transport.BadCertificate):
        return Advice(hint="Use the host name that the certificate was made for.")
    if isinstance(cause, transport.TimedOut):
        # A server that waits for the rest of a request swallows a TLS greeting in silence.
        spoken = "" if cause.maybe_sent else _other_scheme(provider)
        return Advice(spoken, "Check host and port; a firewall on the way can look like this.")
    return Advice(_other_scheme(provider), "Check host and port.")


def _other_scheme(provider: "OpenAI") -> str:
    """Whether the port speaks TLS where http was said, or plain http where https was."""
    parts = urlsplit(provider.account.base_url.strip())
    scheme = "http" if parts.scheme == "https" else "https"
    candidate = urlunsplit(parts._replace(scheme=scheme))
    bare = replace(provider.account, base_url=candidate, api_key=None, extra_headers={})
    try:
        _like(provider, bare).list_jobs(limit=1)
    except errors.ProviderError as error:
        if error.status is None and not isinstance(error.__cause__, transport.BadCertificate):
            return ""
    spoken = "TLS" if scheme == "https" else "plain http"
    return f"This port speaks {spoken}: the base URL starts with {scheme}:// then."
