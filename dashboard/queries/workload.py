"""What watching cost lately and how late it was: the tallies of this clock hour and the one before."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Sum

from accounts.models import Team
from jobs.ledger import BEYOND_S
from jobs.models import Count, LatenessTally, RequestTally


@dataclass(frozen=True, slots=True)
class Lateness:
    """How long after it was due work began. `half`, `most`: "within 2 s", of 50 % and of 99 %."""

    work: str
    number: int
    half: str
    most: str


@dataclass(frozen=True, slots=True)
class Outcome:
    word: str
    number: int


def since(now: datetime) -> datetime:
    """Where the hour before this one began: between one and two hours ago."""
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)


def lateness(now: datetime) -> tuple[Lateness, ...]:
    """Of all connections together: lists first, then jobs; left out where nothing was due."""
    rows = (
        LatenessTally.objects.filter(hour__gte=since(now))
        .values_list("work", "upper_s")
        .annotate(Sum("number"))
    )
    buckets: dict[str, list[tuple[float, int]]] = {}
    for work, upper_s, number in rows:
        buckets.setdefault(work, []).append((upper_s, number))
    return tuple(
        Lateness(
            work.label,
            sum(number for _, number in buckets[work]),
            within(buckets[work], 0.5),
            within(buckets[work], 0.99),
        )
        for work in LatenessTally.Work
        if work in buckets
    )


def within(buckets: Iterable[tuple[float, int]], share: float) -> str:
    """The bound below which that share of the work began. `buckets`: (upper bound in s, how many), no sums.

    >>> within([(1, 98), (5, 1), (60, 1)], 0.99), within([(1, 1), (BEYOND_S, 9)], 0.5)
    ('within 5 s', 'over 1 s')
    """
    ordered = sorted(buckets)
    wanted, seen, below = share * sum(number for _, number in ordered), 0, 0.0
    for upper_s, number in ordered:
        seen += number
        if seen >= wanted and seen:
            return f"over {below:g} s" if upper_s >= BEYOND_S else f"within {upper_s:g} s"
        below = upper_s
    return ""


def requests(team: Team, now: datetime) -> tuple[Outcome, ...]:
    """Requests to the team's providers by how they ended, most ordinary first."""
    rows = RequestTally.objects.for_team(team).filter(hour__gte=since(now))
    numbers = dict(rows.values_list("outcome").annotate(Sum("number")))
    outcomes = RequestTally.Outcome
    return tuple(Outcome(one.label, numbers[one]) for one in outcomes if numbers.get(one))


def counts() -> dict[str, int]:
    """The counters of the whole installation by name; one that never rose is missing."""
    return dict(Count.objects.values_list("name", "number"))
