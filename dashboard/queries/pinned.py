"""What a jobs list shows above its rows: what failed while nobody looked, and what is stuck now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Count, Window

from dashboard.queries.job_row import Row, row_of
from jobs.models import Connection, Job
from providers.states import State

if TYPE_CHECKING:
    from jobs.models.job import JobQuerySet

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Stuck:
    """The longest stuck first come last. `total`: of all, also of those not among the rows."""

    rows: tuple[Row, ...] = ()
    total: int = 0


def failed_since(
    jobs: "JobQuerySet", since: datetime, connections: Mapping[int, Connection]
) -> tuple[Row, ...]:
    """The newest jobs that failed while nobody looked. History found at first contact is no news."""
    failed = jobs.in_state(State.FAILED.value).filter(ended_at__gt=since).order_by("-ended_at")
    return tuple(row_of(job, connections[job.connection_id]) for job in failed[:SHOWN])


def stuck_now(jobs: "JobQuerySet", connections: Mapping[int, Connection]) -> Stuck:
    """Flagged as stuck or without progress, the latest first; one query gives rows and number."""
    flagged = jobs.stuck().annotate(total=Window(Count("pk"))).order_by("-stuck_since", "-pk")
    found: list[Job] = list(flagged[:SHOWN])
    rows = tuple(row_of(job, connections[job.connection_id]) for job in found)
    return Stuck(rows, getattr(found[0], "total", 0) if found else 0)


def title_of(failed: tuple[Row, ...], stuck: tuple[Row, ...]) -> str:
    """What is pinned, in words.

    >>> title_of((), ())
    ''
    """
    if failed and stuck:
        return "Failed since your last visit, or stuck"
    return "Failed since your last visit" if failed else "Stuck" if stuck else ""
