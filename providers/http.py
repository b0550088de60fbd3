"""What all dialects share: how a request is built, sent, counted, and told to `on_reply`."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlencode, urlsplit

from outbound.client import Limits, Reply, send
from outbound.errors import OutboundError, Redirected
from outbound.redact import redact, remember
from outbound.secret import Secret
from providers import errors
from providers.base import Account, Provider
from providers.failures import raise_transport
from providers.ratelimits import RateLimits, read_rate_limits, read_retry_after
from providers.traffic import OnReply, Traffic
from providers.wire import is_id

JOB_LIMITS = Limits(max_bytes=1024 * 1024)
LIST_LIMITS = Limits(max_bytes=4 * 1024 * 1024)
# With what a run and a chain of questions may take before, this stays below the task's time limit.
CONTENT_DEADLINE_S = 25.0
ANYTHING = "*/*"
# Headers that belong to the connection itself; an extra header cannot replace them.
_RESERVED = frozenset(
    {"connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade"}
)
# Gateways take their keys in headers of their own (Portkey: x-portkey-api-key).
# Whole parts of a name: x-portkey-provider is none.
_SECRET_WORDS = frozenset(
    {
        *("accesstoken", "apikey", "auth", "authorization", "bearer", "cookie", "credential"),
        *("credentials", "key", "passwd", "password", "secret", "signature", "token"),
    }
)


@dataclass(frozen=True, slots=True)
class Ask:
    """One request below the base URL."""

    path: str
    capability: str
    query: Mapping[str, str]
    limits: Limits = JOB_LIMITS
    accept: str = "application/json"
    method: str = "GET"
    content: bytes = b""


class HttpProvider(Provider):
    """A provider that is asked over HTTP. Many threads may share one."""

    def __init__(self, account: Account, on_reply: OnReply | None = None) -> None:
        super().__init__(account, on_reply)
        self._counting = threading.Lock()
        for secret in _secrets(account):
            remember(secret)

    def standing_query(self) -> Mapping[str, str]:
        """What every request carries in its query."""
        return self.account.extra_query

    def get(
        self,
        path: str,
        capability: str,
        *,
        query: Mapping[str, str] | None = None,
        limits: Limits = JOB_LIMITS,
        accept: str = "application/json",
    ) -> Reply:
        """The reply to a GET, whatever its status. Raises ProviderError when there is none."""
        ask = Ask(path, capability, query or {}, limits, accept)
        try:
            return self._exchange(ask)
        except OutboundError as error:
            raise_transport(error)

    def post(self, path: str, capability: str, content: bytes = b"") -> Reply:
        """The reply to a POST. Raises OutcomeUnknown when it was sent and not answered."""
        ask = Ask(path, capability, {}, method="POST", content=content)
        try:
            return self._exchange(ask)
        except OutboundError as error:
            if error.maybe_sent and not isinstance(error, Redirected):
                raise errors.OutcomeUnknown(redact(error.message)) from error
            raise_transport(error)

    def _exchange(self, ask: Ask) -> Reply:
        url = _url(self.account, ask.path, {**self.standing_query(), **ask.query})
        headers = _headers(self.account, ask)
        with self._counting:
            self.requests_made += 1
        at, started = datetime.now(UTC), time.monotonic()
        reply: Reply | None = None
        try:
            reply = send(ask.method, url, headers=headers, content=ask.content, limits=ask.limits)
        finally:
            self._tell(ask, at, time.monotonic() - started, reply)
        return reply

    def _tell(self, ask: Ask, at: datetime, elapsed_s: float, reply: Reply | None) -> None:
        limits = read_rate_limits(reply.headers) if reply else RateLimits()
        if reply:
            self.rate_limits = limits
        if self.on_reply is None:
            return
        status = reply.status if reply else None
        wait = read_retry_after(reply.headers, at) if reply else None
        address = redact(_base(self.account) + ask.path)
        self.on_reply(
            Traffic(status, elapsed_s, limits, at, ask.capability, ask.method, wait, address)
        )


def quoted(some_id: str) -> str:
    """The id, safe in a path. Raises BadRequest for what is none."""
    if not is_id(some_id):
        raise errors.BadRequest("An id has only letters, digits, _ and -, at most 128 of them.")
    return quote(some_id, safe="")


def names_a_secret(header: str) -> bool:
    """Whether a header of this name carries a secret as a rule."""
    return not _SECRET_WORDS.isdisjoint(header.lower().split("-"))


def _secrets(account: Account) -> list[Secret]:
    found = [account.api_key] if account.api_key else []
    for name, value in account.extra_headers.items():
        if isinstance(value, str) and names_a_secret(name):
            found.append(Secret(value.removeprefix("Bearer ")))
    return found


def _base(account: Account) -> str:
    parts = urlsplit(account.base_url.strip())
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _url(account: Account, path: str, query: Mapping[str, str]) -> str:
    parts = urlsplit(account.base_url.strip())
    whole = "&".join(part for part in (parts.query, urlencode(query)) if part)
    base = _base(account) + path
    return f"{base}?{whole}" if whole else base


def _headers(account: Account, ask: Ask) -> dict[str, str]:
    taken = _RESERVED | {account.auth_header.lower()} if account.api_key else _RESERVED
    headers = {k: v for k, v in account.extra_headers.items() if k.lower() not in taken}
    headers["Accept"] = ask.accept
    if ask.content:
        headers["Content-Type"] = "application/json"
    if account.organization:
        headers["OpenAI-Organization"] = account.organization
    if account.project:
        headers["OpenAI-Project"] = account.project
    if account.api_key:
        key = account.api_key.reveal()
        bare = account.auth_header.lower() != "authorization"
        headers[account.auth_header] = key if bare else f"Bearer {key}"
    return headers
