"""What the page of a connection says about the provider's base models."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count

from dashboard.queries.leaves import Leaf, leaves
from dashboard.queries.relatives import days_off
from jobs.catalog import origin_of
from jobs.models import BaseModel, Catalog, Connection, Job
from providers.states import State

SOON_DAYS = 30
OTHERS_SHOWN = 200
LIMITS_SHOWN = 8
# What a limit of jobs at a time is called next to the number of those that are active.
_CEILINGS = ("max_concurrent_jobs", "max_active_jobs", "max_running_jobs")


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A base model. `retires`: "in 53 days", "9 days ago", "" when nobody says."""

    name: str
    jobs: int
    retires_on: date | None
    retires: str
    look: str  # of the state whose colours it borrows; "" while there is time
    word: str
    provider_day: date | None  # where people here set another one
    is_by_hand: bool
    active: str  # "1 of 3 active"
    limits: str
    is_listed: bool


@dataclass(frozen=True, slots=True)
class CatalogPanel:
    """`used`: models that jobs here train on. `asks_at`: None for a connection that rests."""

    read_at: datetime | None
    limits_read_at: datetime | None
    asks_at: datetime | None
    models_trouble: str
    limits_trouble: str
    used: tuple[ModelRow, ...]
    others: tuple[ModelRow, ...]
    left_out: int
    raw_limits: tuple[Leaf, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Whose day can be set by hand."""
        return tuple(row.name for row in (*self.used, *self.others))


def catalog_panel(connection: Connection, today: date) -> CatalogPanel:
    catalog = Catalog.objects.filter(connection=connection).first()
    known = {row.name: row for row in BaseModel.objects.filter(connection=connection)}
    used = _used(connection)
    rows = [
        _row(name, known.get(name), used.get(name, 0), catalog, today) for name in {**used, **known}
    ]
    rows.sort(key=lambda row: (row.retires_on or date.max, -row.jobs, row.name))
    others = [row for row in rows if not row.jobs]
    troubles = _troubles(catalog.trouble if catalog else "")
    is_resting = connection.is_paused or connection.archived_at is not None
    return CatalogPanel(
        read_at=catalog.read_at if catalog else None,
        limits_read_at=catalog.limits_read_at if catalog else None,
        asks_at=catalog.next_read_at if catalog and not is_resting else None,
        models_trouble=troubles.get("models", ""),
        limits_trouble=troubles.get("limits", ""),
        used=tuple(row for row in rows if row.jobs),
        others=tuple(others[:OTHERS_SHOWN]),
        left_out=max(len(others) - OTHERS_SHOWN, 0),
        raw_limits=leaves(catalog.limits) if catalog else (),
    )


def _used(connection: Connection) -> dict[str, int]:
    """Jobs by base model; what was trained on from a model of ours shares its origin's end."""
    found = Job.objects.filter(connection=connection, archived_at=None).exclude(base_model="")
    jobs: Counter[str] = Counter()
    for name, number in found.order_by().values_list("base_model").annotate(Count("pk")):
        jobs[origin_of(name)] += number
    return jobs


def _troubles(text: str) -> dict[str, str]:
    lines = (line.partition(": ") for line in text.splitlines())
    return {name: said for name, _, said in lines}


def _row(
    name: str, known: BaseModel | None, jobs: int, catalog: Catalog | None, today: date
) -> ModelRow:
    day = known.retires_on if known else None
    by_hand = known.shutdown_on_by_hand if known else None
    read_at = catalog.read_at if catalog else None
    active, limits = limit_words(known.limits if known else {})
    look, word = _urgency(day, today)
    return ModelRow(
        name=name,
        jobs=jobs,
        retires_on=day,
        retires=days_off((day - today).days) if day else "",
        look=look,
        word=word,
        provider_day=known.shutdown_on if known and by_hand else None,
        is_by_hand=by_hand is not None,
        active=active,
        limits=limits,
        is_listed=bool(known and known.last_seen_at and read_at and known.last_seen_at >= read_at),
    )


def _urgency(day: date | None, today: date) -> tuple[str, str]:
    if day is None or (day - today).days > SOON_DAYS:
        return "", ""
    return (State.FAILED, "Retired") if day < today else (State.PAUSED, "Retires soon")


def limit_words(numbers: Mapping[str, int]) -> tuple[str, str]:
    """("1 of 3 active", the rest in the provider's own names).

    >>> limit_words({"max_concurrent_jobs": 3, "max_total_jobs": 200, "active_jobs": 1})
    ('1 of 3 active', 'max_total_jobs 200')
    """
    ceiling = next((name for name in _CEILINGS if name in numbers), None)
    told: tuple[str, ...] = ()
    active = ""
    if ceiling and "active_jobs" in numbers:
        told = (ceiling, "active_jobs")
        active = f"{numbers['active_jobs']} of {numbers[ceiling]} active"
    rest = [f"{name} {number}" for name, number in numbers.items() if name not in told]
    more = f" and {len(rest) - LIMITS_SHOWN} more" if len(rest) > LIMITS_SHOWN else ""
    return active, ", ".join(rest[:LIMITS_SHOWN]) + more
