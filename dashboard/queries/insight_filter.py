"""What the address of the insight page asks for, and the jobs it speaks of."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from urllib.parse import urlencode

from django.db.models import Count, QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from accounts.models import Team
from dashboard.queries.buckets import Bucket
from jobs.models import Connection, Job
from jobs.models.job import JobQuerySet
from providers.states import State

WEEK_S = 7 * 86_400
SPANS = (("30", "30 days"), ("90", "90 days"), ("365", "a year"), ("all", "all time"))
USUAL = "90"
MOST_BARS = 54  # a year of weeks; a longer time gets wider bars
MODELS_OFFERED = 100
MONDAY_S = 4 * 86_400  # 1970-01-05


@dataclass(frozen=True, slots=True)
class InsightFilter:
    """Anything unreadable in the address is as if it were not there."""

    days: str = USUAL
    connection: str = ""
    model: str = ""

    @classmethod
    def read(cls, asked: QueryDict) -> "InsightFilter":
        days = asked.get("days", "")
        return cls(
            days=days if days in dict(SPANS) else USUAL,
            connection=asked.get("connection", "").strip().replace("\x00", "")[:60],
            model=asked.get("model", "").strip().replace("\x00", "")[:200],
        )

    def since(self, now: datetime) -> datetime | None:
        """The reader's midnight of that day: the jobs list counts by whole days of the same zone."""
        if self.days == "all":
            return None
        day = timezone.localdate(now) - timedelta(days=int(self.days))
        return datetime.combine(day, time(), timezone.get_current_timezone())

    @property
    def is_narrow(self) -> bool:
        return bool(self.connection or self.model)

    @property
    def span(self) -> str:
        """As a sentence goes on: in the last 90 days."""
        return "in all time" if self.days == "all" else f"in the last {self.days} days"

    @property
    def words(self) -> str:
        parts = [f"connection {self.connection}"] if self.connection else []
        parts += [f"base model {self.model}"] if self.model else []
        return ", ".join(parts)

    def jobs_url(self, now: datetime, **more: str) -> str:
        """The jobs list for the same time, connection and base model."""
        since = self.since(now)
        asked = {
            **more,
            "connection": self.connection,
            "model": self.model,
            "from": f"{since:%Y-%m-%d}" if since else "",
        }
        return f"{reverse('jobs')}?{urlencode({k: v for k, v in asked.items() if v})}"


@dataclass(frozen=True, slots=True)
class Cell:
    """So many jobs of one kind. `week`: the bar it belongs to; None where no date is known."""

    week: int | None
    state: str
    base_model: str
    connection_id: int
    count: int


@dataclass(frozen=True, slots=True)
class Scope:
    """Where the page looks: the jobs, and the same time in bars of whole weeks.

    Jobs that the provider gave no date are only in "all time".
    """

    asked: InsightFilter
    now: datetime
    connections: dict[int, Connection]
    timed: JobQuerySet  # of the time asked for, on any connection and base model
    start_s: int
    bar_s: int

    @property
    def chosen(self) -> set[int]:
        """The connections that the filter names."""
        slug = self.asked.connection
        return {pk for pk, one in self.connections.items() if not slug or one.slug == slug}

    @property
    def jobs(self) -> JobQuerySet:
        """All that the filter lets through."""
        found = self.timed.filter(connection__in=self.chosen)
        return found.filter(base_model=self.asked.model) if self.asked.model else found

    def has(self, cell: Cell) -> bool:
        is_model = not self.asked.model or cell.base_model == self.asked.model
        return is_model and cell.connection_id in self.chosen

    @property
    def bar_count(self) -> int:
        return (int(self.now.timestamp()) - self.start_s) // self.bar_s + 1


def scope_of(team: Team, asked: InsightFilter, now: datetime) -> Scope:
    connections = {one.pk: one for one in Connection.objects.for_team(team).live().order_by("name")}
    jobs = Job.objects.for_team(team).filter(connection__in=connections, archived_at=None)
    since = asked.since(now)
    if since:
        jobs = jobs.filter(created_at__gte=since)
    start_s, bar_s = _bars(since or _first(jobs, now), now)
    return Scope(asked, now, connections, jobs, start_s, bar_s)


def _first(jobs: "QuerySet[Job]", now: datetime) -> datetime:
    dated = jobs.filter(created_at__isnull=False).order_by("created_at")
    return dated.values_list("created_at", flat=True).first() or now


def _bars(since: datetime, now: datetime) -> tuple[int, int]:
    """When the first bar begins, a Monday (UTC), and how long each is, whole weeks."""
    first = int(min(since, now).timestamp())
    start_s = (first - MONDAY_S) // WEEK_S * WEEK_S + MONDAY_S
    weeks = (int(now.timestamp()) - start_s) // WEEK_S + 1
    return start_s, -(-weeks // MOST_BARS) * WEEK_S


def census(scope: Scope) -> tuple[Cell, ...]:
    """Jobs by week, state, base model and connection, in one statement."""
    week = Bucket("created_at", scope.start_s, scope.bar_s)
    rows = scope.timed.order_by().annotate(week=week)
    kinds = rows.values_list("state", "base_model", "connection_id", "week")
    return tuple(
        Cell(bar, state, base_model, connection_id, count)
        for state, base_model, connection_id, bar, count in kinds.annotate(count=Count("pk"))
    )


def models_of(cells: Iterable[Cell]) -> dict[str, int]:
    """Base models by number of jobs, most first; jobs that name none are left out."""
    found: dict[str, int] = {}
    for cell in cells:
        if cell.base_model:
            found[cell.base_model] = found.get(cell.base_model, 0) + cell.count
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def over(cells: Iterable[Cell]) -> int:
    """How many of them ended."""
    return sum(cell.count for cell in cells if State(cell.state).is_over)


def day_of(scope: Scope, bar: int) -> datetime:
    return datetime.fromtimestamp(scope.start_s + bar * scope.bar_s, UTC)
