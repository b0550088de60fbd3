"""What happened since somebody last looked: failures to count, and endings for the desktop."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Self

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.urls import reverse

from accounts.models import Team
from alerts.models import Silence
from alerts.plaintext import safe
from alerts.rules import JOB_STATES
from dashboard import cursors
from jobs.models import Job, Transition
from providers.states import State

if TYPE_CHECKING:
    from jobs.models.job import JobQuerySet

MOST_COUNTED = 99
MOST_READ = 200  # endings of one look
MOST_SINGLE = 3  # more than these at once are told in one notice
# Transactions commit in another order than they number their rows: none takes as long as this.
GRACE = timedelta(seconds=60)
MOST_TOLD = 100  # row numbers that an address carries
NAME, BODY = 80, 160  # characters that a desktop shows


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a browser was told: all endings up to `base`, and of those after it `told`."""

    base: int
    told: frozenset[int] = frozenset()

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Of an address; None where it is no mark of ours."""
        numbers = [cursors.whole(part) for part in text.split(".")[: MOST_TOLD + 1]]
        known = [number for number in numbers if number is not None]
        return cls(known[0], frozenset(known[1:])) if len(known) == len(numbers) else None

    def __str__(self) -> str:
        return ".".join(str(number) for number in (self.base, *sorted(self.told)))


@dataclass(frozen=True, slots=True)
class Notice:
    """One desktop notification, plain text. `tag`: the same one is never shown twice."""

    tag: str
    title: str
    body: str
    url: str


@dataclass(frozen=True, slots=True)
class News:
    after: str  # the mark to ask with next time
    unseen: str
    notices: tuple[Notice, ...]


def failed_since(jobs: "JobQuerySet", moment: datetime) -> "JobQuerySet":
    """Jobs whose failure was noticed after the moment, whenever the provider dates it.

    History rings nobody, so it is no news either.
    """
    noticed = _jobs_that_failed().filter(recorded_at__gt=moment)
    return jobs.in_state(State.FAILED.value).filter(pk__in=noticed)


@cache
def _jobs_that_failed() -> "QuerySet[Transition, int | None]":
    """At any time; built once, for every page counts some of them."""
    failures = Transition.objects.filter(to_state=State.FAILED.value, rings=True)
    return failures.filter(job__isnull=False).values_list("job", flat=True)


def unseen(team: Team, looked_at: datetime) -> str:
    """The number of failures since then, as a title and an icon show it: "", "2", "99+"."""
    found = failed_since(Job.objects.for_team(team).live(), looked_at).order_by()
    return shown(found[: MOST_COUNTED + 1].count())


def shown(count: int) -> str:
    return f"{MOST_COUNTED}+" if count > MOST_COUNTED else str(count or "")


def news(team: Team, mark: Mark | None, looked_at: datetime) -> News:
    """What the browser that got as far as `mark` has not been told; without one it begins now."""
    if mark is None:
        newest = _endings(team).values_list("pk", flat=True).first()
        return News(str(Mark(newest or 0)), unseen(team, looked_at), ())
    age = ExpressionWrapper(Q(recorded_at__lt=Now() - GRACE), output_field=BooleanField())
    rows = _endings(team).filter(pk__gt=mark.base).annotate(is_settled=age)
    found = list(rows.select_related("job", "connection")[:MOST_READ])
    fresh = [row for row in found if row.pk not in mark.told]
    return News(str(_next(mark, found)), unseen(team, looked_at), _notices(fresh))


def _endings(team: Team) -> QuerySet[Transition]:
    """Newest first; not of jobs that somebody silenced."""
    silence = Silence.objects.filter(job=OuterRef("job")).filter(Q(until=None) | Q(until__gt=Now()))
    rows = Transition.objects.for_team(team).filter(
        ~Exists(silence),
        kind=Transition.Kind.STATE,
        to_state__in=JOB_STATES,
        rings=True,
        job__archived_at=None,
    )
    return rows.order_by("-pk")


def _next(mark: Mark, found: Sequence[Transition]) -> Mark:
    """`found`: all endings after the mark, newest first, each with `is_settled`."""
    settled = [row.pk for row in found if getattr(row, "is_settled", True)]
    open_ids = sorted((row.pk for row in found if row.pk not in set(settled)), reverse=True)
    kept, rest = open_ids[:MOST_TOLD], open_ids[MOST_TOLD:]
    base = max((mark.base, *settled, *rest))
    return Mark(base, frozenset(number for number in kept if number > base))


def _notices(rows: Sequence[Transition]) -> tuple[Notice, ...]:
    if len(rows) <= MOST_SINGLE:
        return tuple(_notice(row, row.job) for row in reversed(rows) if row.job)
    counts = Counter(State(row.to_state) for row in rows)
    more = "+" if len(rows) == MOST_READ else ""
    told = sorted(counts.items(), key=lambda item: item[0].order)
    body = ", ".join(f"{count} {state.word.lower()}" for state, count in told)
    return (Notice(f"up-to-{rows[0].pk}", f"{len(rows)}{more} jobs ended", body, reverse("jobs")),)


def _notice(row: Transition, job: Job) -> Notice:
    place = " · ".join(part for part in (job.base_model, row.connection.name) if part)
    cause = ": ".join(part for part in (job.error_code, job.error_message or row.reason) if part)
    is_failed = row.to_state == State.FAILED.value
    return Notice(
        tag=str(row.pk),
        title=f"{State(row.to_state).word.upper()} {safe(job.name, NAME)}",
        body=safe((cause if is_failed else row.reason) or place, BODY),
        url=reverse("job", args=[row.connection.slug, job.provider_id]),
    )
