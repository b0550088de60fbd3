"""Pure: a transition, with the facts as of the event, -> the Message that channels lay out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from alerts.facts import MAX_FACT, MAX_NAME, facts_of, raw_of
from alerts.happening import JOB_ENDS, Happening
from alerts.plaintext import iso, safe
from alerts.wording import next_step_of, reason_of, result_of, word_of

MAX_REASON = 500
LABEL_WIDTH = 8
SNOOZABLE = frozenset({"stuck", "no_progress", "diverging", "overfitting", "eta_slipped"})


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
    reason = safe(reason_of(happening), MAX_REASON)
    next_step = next_step_of(happening)
    subject = job.name if job else happening.subject or happening.connection_name
    return Message(
        name=happening.name,
        type=("job." if job else "connection.") + happening.name,
        word=word_of(happening.name),
        subject=safe(subject, MAX_NAME),
        result=safe(result_of(happening), MAX_NAME),
        where=safe(happening.connection_slug, MAX_NAME),
        reason=reason,
        next_step=next_step,
        facts=facts_of(happening),
        url=happening.url,
        thread=happening.thread,
        at=iso(happening.at) or "",
        data=raw_of(happening, reason, next_step),
        incident=safe(happening.incident, MAX_FACT),
        links=_links(happening),
    )


def _links(happening: Happening) -> tuple[tuple[str, str], ...]:
    """Besides the page itself: what to hold the job against, and where to answer the alert."""
    if not happening.job or not happening.url:
        return ()
    is_condition = happening.name in SNOOZABLE
    is_told = is_condition or happening.name in JOB_ENDS
    compare = (("Compare", happening.compare_url),) if is_told and happening.compare_url else ()
    return (*compare, ("Snooze", f"{happening.url}snooze/")) if is_condition else compare


def bare(name: str, happened_at: datetime, subject: str, thread: str) -> Message:
    """The least a message can say, for when its facts cannot be read."""
    return compose(Happening(name, "", happened_at, "", subject, subject, "", thread))


def sample(url: str, at: datetime) -> Message:
    """What the "Send test" button sends; its type is channel.test."""
    message = compose(Happening("test", "", at, "", "test", "TuneBell", url, "test"))
    return replace(
        message,
        type="channel.test",
        result="this channel works",
        reason="Somebody pressed Send test. Real alerts look like this one.",
    )
