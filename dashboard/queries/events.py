"""A job's events: newest first, by level and word, a page at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Q, QuerySet
from django.http import QueryDict
from django.utils import timezone

from dashboard.highlight import Part, parts
from dashboard.queries.leaves import Leaf, leaves, row_id
from jobs import retention
from jobs.models import Event, Job

PAGE = 100
MESSAGE, MORE = 600, 200  # characters shown at once; so many more are not worth a fold
NEWEST = F("created_at").desc(nulls_last=True)
SHAPES = {"error": ("failed", "cross"), "warn": ("paused", "triangle"), "info": ("queued", "dot")}


@dataclass(frozen=True, slots=True)
class EventFilter:
    level: str = ""
    q: str = ""
    after: str = ""

    @classmethod
    def read(cls, asked: QueryDict) -> "EventFilter":
        level = asked.get("level", "")
        return cls(
            level=level if level in SHAPES else "",
            q=asked.get("q", "").strip().replace("\x00", "")[:200],
            after=asked.get("after", ""),
        )


@dataclass(frozen=True, slots=True)
class EventRow:
    id: int
    created_at: datetime | None
    level: str
    level_class: str
    shape: str
    type: str
    message: str
    shown: tuple[Part, ...]  # of a long message the start
    rest: tuple[Part, ...]
    leaves: tuple[Leaf, ...]


@dataclass(frozen=True, slots=True)
class LevelCount:
    level: str
    level_class: str
    shape: str
    count: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Events:
    asked: EventFilter
    levels: tuple[LevelCount, ...]
    total: int
    rows: tuple[EventRow, ...]
    next_after: str
    removed_after_days: int | None = None  # by the team's retention, when there are none left

    @property
    def newest_at(self) -> datetime | None:
        """Of what is shown."""
        return self.rows[0].created_at if self.rows else None

    @property
    def nothing(self) -> str:
        """The filter as a person would say it, where no event passes."""
        level = {"warn": "warning"}.get(self.asked.level, self.asked.level)
        found = f"“{self.asked.q}”" if self.asked.q else ""
        asked = " with ".join(part for part in (f"level {level}" if level else "", found) if part)
        return f"Asked for: {asked}." if asked else "There are none older than that."


def events(job: Job, asked: EventFilter, limit: int = PAGE) -> Events:
    """One page of events. `next_after` is the cursor of the next, "" on the last."""
    all_events = Event.objects.filter(job=job)
    counts = dict(all_events.order_by().values_list("level").annotate(Count("pk")))
    found = list(_beyond(_narrow(job, asked), asked).order_by(NEWEST, "-pk")[: limit + 1])
    return Events(
        asked=asked,
        levels=_level_counts(counts, asked.level),
        total=sum(counts.values()),
        rows=tuple(event_row(one, asked.q) for one in found[:limit]),
        next_after=str(found[limit - 1].pk) if len(found) > limit else "",
        removed_after_days=None if counts else _removed_after_days(job),
    )


def _removed_after_days(job: Job) -> int | None:
    return retention.forgotten_events([job], timezone.now()).get(job.pk)


def last_warnings(job: Job, limit: int = 3) -> tuple[EventRow, ...]:
    """The newest events that are no mere information, for the page of a failed job."""
    found = Event.objects.filter(job=job, level__in=("warn", "error")).order_by(NEWEST, "-pk")
    return tuple(event_row(one) for one in found[:limit])


def event_row(event: Event, wanted: str = "") -> EventRow:
    """`wanted`: what was searched for, to be marked in the message."""
    level_class, shape = SHAPES.get(event.level, SHAPES["info"])
    cut = MESSAGE if len(event.message) > MESSAGE + MORE else len(event.message)
    return EventRow(
        id=event.pk,
        created_at=event.created_at,
        level=event.raw_level or event.level,
        level_class=level_class,
        shape=shape,
        type=event.type,
        message=event.message,
        shown=parts(event.message[:cut], wanted),
        rest=parts(event.message[cut:], wanted) if cut < len(event.message) else (),
        leaves=leaves(event.body),
    )


def _narrow(job: Job, asked: EventFilter) -> QuerySet[Event]:
    found = Event.objects.filter(job=job)
    if asked.level:
        found = found.filter(level=asked.level)
    if asked.q:
        found = found.filter(message__icontains=asked.q)
    return found


def _beyond(found: QuerySet[Event], asked: EventFilter) -> QuerySet[Event]:
    """What comes after the cursor. Many events share one second, so the id breaks the tie."""
    cursor = row_id(asked.after)
    last = found.filter(pk=cursor).first() if cursor else None
    if last is None:
        return found
    if last.created_at is None:
        return found.filter(created_at=None, pk__lt=last.pk)
    older = Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, pk__lt=last.pk)
    return found.filter(older | Q(created_at=None))


def _level_counts(counts: Mapping[str, int], chosen: str) -> tuple[LevelCount, ...]:
    return tuple(
        LevelCount(level, *SHAPES[level], counts.get(level, 0), level == chosen)
        for level in SHAPES
        if counts.get(level) or level == chosen
    )
