"""The costs of finished jobs, summed by the database into cells that pages fold: one statement."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import CharField, Count, Max, Min, Q, QuerySet, Sum, Value
from django.db.models.functions import Cast, Coalesce, Substr

from jobs.costs import HOUR, PriceList, PriceRow, Why
from jobs.models import Connection, Job

REINFORCEMENT = "reinforcement"
AT = Coalesce("ended_at", "created_at")  # when it cost what it did


@dataclass(frozen=True, slots=True)
class Cell:
    """Finished jobs that have all of this in common. `usd`: of the `known` ones.

    `unused`: of the others, those without trained tokens. `first_at`, `last_at`: when the first and
    the last of them ended.
    """

    connection_id: int
    base_model: str
    method: str | None
    month: str | None  # 2026-11, UTC
    tags: str
    jobs: int
    known: int
    usd: float | None
    unused: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Lack:
    """Why jobs have no estimate. Of a missing price: of which model at which provider.

    `method`: reinforcement alone, for which no price of any method by tokens counts.
    """

    why: Why
    base_model: str = ""
    dialect: str = ""
    method: str = ""


def cells(jobs: QuerySet[Job], *, with_tags: bool) -> tuple[Cell, ...]:
    """`jobs`: of one team, over, with their moment as `at`. Tags multiply the cells; ask if needed."""
    unused = Q(cost_usd=None) & (Q(trained_tokens=None) | Q(trained_tokens__lte=0))
    # Cutting the text is ten times as fast as TruncMonth, for which SQLite calls Python every row.
    month = Substr(Cast("at", CharField()), 1, 7)
    names = ("connection_id", "base_model", "method", "month", "labels")
    rows = (
        jobs.annotate(month=month, labels=Cast("tags", CharField()) if with_tags else Value(""))
        .order_by()
        .values_list(*names)
        .annotate(
            number=Count("pk"),
            known=Count("cost_usd"),
            usd=Sum("cost_usd"),
            unused=Count("pk", filter=unused),
            first_at=Min("at"),
            last_at=Max("at"),
        )
    )
    return tuple(Cell(*row) for row in rows)


def lacks(
    found: Iterable[Cell], connections: Mapping[int, Connection], prices: PriceList
) -> Counter[Lack]:
    """How many jobs have no estimate, by the reason."""
    counted: Counter[Lack] = Counter()
    for cell in found:
        for lack, number in _lacks_of(cell, connections[cell.connection_id].dialect, prices):
            counted[lack] += number
    return +counted


def unpriced_since(
    found: Iterable[Cell], connections: Mapping[int, Connection], prices: PriceList
) -> dict[Lack, date]:
    """The day from which on a price would have to be valid, by what it is missing of."""
    days: dict[Lack, date] = {}
    for cell in found:
        for lack, number in _lacks_of(cell, connections[cell.connection_id].dialect, prices):
            if number and lack.why is Why.NO_PRICE and cell.first_at:
                day = cell.first_at.date()
                days[lack] = min(day, days.get(lack, day))
    return days


def _lacks_of(cell: Cell, dialect: str, prices: PriceList) -> Iterator[tuple[Lack, int]]:
    unknown = cell.jobs - cell.known
    if not cell.base_model or cell.last_at is None:
        yield Lack(Why.NO_DAY if cell.base_model else Why.NO_MODEL), unknown
        return
    price = price_of(cell, dialect, prices)
    method = cell.method if cell.method == REINFORCEMENT else ""
    no_price = Lack(Why.NO_PRICE, cell.base_model, dialect, method)
    if price is None:
        yield no_price, unknown
    elif price.unit == HOUR:
        yield Lack(Why.NO_TIME), unknown
    else:
        yield Lack(Why.NO_TOKENS), cell.unused
        yield no_price, unknown - cell.unused  # they ended before the price began


def price_of(cell: Cell, dialect: str, prices: PriceList) -> PriceRow | None:
    """That of the cell's last job."""
    if cell.last_at is None:
        return None
    return prices.find(dialect, cell.base_model, cell.method, cell.last_at.date())
