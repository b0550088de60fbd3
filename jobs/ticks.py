"""Polls from one tick of the schedule to the next: what falls due in between is not late for it."""

import time
from datetime import datetime, timedelta

from jobs.claims import POLL_LEASE, database_now, free_at
from jobs.due import due_jobs, due_lists
from jobs.models import Connection, Job
from jobs.poll import BUDGET_S, CLAIM_EVERY_S, poll_due

TICK_S = 5.0
LOOK_S = 0.25  # a look that somebody asks for during the wait begins this much later at most
# Rows that came after the last claim of the run before, and were committed a while after their time.
OVERLAP = timedelta(seconds=2)


def poll_until_tick() -> int:
    """`poll_due`, and again at each time that falls due before the next tick of the schedule."""
    started_at = time.monotonic()
    taken = poll_due()
    while (passed_s := time.monotonic() - started_at) < TICK_S:
        wait_s = due_in_s()
        if wait_s is None or passed_s + wait_s > TICK_S:
            break
        wait_until_due(wait_s)
        taken += poll_due(BUDGET_S - (time.monotonic() - started_at))
    return taken


def due_in_s() -> float | None:
    """Seconds until something more falls due, and at least those between two looks."""
    now = database_now()
    soon = (now, now + timedelta(seconds=TICK_S))
    lists = Connection.objects.filter(next_sweep_at__range=soon).order_by("next_sweep_at")
    jobs = Job.objects.filter(next_poll_at__range=soon).order_by("next_poll_at")
    times = (
        lists.values_list("next_sweep_at", flat=True).first(),
        jobs.values_list("next_poll_at", flat=True).first(),
    )
    first = min((at for at in times if at), default=None)
    return max((first - now).total_seconds(), CLAIM_EVERY_S) if first else None


def wait_until_due(wait_s: float) -> bool:
    """Sleeps for `wait_s` seconds, or until somebody made something due meanwhile: then True."""
    ends_at, since = time.monotonic() + wait_s, database_now() - OVERLAP
    while (left_s := ends_at - time.monotonic()) > 0:
        time.sleep(min(left_s, LOOK_S))
        if left_s > LOOK_S and became_due(since):
            return True
    return False


def became_due(since: datetime) -> bool:
    """Whether something can be claimed that fell due after `since`.

    What fell due before is in the way of nobody: the range keeps the two looks at the index short,
    however many paused jobs are overdue.
    """
    now = database_now()
    free = free_at(now, POLL_LEASE)
    return (
        due_jobs(now).filter(free, next_poll_at__gt=since).exists()
        or due_lists(now).filter(free, next_sweep_at__gt=since).exists()
    )
