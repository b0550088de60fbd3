"""The test of a connection: what its key can do, what is wrong with it, and what was tried."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from providers import errors
from providers.base import Check
from providers.diagnosis import USUALLY, Advice, advise, better_address, misread
from providers.traffic import Traffic
from providers.wire import Element, Invalid, Job, Page, is_id

if TYPE_CHECKING:
    from providers.openai import OpenAI

# After these no other question would get another answer.
_HOPELESS = (
    errors.Blocked,
    errors.KeyRejected,
    errors.Missing,
    errors.NotReadable,
    errors.Redirected,
    errors.Unreachable,
)
_ADVICE: Mapping[type[errors.ProviderError], str] = {
    errors.KeyRejected: "The provider does not accept this key.",
    errors.Forbidden: "The key may not read this.",
    errors.QuotaExhausted: "The account is out of credit.",
    errors.RateLimited: "The provider asks to slow down; the key works.",
    errors.ServerTrouble: "The provider, or a proxy before it, has trouble of its own.",
    errors.NotReadable: "Something else than an API answers here.",
    errors.Redirected: "The base URL is probably wrong.",
}


@dataclass(slots=True)
class Trail:
    """The requests of one question, in words, while they are also told to whoever counts them."""

    told: Callable[[Traffic], None] | None
    lines: list[str] = field(default_factory=list)

    def __call__(self, traffic: Traffic) -> None:
        came = _status_words(traffic.status) if traffic.status else "no answer"
        self.lines.append(f"{traffic.method} {traffic.address}: {came}")
        if self.told:
            self.told(traffic)

    def taken(self) -> tuple[str, ...]:
        """What was tried since this was last asked."""
        said, self.lines = tuple(self.lines), []
        return said


def _status_words(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def run_checks(provider: "OpenAI") -> list[Check]:
    """One line for jobs, events, files and models; only jobs when that already fails for all."""
    told = provider.on_reply
    provider.on_reply = trail = Trail(told)
    try:
        return _run(provider, trail)
    finally:
        provider.on_reply = told


def _run(provider: "OpenAI", trail: Trail) -> list[Check]:
    page: Page[Element] | None = None
    try:
        page = provider.list_jobs(limit=1)
    except errors.ProviderError as error:
        detail = _with_advice(_explain(error), advise(provider, error))
        jobs = Check("jobs", ok=False, detail=detail, tried=trail.taken())
        if isinstance(error, _HOPELESS):
            return [jobs]
    else:
        jobs = _jobs_line(provider, page, trail)
    models = _check_models(provider, trail)
    if not provider.has_list:
        return [_without_list(provider, jobs.tried, models, trail), models]
    read = provider.read_job(page.items[0]) if page and page.items else None
    job = None if isinstance(read, Invalid) else read
    return [jobs, _check_events(provider, job, trail), _check_files(provider, job, trail), models]


def _jobs_line(provider: "OpenAI", page: Page[Element], trail: Trail) -> Check:
    wrong = misread(provider, page.items[0].raw) if page.items else ""
    if wrong or (page.skipped and not page.items):
        detail = f"A list came, but no job of it can be read. {wrong or USUALLY}"
        return Check("jobs", ok=False, detail=detail, tried=trail.taken())
    none_yet = "" if page.items else " There are none yet."
    return Check("jobs", ok=True, detail="Jobs can be read." + none_yet, tried=trail.taken())


def _without_list(provider: "OpenAI", tried: tuple[str, ...], models: Check, trail: Trail) -> Check:
    better = better_address(provider)
    tried = tried + trail.taken()
    if better or not models.ok:
        none = "Nothing else answers either: check the base URL; it usually ends in /v1."
        detail = f"There is no list of jobs here. {better or none}"
        return Check("jobs", ok=False, detail=detail, tried=tried)
    detail = "This server has no list of jobs. Jobs are watched when you add them by their id."
    return Check("jobs", ok=True, detail=detail, tried=tried)


def _check_events(provider: "OpenAI", job: Job | None, trail: Trail) -> Check:
    if not type(provider).has_events:
        return Check("events", ok=True, detail="Not tried: this provider has no events.")
    if job is None:
        return Check("events", ok=True, detail="Not tried: there is no job to ask about.")
    ok, detail = True, "Events can be read."
    try:
        provider.list_events(job.id, limit=1)
    except errors.ProviderError as error:
        ok, detail = False, _explain(error)
    if not provider.has_events:
        ok, detail = False, "This server has no events."
    return Check("events", ok, detail, trail.taken())


def _check_files(provider: "OpenAI", job: Job | None, trail: Trail) -> Check:
    if not type(provider).has_files:
        return Check("files", ok=True, detail="Not tried: this provider has no files.")
    file_ids = [*job.result_files, job.training_file] if job else []
    file_id = next((i for i in file_ids if is_id(i)), None)
    if file_id is None:
        return Check("files", ok=True, detail="Not tried: there is no file to ask about.")
    ok, detail = True, "Files can be read."
    try:
        provider.file(file_id)
    except errors.Missing:
        # Files expire and are deleted; the key was let in, which is what is asked here.
        detail = "The file of the newest job is no longer there."
    except errors.ProviderError as error:
        ok, detail = False, _explain(error)
    return Check("files", ok, detail, trail.taken())


def _check_models(provider: "OpenAI", trail: Trail) -> Check:
    ok, detail = True, "Models can be read."
    try:
        provider.models()
    except errors.Missing:
        ok, detail = False, "This server has no list of models."
    except errors.ProviderError as error:
        ok, detail = False, _explain(error)
    return Check("models", ok, detail, trail.taken())


def _with_advice(error: str, advice: Advice) -> str:
    """What was found out goes first: it is the answer."""
    if advice.finding:
        return f"{advice.finding} What came back: {error}"
    return f"{error} {advice.hint}".strip()


def _explain(error: errors.ProviderError) -> str:
    advice = next((said for kind, said in _ADVICE.items() if isinstance(error, kind)), "")
    status = f" (status {error.status})" if error.status else ""
    return f"{advice} {error.message}".strip().rstrip(".") + f"{status}."
