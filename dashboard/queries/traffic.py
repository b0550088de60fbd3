"""What a connection was asked, hour by hour, how that went, and how much trouble is within the goal."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, Sum

from accounts.models import Team
from dashboard import words
from jobs.models import Connection, RequestTally

OBJECTIVE = 0.99  # of the requests are to be answered
HOURS = 24
DAYS = 7
WIDTH, HEIGHT = 240, 100  # units of the drawing: ten an hour
GAP = 2
LABELLED = (0, 6, 12, 18)  # bars with a time below them

Outcome = RequestTally.Outcome
# A job that is gone is an answer too. Being asked to wait is trouble: we asked too fast.
ANSWERED = frozenset({Outcome.OK.value, Outcome.MISSING.value})


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour. Heights and places in units of the drawing, from its top left."""

    at: datetime
    answered: int
    trouble: int
    x: int
    answered_y: float
    answered_height: float
    trouble_y: float
    trouble_height: float
    label: str
    label_at: float  # percent of the width


@dataclass(frozen=True, slots=True)
class Budget:
    """A span's requests against the goal. `used`: percent of the trouble the goal allows."""

    span: str
    share: str
    number: int
    trouble: int
    used: int
    is_kept: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """How the requests of the last 24 hours went: the share that was answered, and how many were not."""

    share: str
    trouble: int
    is_kept: bool  # within the goal


@dataclass(frozen=True, slots=True)
class OutcomeLine:
    word: str
    number: int
    is_trouble: bool


@dataclass(frozen=True, slots=True)
class Traffic:
    """`highest`: requests of the busiest hour; `outcomes`: of the last 24 hours, most first."""

    sentence: str
    bars: tuple[Bar, ...]
    highest: int
    outcomes: tuple[OutcomeLine, ...]
    budgets: tuple[Budget, ...]
    mean_answer: str


@dataclass(frozen=True, slots=True)
class _Row:
    hour: datetime
    outcome: str
    number: int
    elapsed_ms: int

    @property
    def is_trouble(self) -> bool:
        return self.outcome not in ANSWERED


def traffic(connection: Connection, now: datetime) -> Traffic:
    """Of one query: a week of an hourly table."""
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    day_began = this_hour - timedelta(hours=HOURS - 1)
    week = tuple(_rows(connection, this_hour - timedelta(days=DAYS)))
    day = tuple(row for row in week if row.hour >= day_began)
    bars = tuple(_bars(day, day_began))
    budgets = tuple(_budgets(day, week))
    return Traffic(
        sentence=_sentence(day, budgets),
        bars=bars,
        highest=max((bar.answered + bar.trouble for bar in bars), default=0),
        outcomes=_outcomes(day),
        budgets=budgets,
        mean_answer=_mean_answer(day),
    )


def answered_share(team: Team, now: datetime) -> dict[int, Answered]:
    """By connection, of one query; one that nothing was asked of is missing."""
    began = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    rows = (
        RequestTally.objects.for_team(team)
        .filter(hour__gte=began)
        .values("connection")
        .annotate(all=Sum("number"), good=Sum("number", filter=Q(outcome__in=ANSWERED), default=0))
    )
    return {row["connection"]: _answered(row["all"], row["good"]) for row in rows if row["all"]}


def _answered(number: int, good: int) -> Answered:
    budget = _budget("24 hours", number, number - good)
    return Answered(budget.share, budget.trouble, budget.is_kept)


def _rows(connection: Connection, since: datetime) -> Iterator[_Row]:
    found = RequestTally.objects.filter(connection=connection, hour__gte=since)
    for values in found.values_list("hour", "outcome", "number", "elapsed_ms"):
        yield _Row(*values)


def _bars(day: Iterable[_Row], began: datetime) -> Iterator[Bar]:
    answered: defaultdict[datetime, int] = defaultdict(int)
    trouble: defaultdict[datetime, int] = defaultdict(int)
    for row in day:
        (trouble if row.is_trouble else answered)[row.hour] += row.number
    hours = [began + timedelta(hours=number) for number in range(HOURS)]
    highest = max((answered[hour] + trouble[hour] for hour in hours), default=0) or 1
    for place, hour in enumerate(hours):
        good, bad = (HEIGHT * side[hour] / highest for side in (answered, trouble))
        yield Bar(
            at=hour,
            answered=answered[hour],
            trouble=trouble[hour],
            x=place * WIDTH // HOURS,
            answered_y=round(HEIGHT - good, 2),
            answered_height=round(good, 2),
            trouble_y=round(HEIGHT - good - bad, 2),
            trouble_height=round(bad, 2),
            label=f"{hour:%H:%M}" if place in LABELLED else "",
            label_at=round(100 * place / HOURS, 2),
        )


def _outcomes(day: Iterable[_Row]) -> tuple[OutcomeLine, ...]:
    numbers: defaultdict[str, int] = defaultdict(int)
    for row in day:
        numbers[row.outcome] += row.number
    lines = [
        OutcomeLine(_word(outcome), number, outcome not in ANSWERED)
        for outcome, number in numbers.items()
    ]
    return tuple(sorted(lines, key=lambda line: (-line.number, line.word)))


def _word(outcome: str) -> str:
    return str(Outcome(outcome).label) if outcome in Outcome.values else outcome


def _budgets(day: tuple[_Row, ...], week: tuple[_Row, ...]) -> Iterator[Budget]:
    for span, rows in (("24 hours", day), ("7 days", week)):
        if number := sum(row.number for row in rows):
            trouble = sum(row.number for row in rows if row.is_trouble)
            yield _budget(span, number, trouble)


def _budget(span: str, number: int, trouble: int) -> Budget:
    allowed = number * (1 - OBJECTIVE)
    share = 100 * (number - trouble) / number
    # 99.996 % is not 100 %.
    shown = min(share, 99.99) if trouble else 100
    used = round(100 * trouble / allowed)
    return Budget(span, f"{shown:.4g} %", number, trouble, used, share >= 100 * OBJECTIVE)


def _mean_answer(day: Iterable[_Row]) -> str:
    rows = tuple(day)
    number = sum(row.number for row in rows)
    if not number:
        return words.ABSENT
    return f"{words.thin(round(sum(row.elapsed_ms for row in rows) / number))} ms"


def _sentence(day: Iterable[_Row], budgets: tuple[Budget, ...]) -> str:
    number = sum(row.number for row in day)
    if not number:
        return "No request in the last 24 hours."
    first = budgets[0]
    trouble = f"{words.thin(first.trouble)} with trouble" if first.trouble else "none with trouble"
    return f"{words.counted(number, 'request')} in the last 24 hours, {trouble}."
