"""The OpenAI dialect, which Azure, Nebius, gateways and self-hosted servers speak too."""

from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit

from outbound.client import Limits, Reply, send
from outbound.errors import OutboundError
from outbound.redact import remember
from providers import errors
from providers.base import RESULT_FILE_BYTES, Account, Check, Provider
from providers.checkup import run_checks
from providers.failures import OK_STATUSES, failure, not_readable, raise_transport, read_object
from providers.ratelimits import read_rate_limits
from providers.wire import (
    Checkpoint,
    Element,
    Event,
    File,
    Invalid,
    Job,
    Page,
    is_id,
    read_checkpoint,
    read_element,
    read_event,
    read_file,
    read_job,
    read_page,
)

T = TypeVar("T")

MAX_LIMIT = 100
JOBS = "/fine_tuning/jobs"
JOB_LIMITS = Limits(max_bytes=1024 * 1024)
LIST_LIMITS = Limits(max_bytes=4 * 1024 * 1024)
CONTENT_DEADLINE_S = 60.0
_NO_SUCH_ROUTE = frozenset({404, 405, 501})
# Headers that belong to the connection itself; an extra header cannot replace them.
_RESERVED = frozenset(
    {"connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade"}
)


class OpenAI(Provider):
    """An account at OpenAI or at a server of the same shape."""

    name = "openai"

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        if account.api_key:
            remember(account.api_key)

    def retrieve_job(self, job_id: str) -> Element:
        """The job with exactly this id; an answer about another one is refused."""
        reply = self._get(f"{JOBS}/{_quoted(job_id)}")
        element = read_element(read_object(reply, "jobs"))
        if isinstance(element, Invalid):
            raise not_readable(f"The job cannot be read. {element.reason}", reply)
        if element.id != job_id:
            raise not_readable("The answer is about another job than the one asked for.", reply)
        return element

    def list_jobs(self, after: str | None = None, limit: int = MAX_LIMIT) -> Page[Element]:
        """One page of jobs, newest first as a rule."""
        return self._page(JOBS, "jobs", read_element, _paging(after, limit))

    def read_job(self, element: Element) -> Job | Invalid:
        """The job inside an element."""
        return read_job(element.raw, self.account.dialect)

    def list_events(
        self, job_id: str, after: str | None = None, limit: int = MAX_LIMIT
    ) -> Page[Event]:
        """One page of a job's events, newest first as a rule; empty where the route is missing."""
        path = f"{JOBS}/{_quoted(job_id)}/events"
        if not self.has_events:
            return _no_page()
        try:
            return self._page(path, "events", read_event, _paging(after, limit))
        except errors.ProviderError as error:
            if not _is_missing_route(error):
                raise
            self.has_events = False
            return _no_page()

    def list_checkpoints(
        self, job_id: str, after: str | None = None, limit: int = MAX_LIMIT
    ) -> Page[Checkpoint]:
        """One page of a job's checkpoints; a 404 means there are none, not that the job is gone."""
        path = f"{JOBS}/{_quoted(job_id)}/checkpoints"
        if not self.has_checkpoints:
            return _no_page()
        try:
            return self._page(path, "checkpoints", read_checkpoint, _paging(after, limit))
        except errors.ProviderError as error:
            if error.status not in _NO_SUCH_ROUTE:
                raise
            self.has_checkpoints = not _is_missing_route(error)
            return _no_page()

    def file(self, file_id: str) -> File:
        """What the provider says about a file. Raises Missing when it is no longer there."""
        reply = self._get(f"/files/{_quoted(file_id)}")
        found = read_file(read_object(reply, "files"))
        if isinstance(found, Invalid):
            raise not_readable(f"The file cannot be read. {found.reason}", reply)
        if found.id != file_id:
            raise not_readable("The answer is about another file than the one asked for.", reply)
        return found

    def file_content(self, file_id: str, max_bytes: int = RESULT_FILE_BYTES) -> bytes:
        """The bytes of a file as served, at most `max_bytes`."""
        limits = Limits(max_bytes=max_bytes, deadline_s=CONTENT_DEADLINE_S)
        path = f"/files/{_quoted(file_id)}/content"
        reply = self._get(path, limits=limits, accept="*/*")
        if reply.status not in OK_STATUSES:
            raise failure(reply, "files")
        return reply.body

    def check(self) -> list[Check]:
        """What the key can do here: jobs, events, files and models, with advice where not."""
        return run_checks(self)

    def get_object(self, path: str, capability: str) -> Mapping[str, object]:
        """The JSON object at a path below the base URL."""
        return read_object(self._get(path, limits=LIST_LIMITS), capability)

    def _page(
        self,
        path: str,
        capability: str,
        read: Callable[[object], T | Invalid],
        query: Mapping[str, str],
    ) -> Page[T]:
        reply = self._get(path, query=query, limits=LIST_LIMITS)
        page = read_page(read_object(reply, capability), read)
        if isinstance(page, Invalid):
            raise not_readable(page.reason, reply)
        return page

    def _get(
        self,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        limits: Limits = JOB_LIMITS,
        accept: str = "application/json",
    ) -> Reply:
        url = _url(self.account, path, query or {})
        self.requests_made += 1
        try:
            reply = send("GET", url, headers=_headers(self.account, accept), limits=limits)
        except OutboundError as error:
            raise_transport(error)
        self.rate_limits = read_rate_limits(reply.headers)
        return reply


def _quoted(some_id: str) -> str:
    if not is_id(some_id):
        raise errors.BadRequest("An id has only letters, digits, _ and -, at most 128 of them.")
    return quote(some_id, safe="")


def _paging(after: str | None, limit: int) -> dict[str, str]:
    query = {"limit": str(max(1, min(limit, MAX_LIMIT)))}
    return {"after": after, **query} if after else query


def _url(account: Account, path: str, query: Mapping[str, str]) -> str:
    parts = urlsplit(account.base_url.strip())
    own = urlencode({**account.extra_query, **query})
    whole = "&".join(part for part in (parts.query, own) if part)
    base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}{path}"
    return f"{base}?{whole}" if whole else base


def _headers(account: Account, accept: str) -> dict[str, str]:
    taken = _RESERVED | {account.auth_header.lower()}
    headers = {k: v for k, v in account.extra_headers.items() if k.lower() not in taken}
    headers["Accept"] = accept
    if account.organization:
        headers["OpenAI-Organization"] = account.organization
    if account.project:
        headers["OpenAI-Project"] = account.project
    if account.api_key:
        key = account.api_key.reveal()
        bare = account.auth_header.lower() != "authorization"
        headers[account.auth_header] = key if bare else f"Bearer {key}"
    return headers


def _is_missing_route(error: errors.ProviderError) -> bool:
    # A missing job says so by its code; a server without the route does not.
    return error.status in _NO_SUCH_ROUTE and not (error.code or "").endswith("_not_found")


def _no_page() -> Page[T]:
    return Page((), has_more=False, skipped=0, last_id=None)
