"""The prices that estimates are made with: the team's own, and those that TuneBell comes with."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.http import Http404
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.text import slugify

from accounts.models import Team
from dashboard.queries.cost_cells import REINFORCEMENT
from jobs import costing, repricing
from jobs.costs import HOUR, TOKENS, PriceRow
from jobs.models import Job, Price
from jobs.price_table import SHIPPED, VERSION
from providers.base import dialects

MOST_MODELS = 200  # offered while somebody types
ANY_METHOD = {TOKENS: "any but reinforcement", HOUR: "any method"}


@dataclass(frozen=True, slots=True)
class PriceLine:
    """`anchor`: where a job's page links to. `key`: of a price that may be removed.

    `anew_url`: the form, filled with all but the amount: to change a price is to date a new one.
    """

    anchor: str
    provider: str
    base_model: str
    method: str
    words: str
    valid_from: date
    source: str
    url: str
    anew_url: str
    key: int | None


@dataclass(frozen=True, slots=True)
class PricePage:
    own: tuple[PriceLine, ...]
    shipped: tuple[PriceLine, ...]
    models: tuple[str, ...]  # of the team's jobs
    progress: repricing.Progress | None
    read_on: str = VERSION  # the day of the copies that list prices are from


def price_page(team: Team) -> PricePage:
    rows = Price.objects.for_team(team).order_by("base_model", "dialect", "method", "-valid_from")
    named = Job.objects.for_team(team).exclude(base_model="").order_by("base_model")
    return PricePage(
        own=tuple(_lines(map(costing.price_row, rows))),
        shipped=tuple(_lines(SHIPPED)),
        models=tuple(named.values_list("base_model", flat=True).distinct()[:MOST_MODELS]),
        progress=repricing.progress(team),
    )


def find_price(team: Team, key: int) -> Price:
    """One of the team's own. Raises Http404."""
    price = Price.objects.for_team(team).select_related("team").filter(pk=key).first()
    if price is None:
        raise Http404
    return price


def anchor(price: PriceRow) -> str:
    """The place of a price on its page."""
    if price.key is not None:
        return f"price-{price.key}"
    return slugify(f"{price.dialect} {price.base_model.replace('.', '-')} {price.valid_from}")


def address(price: PriceRow) -> str:
    return f"{reverse('prices')}#{anchor(price)}"


def add_url(dialect: str, base_model: str, method: str, since: date | None) -> str:
    """Where a price of this model can be added, valid from the day it is needed. `method`: of the jobs."""
    asked = {"dialect": dialect, "base_model": base_model}
    asked |= {"method": method, "unit": HOUR} if method == REINFORCEMENT else {}
    asked |= {"valid_from": since.isoformat()} if since else {}
    return f"{reverse('prices')}?{urlencode(asked)}#add"


def _lines(rows: Iterable[PriceRow]) -> list[PriceLine]:
    labels = {name: dialect.label for name, dialect in dialects().items()}
    return [
        PriceLine(
            anchor=anchor(row),
            provider=labels.get(row.dialect, row.dialect) or "Any provider",
            base_model=row.base_model,
            method=row.method or ANY_METHOD[row.unit],
            words=row.words,
            valid_from=row.valid_from,
            source=row.source,
            url=row.url,
            anew_url=f"{reverse('prices')}?{_as_query(row)}#add",
            key=row.key,
        )
        for row in rows
    ]


def _as_query(row: PriceRow) -> str:
    said = {"dialect": row.dialect, "base_model": row.base_model, "method": row.method}
    return urlencode({**said, "unit": row.unit})
