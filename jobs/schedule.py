"""When what is looked at next. Due times live in the rows; nobody sleeps until then."""

import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count

from jobs.fetch import Answer
from jobs.manners import LIST
from jobs.models import Connection, Job
from providers.base import dialects
from providers.states import State

RETRIEVE_EACH = 20  # up to so many polled jobs of a connection are each retrieved at every poll
SPARSE = 10  # beyond that, at every so many polls, and whenever the list shows a change
LATE_READS = timedelta(seconds=60)  # events and files still come this long after the end
LONGEST_BACKOFF = timedelta(minutes=15)
TRIES_TO_SETTLE = 5
FULL_SWEEP_EVERY = timedelta(hours=1)
QUARANTINE = timedelta(hours=1)
LIST_AGAIN = timedelta(hours=1)  # a server without a list may have been given one
SWEEP_SHARE = 4  # of a cap on requests, the list takes one part of so many


@dataclass(frozen=True, slots=True)
class Stretch:
    """How much rarer a job is retrieved that has not changed for `unchanged`; `least`: never sooner."""

    states: frozenset[State]
    unchanged: timedelta
    intervals: int
    least: timedelta = timedelta()


WAITING = frozenset({State.QUEUED, State.VALIDATING, State.UNKNOWN})
ALIVE = frozenset(state for state in State if not state.is_over)

# The first row that fits counts; a job that fits none, or is near its estimated finish, is
# retrieved at every interval. The list still shows changes of these jobs at every interval.
STRETCHES = (
    Stretch(ALIVE, timedelta(days=2), 1, least=timedelta(hours=1)),
    Stretch(frozenset({State.PAUSED}), timedelta(minutes=10), 10),
    Stretch(WAITING, timedelta(hours=4), 4),
    Stretch(WAITING, timedelta(hours=1), 2),
)
STRETCH_WITHOUT_LIST = 4  # the most where a retrieve is the only way to see a change
NEAR_FINISH = timedelta(minutes=10)  # before and after the time the provider estimates


def interval_s(connection: Connection) -> float:
    """Seconds between two polls of this connection."""
    return float(connection.poll_interval_s or settings.POLL_INTERVAL_SECONDS)


def jittered(seconds: float) -> timedelta:
    """Within 10 %, so that connections and jobs do not march in step."""
    return timedelta(seconds=seconds * random.uniform(0.9, 1.1))  # noqa: S311 - spreads load only


def has_list(connection: Connection) -> bool:
    """Whether the provider has a list of jobs, as far as is known."""
    dialect = dialects().get(connection.dialect)
    return bool(dialect and dialect.has_list and LIST not in connection.refused)


def ringing_since(connection: Connection) -> datetime | None:
    """Jobs created later than this ring even when they are first seen over."""
    return connection.first_sweep_at if has_list(connection) else connection.created_at


def after_answer(job: Job, answer: Answer, now: datetime, crowded: Collection[int]) -> None:
    """Sets when the job is retrieved next, or that it is settled. `crowded`: the connections with many (crowded_among)."""
    job.retrieved_at = now
    if not job.is_over:
        job.next_poll_at = next_poll(job, now, crowded)
    elif job.events_cut:
        job.next_poll_at = now
    elif _is_settled(job, answer, now):
        job.settled_at, job.next_poll_at = now, None
    else:
        job.trouble_count += 0 if answer.is_complete else 1
        job.next_poll_at = now + LATE_READS


def _is_settled(job: Job, answer: Answer, now: datetime) -> bool:
    """Over for a minute and everything read, or tried often enough."""
    lately = job.ended_at is not None and timedelta() <= now - job.ended_at < LATE_READS
    return not lately and (answer.is_complete or job.trouble_count >= TRIES_TO_SETTLE)


def next_poll(job: Job, now: datetime, crowded: Collection[int] | None = None) -> datetime:
    """`crowded`: the connections with many jobs (crowded_among); None looks it up."""
    interval = timedelta(seconds=interval_s(job.connection))
    is_sparse = _is_listed(job) and job.connection_id in (
        crowded_among([job]) if crowded is None else crowded
    )
    pause = max(interval * (SPARSE if is_sparse else 1), stretched(job, interval, now))
    return now + jittered(pause.total_seconds())


def stretched(job: Job, interval: timedelta, now: datetime) -> timedelta:
    """The time until an unfinished job is retrieved next, by its state and age."""
    found = _stretch_of(job, now)
    if found is None or _is_near_finish(job, now):
        return interval
    pause = max(interval * found.intervals, found.least)
    if job.is_tracked_by_id or not has_list(job.connection):
        pause = min(pause, interval * STRETCH_WITHOUT_LIST)
    if job.estimated_finish and job.estimated_finish > now:
        pause = min(pause, job.estimated_finish - now)
    return max(pause, interval)


def _stretch_of(job: Job, now: datetime) -> Stretch | None:
    state, age = State(job.state), now - (job.changed_at or now)
    return next((one for one in STRETCHES if state in one.states and age >= one.unchanged), None)


def _is_near_finish(job: Job, now: datetime) -> bool:
    return job.estimated_finish is not None and abs(job.estimated_finish - now) <= NEAR_FINISH


def after_trouble(job: Job, now: datetime) -> datetime:
    """Doubling from one interval up to a quarter of an hour."""
    backoff = interval_s(job.connection) * 2 ** min(job.trouble_count, 10)
    return now + min(jittered(backoff), LONGEST_BACKOFF)


def sweep_interval_s(connection: Connection) -> float:
    """Seconds between two looks at the list: rarer without one, and under a small cap."""
    seconds = interval_s(connection)
    if not has_list(connection):
        return max(seconds, LIST_AGAIN.total_seconds())
    if connection.requests_per_minute:
        return max(seconds, 60 * SWEEP_SHARE / connection.requests_per_minute)
    return seconds


def next_sweep(connection: Connection, now: datetime) -> datetime:
    return now + jittered(sweep_interval_s(connection))


def wants_full_sweep(connection: Connection, now: datetime) -> bool:
    last = connection.last_full_sweep_at
    return last is None or now - last > FULL_SWEEP_EVERY


def crowded_among(jobs: Iterable[Job]) -> set[int]:
    """The connections of these jobs that have too many polled ones to retrieve each every time."""
    listed = {job.connection_id for job in jobs if _is_listed(job)}
    polled = Job.objects.filter(connection_id__in=listed, next_poll_at__isnull=False)
    counted = polled.order_by().values("connection_id").annotate(number=Count("*"))
    many = counted.filter(number__gt=RETRIEVE_EACH)
    return set(many.values_list("connection_id", flat=True))


def _is_listed(job: Job) -> bool:
    return not job.is_tracked_by_id and has_list(job.connection)
