"""What may be asked about now: due, watched, and of a connection that does not wait."""

from datetime import datetime

from django.db.models import Q, QuerySet

from jobs.models import Connection, Job


def due_lists(now: datetime) -> QuerySet[Connection]:
    return Connection.objects.filter(
        may_ask("", now), is_paused=False, archived_at=None, next_sweep_at__lte=now
    )


def due_jobs(now: datetime) -> QuerySet[Job]:
    return Job.objects.filter(
        may_ask("connection__", now),
        connection__is_paused=False,
        connection__archived_at=None,
        is_paused=False,
        archived_at=None,
        next_poll_at__lte=now,
    )


def may_ask(path: str, now: datetime) -> Q:
    """Neither asked to wait nor waiting of its own accord."""
    asked = Q(**{f"{path}wait_until": None}) | Q(**{f"{path}wait_until__lte": now})
    return asked & (Q(**{f"{path}paced_until": None}) | Q(**{f"{path}paced_until__lte": now}))
