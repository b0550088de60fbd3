"""What a jobs list shows above its rows: what failed while nobody looked, and what is stuck now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dashboard.queries import news
from dashboard.queries.job_row import Row, read, row_of
from jobs.models import Connection

if TYPE_CHECKING:
    from jobs.models.job import JobQuerySet

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Pins:
    """`failed`: the newest first; `stuck`: the latest first. At most five of each."""

    failed: tuple[Row, ...] = ()
    stuck: tuple[Row, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        return self.failed + self.stuck

    def title(self, span: str) -> str:
        """What is pinned, in words; `span`: since when.

        >>> Pins().title("since your last visit")
        ''
        """
        if self.failed and self.stuck:
            return f"Failed {span}, or stuck"
        return f"Failed {span}" if self.failed else "Stuck" if self.stuck else ""


def pinned(
    jobs: "JobQuerySet",
    since: datetime,
    connections: Mapping[int, Connection],
    *,
    has_failed: bool,
    has_stuck: bool,
) -> Pins:
    """Where there are some: what failed since then, and what is flagged as stuck or without progress."""
    failures = news.failed_since(jobs, since).order_by("-ended_at")
    ended = read(failures[:SHOWN]) if has_failed else []
    stuck = read(jobs.stuck().order_by("-stuck_since", "-pk")[:SHOWN]) if has_stuck else []
    failed, waiting = (
        tuple(row_of(job, connections[job.connection_id]) for job in found)
        for found in (ended, stuck)
    )
    return Pins(failed, waiting)
