"""What jobs that are still active will have cost, as far as their progress lets one say.

Those billed by tokens are projected by the database, one row for each model; those billed by the
hour one by one, for their time in training stands in their transitions.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, FloatField, Q, QuerySet, Sum, Value
from django.db.models.functions import Cast, Greatest

from jobs import costing
from jobs.costs import HOUR, LEAST_PROGRESS, MILLION, Estimate, PriceList, Why
from jobs.models import Connection, Job
from providers.states import State

_TRAINING = [State.RUNNING.value, State.PAUSED.value]
_USED = Q(trained_tokens__gt=0)
_FORESEEN = _USED & Q(step__gt=0, total_steps__gt=0, step__gte=F("total_steps") * LEAST_PROGRESS)


@dataclass(slots=True)
class Running:
    """`projected_usd` of the `projected` jobs in the end, `so_far_usd` of those without progress."""

    jobs: int = 0
    projected: int = 0
    projected_usd: float = 0.0
    so_far: int = 0
    so_far_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class _Group:
    """`foreseen`: with progress, `used`: with tokens; the tokens are what they will be, and are now."""

    connection_id: int
    base_model: str
    method: str | None
    jobs: int
    waiting: int
    foreseen: int
    foreseen_tokens: float | None
    used: int
    used_tokens: float | None


def running(
    jobs: QuerySet[Job], connections: Mapping[int, Connection], prices: PriceList, now: datetime
) -> tuple[Running, Counter[Why]]:
    """Of active jobs of one team, with the reasons of those of which nothing can be said yet."""
    found, whys, hourly = Running(), Counter[Why](), list[_Group]()
    for group in _groups(jobs):
        found.jobs += group.jobs
        dialect = connections[group.connection_id].dialect
        price = prices.find(dialect, group.base_model, group.method, now.date())
        if price is None or not group.base_model:
            whys[Why.NO_PRICE if group.base_model else Why.NO_MODEL] += group.jobs
        elif price.usd == 0:
            found.projected += group.jobs
        elif price.unit == HOUR:
            hourly.append(group)
        else:
            _add_tokens(found, whys, group, float(price.usd) / MILLION)
    if hourly:
        _add_hours(found, whys, _jobs_of(jobs, hourly), prices, now)
    return found, +whys


def _groups(jobs: QuerySet[Job]) -> list[_Group]:
    # As floats: SQLite refuses a sum of whole numbers that is too large for it.
    tokens = Cast("trained_tokens", FloatField())
    # How much more it will be than now. Steps beyond the total are the end.
    times = Greatest(Cast("total_steps", FloatField()) / F("step"), Value(1.0))
    rows = (
        jobs.order_by()
        .values_list("connection_id", "base_model", "method")
        .annotate(
            number=Count("pk"),
            waiting=Count("pk", filter=~Q(state__in=_TRAINING) & ~_USED),
            foreseen=Count("pk", filter=_FORESEEN),
            foreseen_tokens=Sum(tokens * times, filter=_FORESEEN),
            used=Count("pk", filter=_USED & ~_FORESEEN),
            used_tokens=Sum(tokens, filter=_USED & ~_FORESEEN),
        )
    )
    return [_Group(*row) for row in rows]


def _add_tokens(found: Running, whys: Counter[Why], group: _Group, usd_each: float) -> None:
    found.projected += group.foreseen
    found.projected_usd += (group.foreseen_tokens or 0) * usd_each
    found.so_far += group.used
    found.so_far_usd += (group.used_tokens or 0) * usd_each
    whys[Why.NOT_YET] += group.waiting
    whys[Why.AT_END] += group.jobs - group.waiting - group.foreseen - group.used


def _jobs_of(jobs: QuerySet[Job], groups: Iterable[_Group]) -> list[Job]:
    wanted = {(group.connection_id, group.base_model, group.method) for group in groups}
    rows = jobs.filter(base_model__in={model for _, model, _ in wanted})
    rows = rows.select_related("connection").only("connection__dialect", *costing.READ)
    return [job for job in rows if (job.connection_id, job.base_model, job.method) in wanted]


def _add_hours(
    found: Running, whys: Counter[Why], jobs: list[Job], prices: PriceList, now: datetime
) -> None:
    for answer in costing.estimates(jobs, prices, now).values():
        if not isinstance(answer, Estimate):
            whys[answer.why] += 1
        elif answer.is_projection:
            found.projected, found.projected_usd = (
                found.projected + 1,
                found.projected_usd + answer.usd,
            )
        else:
            found.so_far, found.so_far_usd = found.so_far + 1, found.so_far_usd + answer.usd
