"""What a jobs list shows above its rows: what failed while nobody looked, and what is stuck now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dashboard import words
from dashboard.queries import news
from dashboard.queries.job_row import Row, row_of, with_row_columns
from jobs.models import Connection
from jobs.models.job import UNDATED

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


def pinned(jobs: "JobQuerySet", since: datetime, connections: Mapping[int, Connection]) -> Pins:
    """In one query: what failed since then, and what is flagged as stuck or without progress."""
    failed = news.failed_since(jobs, since).order_by("-ended_at").values("pk")[: SHOWN + 1]
    stuck = jobs.stuck().order_by("-stuck_since", "-pk").values("pk")[:SHOWN]
    some = with_row_columns(
        jobs
    )  # by two lists of keys: with an "or", every row would be looked at
    found = some.filter(pk__in=failed).union(some.filter(pk__in=stuck), all=True)
    rows = {job: row_of(job, connections[job.connection_id]) for job in found}
    ended = sorted(
        (job for job in rows if rows[job].is_failed),
        key=lambda job: job.ended_at or UNDATED,
        reverse=True,
    )
    waiting = sorted(
        (job for job in rows if not rows[job].is_failed and job.stuck_since),
        key=lambda job: (job.stuck_since, job.pk),
        reverse=True,
    )
    return Pins(
        failed=tuple(rows[job] for job in ended[:SHOWN]),
        has_more=len(ended) > SHOWN,
        stuck=tuple(rows[job] for job in waiting),
    )
