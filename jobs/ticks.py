"""Polls from one tick of the schedule to the next: what falls due in between is not late for it."""

import time
from datetime import timedelta

from jobs.claims import database_now
from jobs.models import Connection, Job
from jobs.poll import BUDGET_S, CLAIM_EVERY_S, poll_due

TICK_S = 5.0


def poll_until_tick() -> int:
    """`poll_due`, and again at each time that falls due before the next tick of the schedule."""
    started_at = time.monotonic()
    taken = poll_due()
    while (passed_s := time.monotonic() - started_at) < TICK_S:
        wait_s = due_in_s()
        if wait_s is None or passed_s + wait_s > TICK_S:
            break
        time.sleep(wait_s)
        taken += poll_due(BUDGET_S - passed_s - wait_s)
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
