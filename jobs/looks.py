"""Looks that are wanted at once. Due times only: when a connection asked to wait, it still waits."""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from jobs.models import Connection, Job
from jobs.schedule import has_list

LISTS_APART = timedelta(seconds=10)


def look_at_once(rows: QuerySet[Job], now: datetime) -> None:
    """Makes the jobs due. What was asked about them before now is out of date, and comes too late.

    Without that, a poll under way would record the state before, and put the look off.
    """
    rows.update(next_poll_at=now)
    # Of a job that was never read, the first answer must stay the first.
    rows.filter(applied_request_at__lt=now).update(applied_request_at=now)


def list_soon(connection: Connection, now: datetime) -> None:
    """Makes the list due, a while after the last look at it and never later than planned.

    However often it is called, the list of a provider that is well is read once in `LISTS_APART`,
    and that of one in trouble, or without any, not sooner at all.
    """
    if not has_list(connection):
        return
    last = connection.last_sweep_at
    at = max(now, last + LISTS_APART) if last else now
    is_later = Q(next_sweep_at__gt=at)
    Connection.objects.filter(is_later, pk=connection.pk, trouble_count=0).update(next_sweep_at=at)
