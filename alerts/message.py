"""Pure: a transition, with the facts as of the event, -> the Message that channels lay out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from typing import Any, Self

from alerts.advice import advice_for
from alerts.plaintext import clean, clock, count, duration, iso
from outbound.redact import redact

MAX_FACTS = 8
MAX_REASON = 500
MAX_NAME = 120
MAX_FACT = 200
LABEL_WIDTH = 8

_WORDS: Mapping[str, str] = {
    "succeeded": "SUCCEEDED",
    "failed": "FAILED",
    "cancelled": "CANCELLED",
    "missing": "MISSING",
    "rejected": "QUIET",
    "unreachable": "QUIET",
    "out_of_quota": "QUIET",
    "unreadable": "QUIET",
    "recovered": "RECOVERED",
    "test": "TEST",
}
_RESULTS: Mapping[str, str] = {
    "missing": "not known to the provider any more",
    "rejected": "the key was rejected",
    "unreachable": "the provider cannot be reached",
    "out_of_quota": "the account is out of quota",
    "unreadable": "the answers cannot be read",
    "recovered": "polling works again",
}
_STEPS: Mapping[str, str] = {
    "missing": "Check that the key still belongs to the job's project. It may have been deleted.",
    "rejected": "Replace the key of this connection.",
    "unreachable": "Check the address and the provider's status page. We go on trying.",
    "out_of_quota": "Add credit at the provider. We go on trying slowly.",
    "unreadable": "Check the base URL: something else than the API answers there.",
}


@dataclass(frozen=True, slots=True)
class JobFacts:
    """A job as of the event. Times are aware; tokens and steps are counts."""

    provider_id: str
    name: str
    state: str
    raw_status: str = ""
    model: str = ""
    fine_tuned_model: str | None = None
    method: str | None = None
    created_at: datetime | None = None
    ended_at: datetime | None = None
    trained_tokens: int | None = None
    step: float | None = None
    total_steps: int | None = None
    error_code: str | None = None
    error_message: str | None = None
    error_param: str | None = None
    figures: Mapping[str, float | None] = field(default_factory=dict)  # train_loss, reward, ...


@dataclass(frozen=True, slots=True)
class Happening:
    """What a message is made from. `name`: the word of alerts.rules; `url`: the page to open."""

    name: str
    previous: str
    at: datetime
    reason: str
    connection_slug: str
    connection_name: str
    url: str
    thread: str
    job: JobFacts | None = None
    watched_jobs: int = 0  # active jobs of the connection, for its health alerts


@dataclass(frozen=True, slots=True)
class Entry:
    """One alert as a digest lists it. `name`: the word of alerts.rules; `url`: the page to open."""

    name: str
    headline: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One alert, ready to be laid out. Text is one line each, cleaned, without secrets.

    `facts`: at most 8 pairs of label and text. `data`: the raw values, JSON only. A digest has
    `entries`, failures first, and `hidden`: how many more there are than it lists.
    """

    name: str  # failed, recovered ...
    type: str  # job.failed, connection.recovered
    word: str
    subject: str  # what it is about: the job's or the connection's name
    result: str
    where: str
    reason: str
    next_step: str
    facts: tuple[tuple[str, str], ...]
    url: str
    thread: str
    at: str  # RFC 3339
    data: Mapping[str, Any]
    # What a pager opens and closes: `connection:job:kind`, the same when a trouble begins and ends.
    incident: str = ""
    is_urgent: bool = False
    links: tuple[tuple[str, str], ...] = ()  # label and URL, besides `url`
    entries: tuple[Entry, ...] = ()
    hidden: int = 0

    @property
    def is_digest(self) -> bool:
        return bool(self.entries)

    @property
    def headline(self) -> str:
        """Enough for a phone's preview: word, name, result."""
        return f"{self.word}  {self.subject}" + (f" · {self.result}" if self.result else "")

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """Label and text of every line after the headline, in reading order."""
        told = (
            ("Why", self.reason),
            ("Do", self.next_step),
            *self.facts,
            ("Open", self.url),
            *self.links,
        )
        return tuple((label, text) for label, text in told if text)

    @property
    def text(self) -> str:
        """The plain layout: headline, then one labelled line each."""
        rows = [f"{label:<{LABEL_WIDTH}}{text}" for label, text in self.lines]
        return "\n".join([self.headline, *(entry.headline for entry in self.entries), *rows])

    def to_json(self) -> dict[str, Any]:
        """What is stored in a Delivery."""
        return {
            **{name: getattr(self, name) for name in _TEXTS},
            "facts": [list(fact) for fact in self.facts],
            "links": [list(link) for link in self.links],
            "data": dict(self.data),
            "is_urgent": self.is_urgent,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The stored message; what is missing is empty. A digest is never stored: it is its parts."""
        texts: dict[str, Any] = {name: str(stored.get(name, "")) for name in _TEXTS}
        return cls(
            **texts,
            facts=_pairs(stored.get("facts", ())),
            links=_pairs(stored.get("links", ())),
            data=dict(stored.get("data", {})),
            is_urgent=bool(stored.get("is_urgent", False)),
        )


def _pairs(stored: Iterable[tuple[object, object]]) -> tuple[tuple[str, str], ...]:
    return tuple((str(label), str(text)) for label, text in stored)


_TEXTS = (
    "incident",
    "name",
    "type",
    "word",
    "subject",
    "result",
    "where",
    "reason",
    "next_step",
    "url",
    "thread",
    "at",
)


def compose(happening: Happening) -> Message:
    """The message about a happening. Never raises on hostile text."""
    job = happening.job
    reason, next_step = _why(happening), _next_step(happening)
    return Message(
        name=happening.name,
        type=("job." if job else "connection.") + happening.name,
        word=_WORDS.get(happening.name, happening.name.upper()),
        subject=_safe(job.name if job else happening.connection_name, MAX_NAME),
        result=_safe(_result(happening), MAX_NAME),
        where=_safe(happening.connection_slug, MAX_NAME),
        reason=reason,
        next_step=next_step,
        facts=_facts(happening),
        url=happening.url,
        thread=happening.thread,
        at=iso(happening.at) or "",
        data=_raw(happening, reason, next_step),
    )


def bare(name: str, happened_at: datetime, subject: str, thread: str) -> Message:
    """The least a message can say, for when its facts cannot be read."""
    return compose(Happening(name, "", happened_at, "", subject, subject, "", thread))


def sample(url: str, at: datetime) -> Message:
    """What the "Send test" button sends; its type is channel.test."""
    happening = Happening("test", "", at, "", "test", "TuneBell", url, "test")
    message = compose(happening)
    changed = {
        "type": "channel.test",
        "result": "this channel works",
        "reason": "Somebody pressed Send test. Real alerts look like this one.",
    }
    return Message.from_json({**message.to_json(), **changed})


def _safe(text: object, limit: int) -> str:
    return clean(redact(clean(text, 4 * limit)), limit)


def _why(happening: Happening) -> str:
    job = happening.job
    if job is not None and happening.name == "failed":
        parts = (job.error_param, job.error_message or happening.reason)
        return _safe(": ".join(part for part in parts if part), MAX_REASON)
    return _safe(happening.reason, MAX_REASON)


def _next_step(happening: Happening) -> str:
    job = happening.job
    if job is not None and happening.name == "failed":
        return advice_for(job.error_code, job.error_message, job.error_param).steps[0]
    step = _STEPS.get(happening.name, "")
    if job is None and step and happening.watched_jobs:
        noun = "job is" if happening.watched_jobs == 1 else "jobs are"
        return f"{step} {happening.watched_jobs} active {noun} not watched meanwhile."
    return step


def _result(happening: Happening) -> str:
    job = happening.job
    if job is None or happening.name == "missing":
        return _RESULTS.get(happening.name, "")
    if happening.name == "failed":
        return job.error_code or "no reason given"
    return _headline_figure(job) if happening.name == "succeeded" else ""


def _headline_figure(job: JobFacts) -> str:
    for metric in ("reward", "valid_loss", "train_loss"):
        value = job.figures.get(metric)
        if value is not None:
            return f"{metric.replace('_', ' ')} {value:.4g}"
    return ""


def _facts(happening: Happening) -> tuple[tuple[str, str], ...]:
    told = [("When", clock(happening.at)), *_job_facts(happening.job)]
    model = happening.job.model if happening.job else ""
    told.append(("Where", " · ".join(part for part in (happening.connection_name, model) if part)))
    return tuple((label, _safe(text, MAX_FACT)) for label, text in told if text)[:MAX_FACTS]


def _job_facts(job: JobFacts | None) -> list[tuple[str, str]]:
    if job is None:
        return []
    return [
        ("Model", job.fine_tuned_model or ""),
        ("Took", _took(job)),
        ("Tokens", "" if job.trained_tokens is None else count(job.trained_tokens)),
        ("Steps", _steps(job)),
        ("Best", _best(job)),
        ("Method", job.method or ""),
    ]


def _took(job: JobFacts) -> str:
    if job.created_at is None or job.ended_at is None or job.ended_at < job.created_at:
        return ""
    return duration(job.ended_at - job.created_at)


def _steps(job: JobFacts) -> str:
    if job.step is None:
        return ""
    return f"{job.step:g} of {job.total_steps}" if job.total_steps else f"{job.step:g}"


def _best(job: JobFacts) -> str:
    best, last = job.figures.get("best_valid_loss"), job.figures.get("valid_loss")
    if best is None or last is None or best >= last:
        return ""
    return f"valid loss {best:.4g}; it rose to {last:.4g} at the end"


def _raw(happening: Happening, reason: str, next_step: str) -> dict[str, Any]:
    raw: dict[str, Any] = {
        "connection": {
            "slug": _safe(happening.connection_slug, MAX_NAME),
            "name": _safe(happening.connection_name, MAX_NAME),
        },
        "state": happening.name,
        "previous": happening.previous or None,
        "reason": reason or None,
        "next_step": next_step or None,
        "links": {"open": happening.url} if happening.url else {},
    }
    if happening.job is None:
        return {**raw, "facts": {"active_jobs": happening.watched_jobs}}
    return {**raw, "job": _raw_job(happening.job), "facts": _raw_facts(happening.job)}


def _raw_job(job: JobFacts) -> dict[str, Any]:
    error = {"code": job.error_code, "message": job.error_message, "param": job.error_param}
    texts = {
        "id": job.provider_id,
        "name": job.name,
        "status": job.state,
        "raw_status": job.raw_status,
        "model": job.model,
        "fine_tuned_model": job.fine_tuned_model,
        "method": job.method,
    }
    return {
        **_safe_or_null(texts),
        "created_at": iso(job.created_at),
        "ended_at": iso(job.ended_at),
        "error": _safe_or_null(error) if any(error.values()) else None,
    }


def _raw_facts(job: JobFacts) -> dict[str, Any]:
    seconds = None
    if job.created_at is not None and job.ended_at is not None:
        seconds = (job.ended_at - job.created_at).total_seconds()
    return {
        "duration_seconds": seconds,
        "trained_tokens": job.trained_tokens,
        "step": job.step,
        "total_steps": job.total_steps,
        # NaN and infinity are no JSON.
        **{name: value for name, value in job.figures.items() if value is None or isfinite(value)},
    }


def _safe_or_null(texts: Mapping[str, str | None]) -> dict[str, str | None]:
    return {name: _safe(text, MAX_REASON) if text else None for name, text in texts.items()}
