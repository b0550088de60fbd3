"""How many jobs the connections of a team have, and how much of what is over is kept here."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q

from accounts.models import Team
from dashboard import words
from jobs.models import File, Job
from jobs.models.job import OVER

# Of a file that is wanted it is not known yet.
LOST = (File.Fetch.GONE, File.Fetch.REFUSED, File.Fetch.TOO_LARGE)


@dataclass(frozen=True, slots=True)
class JobCounts:
    """A connection's jobs; of those that are over, how many were read to their end, and how many result
    files could not be had.
    """

    all: int = 0
    active: int = 0
    kept: int = 0
    lost_files: int = 0

    def __add__(self, other: "JobCounts") -> "JobCounts":
        return JobCounts(
            self.all + other.all,
            self.active + other.active,
            self.kept + other.kept,
            self.lost_files + other.lost_files,
        )

    @property
    def over(self) -> int:
        return self.all - self.active

    @property
    def kept_percent(self) -> int | None:
        """Rounded down: 100 says that nothing is missing. None when there is nothing to keep."""
        return self.kept * 100 // self.over if self.over else None

    @property
    def extent(self) -> str:
        """How much of those that are kept: "in full", or "but for 3 result files"."""
        lost = words.counted(self.lost_files, "result file")
        return f"but for {lost}" if self.lost_files else "in full"


NO_JOBS = JobCounts()


def job_counts(team: Team) -> dict[int, JobCounts]:
    """By connection; one that has no job is missing."""
    is_over, lost = Q(state__in=OVER), _lost_files(team)
    rows = (
        Job.objects.for_team(team)
        .filter(archived_at=None)
        .values("connection")
        .annotate(
            all=Count("pk"),
            active=Count("pk", filter=~is_over),
            kept=Count("pk", filter=is_over & Q(settled_at__isnull=False)),
        )
    )
    return {
        row["connection"]: JobCounts(
            row["all"], row["active"], row["kept"], lost.get(row["connection"], 0)
        )
        for row in rows
    }


def _lost_files(team: Team) -> dict[int, int]:
    lost = File.objects.filter(connection__team=team, fetch__in=LOST).order_by()
    return dict(lost.values_list("connection").annotate(Count("pk")))


def kept_words(counts: Iterable[JobCounts]) -> str:
    """How much of what is over is saved, as a sentence goes on; "" where nothing is over."""
    told = sum(counts, NO_JOBS)
    if not told.over:
        return ""
    are = "is" if told.kept == 1 else "are"
    over = words.counted(told.over, "finished job")
    return f"; {words.thin(told.kept)} of {over} {are} kept {told.extent}"
