"""When what is looked at next. Due times live in the rows; nobody sleeps until then."""

import random
from datetime import datetime, timedelta

from django.conf import settings

from jobs.fetch import Answer
from jobs.models import Connection, Job
from providers.base import dialects

RETRIEVE_EACH = 20  # up to so many polled jobs of a connection are each retrieved at every poll
SPARSE = 10  # beyond that, at every so many polls, and whenever the list shows a change
LATE_READS = timedelta(seconds=60)  # events and files still come this long after the end
LONGEST_BACKOFF = timedelta(minutes=15)
TRIES_TO_SETTLE = 5
FULL_SWEEP_EVERY = timedelta(hours=1)
QUARANTINE = timedelta(hours=1)


def interval_s(connection: Connection) -> float:
    """Seconds between two polls of this connection."""
    return float(connection.poll_interval_s or settings.POLL_INTERVAL_SECONDS)


def jittered(seconds: float) -> timedelta:
    """Within 10 %, so that connections and jobs do not march in step."""
    return timedelta(seconds=seconds * random.uniform(0.9, 1.1))  # noqa: S311 - spreads load only


def has_list(connection: Connection) -> bool:
    dialect = dialects().get(connection.dialect)
    return bool(dialect and dialect.has_list)


def ringing_since(connection: Connection) -> datetime | None:
    """Jobs created later than this ring even when they are first seen over."""
    return connection.first_sweep_at if has_list(connection) else connection.created_at


def after_answer(job: Job, answer: Answer, now: datetime) -> None:
    """Sets when the job is retrieved next, or that it is settled."""
    job.retrieved_at = now
    if not job.is_over:
        job.next_poll_at = next_poll(job, now)
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


def next_poll(job: Job, now: datetime) -> datetime:
    return now + jittered(interval_s(job.connection) * _sparseness(job))


def after_trouble(job: Job, now: datetime) -> datetime:
    """Doubling from one interval up to a quarter of an hour."""
    backoff = interval_s(job.connection) * 2 ** min(job.trouble_count, 10)
    return now + min(jittered(backoff), LONGEST_BACKOFF)


def next_sweep(connection: Connection, now: datetime) -> datetime:
    return now + jittered(interval_s(connection))


def wants_full_sweep(connection: Connection, now: datetime) -> bool:
    last = connection.last_full_sweep_at
    return last is None or now - last > FULL_SWEEP_EVERY


def _sparseness(job: Job) -> int:
    if job.is_tracked_by_id or not has_list(job.connection):
        return 1
    polled = Job.objects.filter(connection_id=job.connection_id, next_poll_at__isnull=False)
    return SPARSE if len(polled.values_list("pk")[: RETRIEVE_EACH + 1]) > RETRIEVE_EACH else 1
