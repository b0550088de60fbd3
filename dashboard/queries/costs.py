"""What the team's jobs cost: the sum, by what one asks for, and of which jobs nobody knows, and why."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from accounts.models import Team
from dashboard import words
from dashboard.days import midnight_utc, read_day
from dashboard.months import MonthChart, Sum, days_of, month_chart
from dashboard.queries.active_costs import Running, running
from dashboard.queries.cost_cells import AT, Cell, Lack, cells, lacks, price_of, unpriced_since
from dashboard.queries.prices import add_url
from jobs import costing, repricing
from jobs.costs import PriceList, Why
from jobs.models import Connection, Job
from jobs.models.job import OVER, JobQuerySet
from providers.base import dialects
from providers.states import State

DAY = timedelta(days=1)
ACTIVE = [state.value for state in State if not state.is_over]
TOP = 10
MOST_GROUPS = 50  # rows shown; the CSV has all
MOST_LACKS = 8  # reasons shown one by one
BY = {
    "connection": "Connection",
    "model": "Base model",
    "month": "Month",
    "method": "Method",
    "tag": "Tag",
}
Choices = tuple[tuple[str, str], ...]  # value, word


@dataclass(frozen=True, slots=True)
class CostFilter:
    """What the address asks to see. Anything unreadable in it is as if it were not there."""

    by: str = "connection"
    first: date | None = None
    last: date | None = None
    connection: str = ""
    model: str = ""

    @classmethod
    def read(cls, asked: QueryDict) -> "CostFilter":
        by = asked.get("by", "")
        return cls(
            by=by if by in BY else "connection",
            first=read_day(asked.get("from", "")),
            last=read_day(asked.get("to", "")),
            connection=asked.get("connection", "").strip()[:60],
            model=asked.get("model", "").strip()[:200],
        )

    @property
    def is_narrow(self) -> bool:
        return bool(self.first or self.last or self.connection or self.model)


@dataclass(frozen=True, slots=True)
class Group:
    """A row of the table. `share`: of the largest one, in percent.

    It leads to the costs of its `connection`, `model` or month, or to the jobs at `url`.
    """

    label: str
    sum: Sum
    share: float
    connection: str = ""
    model: str = ""
    url: str = ""
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why `count` jobs have no estimate. `model`: the one a price can be added for at `url`.

    `since`: the first day that such a price would be used on.
    """

    count: int
    words: str
    model: str = ""
    provider: str = ""
    since: date | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class TopJob:
    name: str
    url: str
    state: str
    raw_status: str
    connection: str
    model: str
    ended_at: datetime | None
    usd: float


@dataclass(frozen=True, slots=True)
class CostPage:
    """`prices`: the days from which on those used are valid, in words."""

    asked: CostFilter
    by_word: str
    by: Choices
    connections: Choices
    models: tuple[str, ...]
    total: Sum
    prices: str
    reasons: tuple[Reason, ...]
    active: Running
    active_reasons: tuple[Reason, ...]
    groups: tuple[Group, ...]
    hidden: int  # groups that are not shown
    chart: MonthChart | None
    top: tuple[TopJob, ...]
    progress: repricing.Progress | None

    @property
    def is_empty(self) -> bool:
        return not self.total.jobs and not self.active.jobs

    @property
    def is_mostly_unknown(self) -> bool:
        return self.total.unknown >= self.total.known


def cost_page(team: Team, asked: CostFilter, now: datetime) -> CostPage:
    connections = connections_of(team)
    prices = costing.prices_of(team)
    over = _over(team, asked)
    found = cells(over, with_tags=asked.by == "tag")
    active, whys = running(_active(team, asked, now), connections, prices, now)
    groups = grouped(found, asked, connections)
    return CostPage(
        asked=asked,
        by_word=BY[asked.by],
        by=tuple(BY.items()),
        connections=tuple((one.slug, one.name) for one in connections.values()),
        models=_models(team),
        total=summed(found),
        prices=_days(found, connections, prices),
        reasons=_reasons(
            lacks(found, connections, prices), unpriced_since(found, connections, prices)
        ),
        active=active,
        active_reasons=_reasons(Counter({Lack(why): count for why, count in whys.items()}), {}),
        groups=groups[:MOST_GROUPS],
        hidden=max(len(groups) - MOST_GROUPS, 0),
        chart=month_chart(_by_month(found)),
        top=_top(over),
        progress=repricing.progress(team),
    )


def connections_of(team: Team) -> dict[int, Connection]:
    rows = Connection.objects.for_team(team).only("slug", "name", "dialect").order_by("name", "pk")
    return {one.pk: one for one in rows}


def _models(team: Team) -> tuple[str, ...]:
    named = Job.objects.for_team(team).exclude(base_model="").order_by("base_model")
    return tuple(named.values_list("base_model", flat=True).distinct())


def _narrowed(team: Team, asked: CostFilter) -> JobQuerySet:
    """All of the filter but its days. Put away jobs count: they were paid all the same."""
    jobs = Job.objects.for_team(team)
    if asked.connection:
        jobs = jobs.filter(connection__slug=asked.connection)
    return jobs.filter(base_model=asked.model) if asked.model else jobs


def _active(team: Team, asked: CostFilter, now: datetime) -> JobQuerySet:
    """By the names of the states: an index has these, but not those of other states than some.

    None for days that are over: what is active ends later.
    """
    jobs = _narrowed(team, asked).live().in_state(*ACTIVE)
    return jobs.none() if asked.last and asked.last < now.date() else jobs


