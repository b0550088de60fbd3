"""Signs of life of a job, kept in its row so that nobody has to count its events.

The caller has the row locked and saves it.
"""

from datetime import datetime, timedelta

from jobs import schedule
from jobs.models import Connection, Job
from providers.states import State

LOOKS = 3  # so many missed in a row leave open when something happened
SHORTEST = timedelta(minutes=5)
# What lies between two readings further apart is our silence, not the job's.
LONGEST_BETWEEN_READINGS = timedelta(minutes=30)


def patience(connection: Connection) -> timedelta:
    """How far two looks may be apart for what lies between them to count as seen."""
    return max(SHORTEST, LOOKS * timedelta(seconds=schedule.interval_s(connection)))


def begin_stay(job: Job) -> None:
    """It entered another state: gaps and plans of the stay before mean nothing now."""
    job.longest_gap_s = job.planned_finish = None


def note(job: Job, now: datetime) -> None:
    """A step, a point, a checkpoint or an event came. Call it before the reading itself is noted."""
    if job.state != State.RUNNING.value:
        return
    before = max(filter(None, (job.progressed_at, job.state_since)), default=None)
    if before and _was_read_lately(job, now):
        gap_s = max((now - before).total_seconds(), 0.0)
        job.longest_gap_s = max(job.longest_gap_s or 0.0, gap_s)
    job.progressed_at = now


def _was_read_lately(job: Job, now: datetime) -> bool:
    return bool(job.events_read_at and now - job.events_read_at <= LONGEST_BETWEEN_READINGS)


def note_plan(job: Job) -> None:
    """Keeps the first finish time that is said while it runs, for later ones to be compared with."""
    if job.state == State.RUNNING.value and job.planned_finish is None:
        job.planned_finish = job.estimated_finish
