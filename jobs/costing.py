"""Keeps `Job.cost_usd`: the estimate of a job that is over. jobs.costs says how it is made.

Of a job that is still active nothing is stored: what it will have cost moves with every step.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime

from accounts.models import Team
from jobs.costs import (
    HOUR,
    Estimate,
    Facts,
    Move,
    PriceList,
    PriceRow,
    Unknown,
    day_of,
    estimate,
    trained_s,
)
from jobs.models import Job, Price, Transition
from jobs.price_table import SHIPPED
from providers.states import State

Answer = Estimate | Unknown
# What an estimate reads of a job, besides the dialect of its connection.
READ = (
    *("state", "base_model", "method", "created_at", "ended_at", "trained_tokens"),
    *("step", "total_steps", "cost_usd", "version", "team_id"),
)


def prices_of(team: Team | int) -> PriceList:
    """The team's prices before those that TuneBell comes with; one statement."""
    rows = Price.objects.filter(team=team)
    return PriceList((*map(price_row, rows), *SHIPPED))


def price_row(price: Price) -> PriceRow:
    return PriceRow(
        dialect=price.dialect,
        base_model=price.base_model,
        method=price.method,
        unit=price.unit,
        usd=price.usd,
        valid_from=price.valid_from,
        source=price.source,
        key=price.pk,
    )


def facts_of(job: Job, spent_s: float | None = None) -> Facts:
    """`spent_s`: its seconds in training, if its price needs them. Reads the job's connection."""
    return Facts(
        dialect=job.connection.dialect,
        base_model=job.base_model,
        method=job.method,
        state=State(job.state),
        created_at=job.created_at,
        ended_at=job.ended_at,
        trained_tokens=job.trained_tokens,
        trained_s=spent_s,
        progress=job.progress,
    )


def estimates(jobs: Collection[Job], prices: PriceList, now: datetime) -> dict[int, Answer]:
    """By the job's key, for jobs of one team: without a statement, or with one for all by the hour."""
    facts = {job.pk: facts_of(job) for job in jobs}
    hourly = {job_id for job_id, one in facts.items() if _is_hourly(one, prices, now)}
    ends = {job.pk: job.ended_at if job.is_over else now for job in jobs if job.pk in hourly}
    spent = _training(ends) if ends else {}
    return {
        job.pk: estimate(facts_of(job, spent.get(job.pk)), prices, now)
        if job.pk in hourly
        else estimate(facts[job.pk], prices, now)
        for job in jobs
    }


def estimate_of(job: Job, now: datetime) -> Answer:
    """Of one job, with two statements at most."""
    return estimates([job], prices_of(job.team_id), now)[job.pk]


def price_days(jobs: Iterable[Job]) -> dict[int, date]:
    """Of jobs that are over, the days that the prices of their estimates are of: a statement a team."""
    lists: dict[int, PriceList] = {}
    days = {}
    for job in jobs:
        at = job.ended_at or job.created_at
        if at is None or not job.is_over:
            continue
        if job.team_id not in lists:
            lists[job.team_id] = prices_of(job.team_id)
        kind = (job.connection.dialect, job.base_model, job.method)
        if found := lists[job.team_id].find(*kind, at.astimezone(UTC).date()):
            days[job.pk] = found.valid_from
    return days


def _is_hourly(facts: Facts, prices: PriceList, now: datetime) -> bool:
    day = day_of(facts, now)
    price = prices.find(facts.dialect, facts.base_model, facts.method, day) if day else None
    return price is not None and price.unit == HOUR


def _training(ends: dict[int, datetime | None]) -> dict[int, float]:
    """Seconds in training by job, of those where we saw all of it."""
    moves: dict[int, list[Move]] = defaultdict(list)
    rows = Transition.objects.filter(job_id__in=list(ends), kind=Transition.Kind.STATE).order_by(
        "pk"
    )
    names = ("job_id", "from_state", "to_state", "recorded_at", "stayed_s", "happened_at")
    for job_id, came_from, went_to, recorded_at, stayed_s, happened_at in rows.values_list(*names):
        at = happened_at if happened_at and State(went_to).is_over else recorded_at
        moves[job_id].append(Move(came_from, went_to, at, stayed_s))
    spent = {job_id: trained_s(found, ends[job_id]) for job_id, found in moves.items()}
    return {job_id: seconds for job_id, seconds in spent.items() if seconds is not None}


def refresh(jobs: Sequence[Job], now: datetime) -> None:
    """Brings the estimates of changed jobs up to date; the caller has them locked and saves them.

    A page of jobs takes the statements of one: none while they are active, else the team's prices,
    and the stays of those that are billed by the hour. Their transitions must be written already.
    """
    over: dict[int, list[Job]] = defaultdict(list)
    for job in jobs:
        job.cost_usd = None
        if job.is_over:
            over[job.team_id].append(job)
    for team_id, found in over.items():
        price(found, prices_of(team_id), now)


def price(jobs: Collection[Job], prices: PriceList, now: datetime) -> None:
    """Sets the estimates of jobs of one team that are over."""
    found = estimates(jobs, prices, now)
    for job in jobs:
        answer = found[job.pk]
        job.cost_usd = answer.usd if isinstance(answer, Estimate) else None