def _over(team: Team, asked: CostFilter) -> QuerySet[Job]:
    jobs = _narrowed(team, asked).in_state(*OVER).alias(at=AT)
    if asked.first:
        jobs = jobs.filter(at__gte=midnight_utc(asked.first))
    if asked.last:
        jobs = jobs.filter(at__lt=midnight_utc(asked.last + DAY))
    return jobs


def group_rows(team: Team, asked: CostFilter) -> tuple[Group, ...]:
    """All rows of the table."""
    found = cells(_over(team, asked), with_tags=asked.by == "tag")
    return grouped(found, asked, connections_of(team))


def grouped(
    found: Iterable[Cell], asked: CostFilter, connections: Mapping[int, Connection]
) -> tuple[Group, ...]:
    """The dearest first, months the newest first. A job with two tags counts in two rows."""
    members: dict[Group, list[Cell]] = defaultdict(list)
    for cell in found:
        for empty in _groups_of(cell, asked, connections):
            members[empty].append(cell)
    sums = {empty: summed(own) for empty, own in members.items()}
    highest = max((one.usd or 0 for one in sums.values()), default=0) or 1
    groups = [
        replace(empty, sum=one, share=round(100 * (one.usd or 0) / highest, 2))
        for empty, one in sums.items()
    ]
    if asked.by == "month":
        return tuple(sorted(groups, key=lambda group: group.label, reverse=True))
    return tuple(
        sorted(groups, key=lambda group: (-(group.sum.usd or 0), -group.sum.jobs, group.label))
    )


def _groups_of(
    cell: Cell, asked: CostFilter, connections: Mapping[int, Connection]
) -> Iterator[Group]:
    """The groups that the cell is in, without their sums."""
    none, by = Sum(), asked.by
    if by == "connection":
        one = connections[cell.connection_id]
        yield Group(one.name, none, 0, connection=one.slug)
    elif by == "model":
        yield Group(cell.base_model or "Not named", none, 0, model=cell.base_model)
    elif by == "month":
        yield _month_group(cell.month, asked)
    elif by == "method":
        yield Group(
            cell.method or "Not said", none, 0, url=_jobs_link(asked, method=cell.method or "")
        )
    else:
        for tag in cell.tags.split() or [""]:
            yield Group(tag or "Without a tag", none, 0, url=_jobs_link(asked, tag=tag))


def _month_group(month: str | None, asked: CostFilter) -> Group:
    """With its days, as far as they are asked for."""
    if not month:
        return Group("Undated", Sum(), 0)
    first, last = days_of(month)
    begin, end = max(first, asked.first or first), min(last, asked.last or last)
    return Group(month, Sum(), 0, first=begin, last=end)


def _jobs_link(asked: CostFilter, **narrow: str) -> str:
    """Of the same connection and base model; not of the same days, for the list has days of creation."""
    if not all(narrow.values()):
        return ""
    also = {"connection": asked.connection, "model": asked.model}
    named = narrow | {name: value for name, value in also.items() if value}
    return f"{reverse('jobs')}?{urlencode(named)}"


def summed(found: Iterable[Cell]) -> Sum:
    rows = list(found)
    known = sum(cell.known for cell in rows)
    usd = sum(cell.usd or 0 for cell in rows) if known else None
    return Sum(sum(cell.jobs for cell in rows), known, usd)


def _by_month(found: Iterable[Cell]) -> dict[str, Sum]:
    months: dict[str, list[Cell]] = defaultdict(list)
    for cell in found:
        if cell.month:
            months[cell.month].append(cell)
    return {month: summed(own) for month, own in months.items()}


def _days(found: Iterable[Cell], connections: Mapping[int, Connection], prices: PriceList) -> str:
    used = {
        price.valid_from
        for cell in found
        if cell.known and (price := price_of(cell, connections[cell.connection_id].dialect, prices))
    }
    if not used:
        return ""
    first, last = min(used), max(used)
    until = "" if first == last else f" to {last}"
    return f"those used here date from {first}{until}"


def _reasons(counted: Counter[Lack], since: Mapping[Lack, date]) -> tuple[Reason, ...]:
    """The most frequent first, and the rest in one line: nothing is left out of the count."""
    rows = sorted(counted.items(), key=lambda row: (-row[1], row[0].why.value, row[0].base_model))
    shown = [_reason(lack, count, since.get(lack)) for lack, count in rows[:MOST_LACKS]]
    if rest := rows[MOST_LACKS:]:
        models = words.counted(len(rest), "more reason")
        shown.append(Reason(sum(count for _, count in rest), f"{models}, mostly of other models"))
    return tuple(shown)


def _reason(lack: Lack, count: int, since: date | None) -> Reason:
    if lack.why is not Why.NO_PRICE or not lack.base_model:
        return Reason(count, lack.why.value)
    provider = dialects()[lack.dialect].label if lack.dialect in dialects() else lack.dialect
    url = add_url(lack.dialect, lack.base_model, lack.method, since)
    return Reason(count, "no price is known of", lack.base_model, provider, since, url)


def _top(over: QuerySet[Job]) -> tuple[TopJob, ...]:
    named = ("provider_id", "suffix", "state", "raw_status", "base_model", "ended_at", "cost_usd")
    rows = over.filter(cost_usd__gt=0).select_related("connection").order_by("-cost_usd", "-pk")
    rows = rows.only("connection__slug", "connection__name", *named)[:TOP]
    return tuple(
        TopJob(
            name=job.name,
            url=reverse("job", args=[job.connection.slug, job.provider_id]),
            state=State(job.state).value,
            raw_status=job.raw_status,
            connection=job.connection.name,
            model=job.base_model,
            ended_at=job.ended_at,
            usd=job.cost_usd or 0,
        )
        for job in rows
    )
