"""How old what a page shows is, and whether that is older than it should be."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs import schedule
from jobs.models import Job
from providers.states import State

STALE_AFTER_POLLS = 3


@dataclass(frozen=True, slots=True)
class Age:
    """`at`: when it was last read, None for what never was. Only of a live job it can be stale."""

    at: datetime | None
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class Ages:
    """Of the sections of a job's page. `job`: of all that the job itself says."""

    job: Age
    metrics: Age
    events: Age
    checkpoints: Age
    files: Age


def ages(
    job: Job, now: datetime, *, last_point_at: datetime | None, last_file_at: datetime | None
) -> Ages:
    """`last_point_at`, `last_file_at`: when the newest point and file came."""
    last_metric_at = _latest(job.events_read_at, job.checkpoints_read_at, last_point_at)
    # What belongs to a job is asked for with it, and while it waits only when it changes.
    is_read = job.state == State.RUNNING.value
    longest = STALE_AFTER_POLLS * retrieved_every(job) if is_read else None
    return Ages(
        job=Age(job.last_seen_at, is_stale(job, now)),
        metrics=_age(last_metric_at, now, longest),
        events=_age(job.events_read_at, now, longest),
        checkpoints=_age(job.checkpoints_read_at, now, longest),
        files=Age(last_file_at),  # what is said of a file is read once
    )


def is_stale(job: Job, now: datetime) -> bool:
    """Whether our last look is older than three poll intervals of a job that may still move."""
    if job.is_over or job.last_seen_at is None:
        return False
    has_list = schedule.has_list(job.connection)
    every = listed_every(job) if has_list else retrieved_every(job)
    return now - job.last_seen_at > STALE_AFTER_POLLS * every


def listed_every(job: Job) -> timedelta:
    return timedelta(seconds=schedule.interval_s(job.connection))


def retrieved_every(job: Job) -> timedelta:
    """The time from one retrieve of this job to the next as planned, whatever became of it."""
    last = job.retrieved_at or job.last_seen_at or job.first_seen_at
    return schedule.next_poll(job, last) - last


def _age(at: datetime | None, now: datetime, longest: timedelta | None) -> Age:
    return Age(at, is_stale=bool(at and longest and now - at > longest))


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment), default=None)
