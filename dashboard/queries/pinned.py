"""What a jobs list shows above its rows: what failed while nobody looked, and what is stuck now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dashboard import words
from dashboard.queries import news
from dashboard.queries.job_row import Row, read, row_of
from jobs.models import Connection

if TYPE_CHECKING:
    from jobs.models.job import JobQuerySet

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Pins:
    """`failed`: the newest first, at most five; `has_more`: of them. `stuck`: the latest first."""

    failed: tuple[Row, ...] = ()
    has_more: bool = False
    stuck: tuple[Row, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        return self.failed + self.stuck

    @property
    def title(self) -> str:
        """What is pinned, in words.

        >>> Pins().title
        ''
        """
        if self.failed and self.stuck:
            return "Failed since your last visit, or stuck"
        return "Failed since your last visit" if self.failed else "Stuck" if self.stuck else ""

    @property
    def failures(self) -> str:
        """How many failed, in words; "" when none did."""
        if not self.failed:
            return ""
        return (
            f"More than {SHOWN} jobs" if self.has_more else words.counted(len(self.failed), "job")
        )


def pinned(
    jobs: "JobQuerySet", since: datetime, connections: Mapping[int, Connection], *, has_stuck: bool
) -> Pins:
    """What failed since then; and where some are, what is flagged as stuck or without progress."""
    ended = read(news.failed_since(jobs, since).order_by("-ended_at")[: SHOWN + 1])
    stuck = read(jobs.stuck().order_by("-stuck_since", "-pk")[:SHOWN]) if has_stuck else []
    failed, waiting = (
        tuple(row_of(job, connections[job.connection_id]) for job in found[:SHOWN])
        for found in (ended, stuck)
    )
    return Pins(failed, has_more=len(ended) > SHOWN, stuck=waiting)
