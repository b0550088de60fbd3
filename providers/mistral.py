"""Mistral (experimental): OpenAI's path with another shape, built from mistralai/client-python.

A job has lists of files, no error, no end and no result files; events `{name, data, created_at}`
and checkpoints are inside the answer of a retrieve. Lists are paged by number and total.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping

from providers.base import Account
from providers.failures import not_readable, read_object
from providers.http import LIST_LIMITS
from providers.openai import CANCEL, MAX_LIMIT, OpenAI, no_page, page_size
from providers.states import State, read_state
from providers.traffic import OnReply
from providers.translation import first_of, if_over, mapping, objects, text
from providers.wire import (
    Checkpoint,
    Element,
    Event,
    Invalid,
    Job,
    Page,
    read_checkpoint,
    read_event,
    read_page,
    read_translated,
)

MAX_PAGE_NUMBER = 1_000_000
# Events and checkpoints asked for right after their job are read from the same answer.
FRESH_S = 5.0
MAX_FRESH = 16
_KEPT = (
    *("id", "object", "model", "status", "created_at", "fine_tuned_model", "hyperparameters"),
    *("integrations", "trained_tokens", "suffix", "metadata"),
)


class Mistral(OpenAI):
    """An account at Mistral AI."""

    name = "mistral"
    label = "Mistral (experimental)"
    help = "Built from Mistral's published description, not from live answers."
    default_base_url = "https://api.mistral.ai/v1"
    is_experimental = True
    actions = CANCEL

    def __init__(self, account: Account, on_reply: OnReply | None = None) -> None:
        super().__init__(account, on_reply)
        self._fresh: OrderedDict[str, tuple[float, Mapping[str, object]]] = OrderedDict()
        self._fresh_lock = threading.Lock()

    @classmethod
    def parse_job(cls, raw: object) -> Job | Invalid:
        """The job in a raw body of this dialect, fresh or stored. Never raises."""
        return read_translated(raw, as_openai, cls.name)

    @classmethod
    def parse_event(cls, raw: object) -> Event | Invalid:
        """An event: its name and status are the message, its data stays data. Never raises."""
        if not isinstance(raw, Mapping):
            return Invalid("It is not a JSON object.")
        return read_event({**raw, "message": _message(raw), "level": _level(raw)}, cls.name)

    @classmethod
    def parse_checkpoint(cls, raw: object) -> Checkpoint | Invalid:
        """A checkpoint, which has no id of its own: its step is one. Never raises."""
        if not isinstance(raw, Mapping):
            return Invalid("It is not a JSON object.")
        return read_checkpoint({"id": f"step-{raw.get('step_number')}", **raw}, cls.name)

    def retrieve_job(self, job_id: str) -> Element:
        """The job with exactly this id."""
        element = super().retrieve_job(job_id)
        with self._fresh_lock:
            self._fresh[job_id] = (time.monotonic(), element.raw)
            self._fresh.move_to_end(job_id)
            while len(self._fresh) > MAX_FRESH:
                self._fresh.popitem(last=False)
        return element

    def list_jobs(self, after: str | None = None, limit: int = MAX_LIMIT) -> Page[Element]:
        """One page of jobs. The cursor is the number of the next page, from 0."""
        number, size = _page_number(after), page_size(limit)
        query = {"page": str(number), "page_size": str(size)}
        reply = self.get(self.jobs_path, "jobs", query=query, limits=LIST_LIMITS)
        page = read_page(value := read_object(reply, "jobs"), self.parse_element)
        if isinstance(page, Invalid):
            raise not_readable(page.reason, reply)
        has_more = bool(page.items) and _has_more(value, number, size)
        return Page(page.items, has_more, page.skipped, str(number + 1) if has_more else None)

    def list_events(
        self,
        job_id: str,
        after: str | None = None,  # noqa: ARG002  # the port has it; a list is one page
        limit: int = MAX_LIMIT,  # noqa: ARG002  # as above
    ) -> Page[Event]:
        """All events of a job, in the provider's order, on one page."""
        page = read_page({"data": self._inside(job_id, "events")}, self.parse_event)
        return no_page() if isinstance(page, Invalid) else page

    def list_checkpoints(
        self,
        job_id: str,
        after: str | None = None,  # noqa: ARG002  # the port has it; a list is one page
        limit: int = MAX_LIMIT,  # noqa: ARG002  # as above
    ) -> Page[Checkpoint]:
        """All checkpoints of a job on one page."""
        page = read_page({"data": self._inside(job_id, "checkpoints")}, self.parse_checkpoint)
        return no_page() if isinstance(page, Invalid) else page

    def _inside(self, job_id: str, name: str) -> object:
        with self._fresh_lock:
            at, raw = self._fresh.get(job_id, (0.0, {}))
        if not raw or time.monotonic() - at > FRESH_S:
            raw = self.retrieve_job(job_id).raw
        return objects(raw.get(name))


def _page_number(after: str | None) -> int:
    is_number = bool(after) and str(after).isdecimal() and len(str(after)) < 8  # noqa: PLR2004  # no page is further
    return min(int(after or 0), MAX_PAGE_NUMBER) if is_number else 0


def _has_more(value: Mapping[str, object], number: int, size: int) -> bool:
    total, listed = value.get("total"), value.get("data")
    if isinstance(total, int):
        return (number + 1) * size < total
    return isinstance(listed, list) and len(listed) >= size


def as_openai(raw: Mapping[str, object]) -> Mapping[str, object]:
    """A Mistral job in OpenAI's shape. The other files of a job with several stay in its raw body."""
    status, parameters = raw.get("status"), mapping(raw.get("hyperparameters"))
    error = _error(raw) if read_state(status, Mistral.name) is State.FAILED else None
    return {
        **{name: raw[name] for name in _KEPT if name in raw},
        "training_file": _file(raw.get("training_files")),
        "validation_file": _file(raw.get("validation_files")),
        "finished_at": if_over(status, Mistral.name, raw.get("modified_at")),
        "error": {"message": error} if error else None,
        "total_steps": parameters.get("training_steps"),
    }


def _file(value: object) -> object:
    found = first_of(value)
    return found.get("file_id") or found.get("id") if isinstance(found, Mapping) else found


def _error(raw: Mapping[str, object]) -> str | None:
    said = (_reason(mapping(event.get("data"))) for event in objects(raw.get("events")))
    return next((reason for reason in said if reason), None)


def _reason(data: Mapping[str, object]) -> str | None:
    return next(
        (found for n in ("error", "message", "reason") if (found := text(data.get(n)))), None
    )


def _message(raw: Mapping[str, object]) -> str:
    data = mapping(raw.get("data"))
    parts = (text(raw.get("name")), text(data.get("status")), _reason(data))
    return ": ".join(part for part in parts if part)


def _level(raw: Mapping[str, object]) -> str:
    is_bad = read_state(mapping(raw.get("data")).get("status"), Mistral.name) is State.FAILED
    return "error" if is_bad else "info"
