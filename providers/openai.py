"""The OpenAI dialect, which Azure, Nebius, gateways and self-hosted servers speak too."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from outbound.client import Limits
from providers import errors
from providers.actions import read_outcome
from providers.base import RESULT_FILE_BYTES, Check
from providers.catalog import BaseModel, ModelLimit, read_limits, read_models
from providers.checkup import run_checks
from providers.decode import decode
from providers.failures import OK_STATUSES, failure, not_readable, read_object
from providers.http import ANYTHING, CONTENT_DEADLINE_S, LIST_LIMITS, HttpProvider, quoted
from providers.wire import (
    Checkpoint,
    Element,
    Event,
    File,
    Invalid,
    Job,
    Page,
    read_checkpoint,
    read_element,
    read_event,
    read_file,
    read_job,
    read_page,
)

T = TypeVar("T")

MAX_LIMIT = 100
CANCEL = frozenset({"cancel"})
CANCEL_PAUSE_RESUME = frozenset({"cancel", "pause", "resume"})
_NO_SUCH_ROUTE = frozenset({404, 405, 501})


class OpenAI(HttpProvider):
    """An account at OpenAI or at a server of the same shape."""

    name = "openai"
    label = "OpenAI"
    help = "OpenAI's own API, or a gateway that passes it through unchanged."
    default_base_url = "https://api.openai.com/v1"
    actions = CANCEL_PAUSE_RESUME
    jobs_path = "/fine_tuning/jobs"

    @classmethod
    def parse_element(cls, raw: object) -> Element | Invalid:
        """A job of a list or of a retrieve, with its fingerprint. Never raises."""
        return read_element(raw)

    @classmethod
    def parse_job(cls, raw: object) -> Job | Invalid:
        """The job in a raw body of this dialect, fresh or stored. Never raises."""
        return read_job(raw, cls.name)

    @classmethod
    def parse_event(cls, raw: object) -> Event | Invalid:
        """One event. Never raises."""
        return read_event(raw, cls.name)

    @classmethod
    def parse_checkpoint(cls, raw: object) -> Checkpoint | Invalid:
        """One checkpoint. Never raises."""
        return read_checkpoint(raw, cls.name)

    def job_path(self, job_id: str) -> str:
        """Where a job is. Raises BadRequest for what is no id."""
        return f"{self.jobs_path}/{quoted(job_id)}"

    def paging(self, after: str | None, limit: int) -> Mapping[str, str]:
        """The query of a page: the cursor goes first, then the size."""
        query = {"limit": str(page_size(limit))}
        return {"after": after, **query} if after else query

    def retrieve_job(self, job_id: str) -> Element:
        """The job with exactly this id; an answer about another one is refused."""
        reply = self.get(self.job_path(job_id), "jobs")
        element = self.parse_element(read_object(reply, "jobs"))
        if isinstance(element, Invalid):
            raise not_readable(f"The job cannot be read. {element.reason}", reply)
        if element.id != job_id:
            raise not_readable("The answer is about another job than the one asked for.", reply)
        return element

    def list_jobs(self, after: str | None = None, limit: int = MAX_LIMIT) -> Page[Element]:
        """One page of jobs, newest first as a rule."""
        query = self.paging(after, limit)
        return self.page_at(self.jobs_path, "jobs", self.parse_element, query)

    def read_job(self, element: Element) -> Job | Invalid:
        """The job inside an element."""
        return self.parse_job(element.raw)

    def list_events(
        self, job_id: str, after: str | None = None, limit: int = MAX_LIMIT
    ) -> Page[Event]:
        """One page of a job's events, newest first as a rule; empty where the route is missing."""
        path = f"{self.job_path(job_id)}/events"
        if not self.has_events:
            return no_page()
        try:
            return self.page_at(path, "events", self.parse_event, self.paging(after, limit))
        except errors.ProviderError as error:
            if not is_missing_route(error):
                raise
            self.has_events = False
            return no_page()

    def list_checkpoints(
        self, job_id: str, after: str | None = None, limit: int = MAX_LIMIT
    ) -> Page[Checkpoint]:
        """One page of a job's checkpoints; a 404 means there are none, not that the job is gone."""
        path = f"{self.job_path(job_id)}/checkpoints"
        if not self.has_checkpoints:
            return no_page()
        query = self.paging(after, limit)
        try:
            return self.page_at(path, "checkpoints", self.parse_checkpoint, query)
        except errors.ProviderError as error:
            if error.status not in _NO_SUCH_ROUTE:
                raise
            self.has_checkpoints = not is_missing_route(error)
            return no_page()

    def file(self, file_id: str) -> File:
        """What the provider says about a file. Raises Missing when it is no longer there."""
        reply = self.get(f"/files/{quoted(file_id)}", "files")
        found = read_file(read_object(reply, "files"))
        if isinstance(found, Invalid):
            raise not_readable(f"The file cannot be read. {found.reason}", reply)
        if found.id != file_id:
            raise not_readable("The answer is about another file than the one asked for.", reply)
        return found

    def file_content(self, file_id: str, max_bytes: int = RESULT_FILE_BYTES) -> bytes:
        """The bytes of a file as served, at most `max_bytes`."""
        limits = Limits(max_bytes=max_bytes, deadline_s=CONTENT_DEADLINE_S)
        path = f"/files/{quoted(file_id)}/content"
        reply = self.get(path, "files", limits=limits, accept=ANYTHING)
        if reply.status not in OK_STATUSES:
            raise failure(reply, "files")
        return reply.body

    def action_path(self, job_id: str, action: str) -> str:
        """Where an action is asked for."""
        return f"{self.job_path(job_id)}/{action}"

    def act(self, job_id: str, action: str) -> Element:
        """The job after the action. Raises OutcomeUnknown, or what the provider said against it."""
        if action not in self.actions:
            raise errors.BadRequest(f"{self.label} has no way to {action} a job.")
        reply = self.post(self.action_path(job_id, action), "jobs")
        element = self.parse_element(read_outcome(reply))
        if not isinstance(element, Invalid) and element.id == job_id:
            return element
        try:
            # Some servers answer an action with {} or with part of the job.
            return self.retrieve_job(job_id)
        except errors.ProviderError as error:
            message = f"The action was accepted, but the job cannot be read. {error.message}"
            raise errors.OutcomeUnknown(message, status=reply.status) from error

    def limits(self) -> tuple[ModelLimit, ...] | Invalid:
        """How many jobs of which model are allowed; () where the route is missing."""
        reply = self.get("/fine_tuning/model_limits", "limits", limits=LIST_LIMITS)
        if reply.status in _NO_SUCH_ROUTE:
            return ()
        if reply.status not in OK_STATUSES:
            raise failure(reply, "limits")
        return read_limits(decode(reply.body))

    def models(self) -> tuple[BaseModel, ...]:
        """The provider's models, with the day on which they retire where it says so."""
        reply = self.get("/models", "models", limits=LIST_LIMITS)
        if reply.status not in OK_STATUSES:
            raise failure(reply, "models")
        found = read_models(decode(reply.body))
        if isinstance(found, Invalid):
            read_object(reply, "models")
            raise not_readable(found.reason, reply)
        return found

    def check(self) -> list[Check]:
        """What the key can do here: jobs, events, files and models, with advice where not."""
        return run_checks(self)

    def page_at(
        self,
        path: str,
        capability: str,
        read: Callable[[object], T | Invalid],
        query: Mapping[str, str],
    ) -> Page[T]:
        """The page of a list at this path. Raises NotReadable for an answer without one."""
        reply = self.get(path, capability, query=query, limits=LIST_LIMITS)
        page = read_page(read_object(reply, capability), read)
        if isinstance(page, Invalid):
            raise not_readable(page.reason, reply)
        return page


def page_size(limit: int) -> int:
    """A page size that every server takes."""
    return max(1, min(limit, MAX_LIMIT))


def is_missing_route(error: errors.ProviderError) -> bool:
    """Whether the server lacks the route; a missing job says so by its code."""
    return error.status in _NO_SUCH_ROUTE and not (error.code or "").endswith("_not_found")


def no_page() -> Page[T]:
    """A list with nothing in it."""
    return Page((), has_more=False, skipped=0, last_id=None)
