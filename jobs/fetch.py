"""Asks the provider about one job: the job, then what its state makes worth asking.

Runs in threads that never touch the database: an Errand goes in, an Answer comes out.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from providers import wire
from providers.base import Provider, pages
from providers.errors import Forbidden, Missing, NotReadable, ProviderError, TooLarge
from providers.states import State

CHAIN_S = 20.0  # one errand starts no further request after this
EVENT_PAGES = 20  # pages of events a visit; the rest comes with the next ones


@dataclass(frozen=True, slots=True)
class Errand:
    """What to ask for. `known_events`: ids of the newest events we have; `done_files`: not again."""

    provider_id: str
    fingerprint: str = ""
    known_events: frozenset[str] = frozenset()
    done_files: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()  # capabilities this key does not have
    events_cut: str = ""  # where reading the events was cut short last time


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """What is said of a file and, of a result file, its bytes as served, or why there are none."""

    id: str
    is_result: bool
    said: wire.File | None = None
    content: bytes | None = None
    error: ProviderError | None = None


@dataclass(slots=True)
class Answer:
    """What came back. `error`: why there is no job; `refusals`: capability -> what was said."""

    element: wire.Element | None = None
    job: wire.Job | None = None
    error: ProviderError | None = None
    events: list[wire.Event] = field(default_factory=list)
    checkpoints: list[wire.Checkpoint] = field(default_factory=list)
    files: list[FetchedFile] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)  # parts beside the job that were asked and answered
    events_cut: str | None = None  # the cursor for the rest; "" all was read, None: not asked
    is_complete: bool = True  # False: something beside the job could not be read this time


def fetch(
    provider: Provider, errand: Errand, clock: Callable[[], float] = time.monotonic
) -> Answer:
    """The job and what belongs to it. Never raises ProviderError: it is in the answer."""
    answer, deadline = Answer(), clock() + CHAIN_S

    def has_time() -> bool:
        return clock() < deadline

    try:
        answer.element = provider.retrieve_job(errand.provider_id)
        answer.job = _read(provider, answer.element)
    except ProviderError as error:
        answer.error = error
        return answer
    if not _is_worth_more(answer, errand):
        return answer
    for step in (_ask_events, _ask_checkpoints, _ask_files):
        if has_time():
            step(provider, errand, answer, has_time)
        else:
            answer.is_complete = False
    return answer


def _read(provider: Provider, element: wire.Element) -> wire.Job:
    job = provider.read_job(element)
    if isinstance(job, wire.Invalid):
        raise NotReadable(job.reason)
    return job


def _is_worth_more(answer: Answer, errand: Errand) -> bool:
    """A job that waits and has not changed has nothing new to tell."""
    job, element = answer.job, answer.element
    if job is None or element is None:
        return False
    return (
        job.state is State.RUNNING or job.state.is_over or element.fingerprint != errand.fingerprint
    )


def _ask_events(
    provider: Provider, errand: Errand, answer: Answer, has_time: Callable[[], bool]
) -> None:
    if not provider.has_events or "events" in errand.refused:
        return
    with _one_capability(answer, "events"):
        cut = _read_events(provider, errand, answer, has_time, None)
        if errand.events_cut and not cut and has_time():
            cut = _read_events(provider, errand, answer, has_time, errand.events_cut)
        answer.events_cut = cut


def _read_events(
    provider: Provider,
    errand: Errand,
    answer: Answer,
    has_time: Callable[[], bool],
    start: str | None,
) -> str:
    """Reads to the end, from the newest one only to what is known; the cursor where it was cut.

    From a cursor on, known events are passed over: the gap may lie behind them.
    """
    listing = pages(
        lambda after: provider.list_events(errand.provider_id, after or start), cap=EVENT_PAGES
    )
    for number, page in enumerate(listing, 1):
        answer.events.extend(event for event in page.items if event.id not in errand.known_events)
        if start is None and _reached_known(page.items, errand.known_events):
            return ""
        if page.has_more and (number == EVENT_PAGES or not has_time()):
            return page.last_id or ""
    return ""


def _reached_known(events: tuple[wire.Event, ...], known: frozenset[str]) -> bool:
    """True when everything after this page is older than what we have.

    Some providers list oldest first; there a known event says nothing about the rest.
    """
    times = [event.created_at for event in events if event.created_at]
    is_oldest_first = bool(times) and times[0] < times[-1]
    return not is_oldest_first and any(event.id in known for event in events)


def _ask_checkpoints(
    provider: Provider, errand: Errand, answer: Answer, has_time: Callable[[], bool]
) -> None:
    if not provider.has_checkpoints or "checkpoints" in errand.refused:
        return
    with _one_capability(answer, "checkpoints"):
        for page in pages(lambda after: provider.list_checkpoints(errand.provider_id, after)):
            answer.checkpoints.extend(page.items)
            if not has_time():
                break


def _ask_files(
    provider: Provider, errand: Errand, answer: Answer, has_time: Callable[[], bool]
) -> None:
    """Training data by what is said of it only; results with their content, once the job is over."""
    job = answer.job
    if job is None or not provider.has_files or "files" in errand.refused:
        return
    inputs = [name for name in (job.training_file, job.validation_file) if name]
    results = [*job.result_files] if job.state.is_over else []
    for file_id in dict.fromkeys([*inputs, *results]):
        if not has_time():
            answer.is_complete = False
        elif file_id not in errand.done_files:
            answer.files.append(_fetch_file(provider, file_id, file_id in results, answer))


def _fetch_file(provider: Provider, file_id: str, is_result: bool, answer: Answer) -> FetchedFile:
    said: wire.File | None = None
    content: bytes | None = None
    problem: ProviderError | None = None
    try:
        said = provider.file(file_id)
        content = provider.file_content(file_id) if is_result else None
    except Forbidden as error:
        answer.refusals["files"] = error.message
        problem = error
    except ProviderError as error:
        answer.is_complete = answer.is_complete and isinstance(error, Missing | TooLarge)
        problem = error
    return FetchedFile(file_id, is_result, said, content, problem)


@contextmanager
def _one_capability(answer: Answer, name: str) -> Iterator[None]:
    """What is refused or missing beside the job costs that part only."""
    try:
        yield
        answer.read.add(name)
    except Forbidden as error:
        answer.refusals[name] = error.message
    except Missing:
        pass  # a provider without this route: none, not "job gone"
    except ProviderError:
        answer.is_complete = False
