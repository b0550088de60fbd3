"""Money by month -> the bars of a chart, its sentence and its table. Pure; heights are finished geometry."""

import calendar
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from dashboard import words
from jobs.costs import dollars

WIDTH, HEIGHT = 900, 100  # units of the drawing
SHOWN = 24  # months: older ones are in the table by month
LABELS = 8  # at most, below the bars
FEWEST_PLACES = 12  # so that two months are bars and no walls
GAP = 0.25  # of a bar's place


@dataclass(frozen=True, slots=True)
class Sum:
    """Of some jobs. `usd`: of the `known` ones; None where none is."""

    jobs: int = 0
    known: int = 0
    usd: float | None = None

    @property
    def unknown(self) -> int:
        return self.jobs - self.known


@dataclass(frozen=True, slots=True)
class Bar:
    """A month, as 2026-11. `label_at` in percent of the width."""

    month: str
    sum: Sum
    x: float
    y: float
    width: float
    height: float
    label: str
    label_at: float


@dataclass(frozen=True, slots=True)
class MonthChart:
    """`highest`: the amount at the top of the drawing."""

    sentence: str
    bars: tuple[Bar, ...]
    highest: float


def month_chart(sums: Mapping[str, Sum]) -> MonthChart | None:
    """The newest months of those given, gaps filled; None for one alone, which the sum says, and
    where nothing is known of any.

    `sums`: by month, as 2026-11.
    """
    if not any(one.known for one in sums.values()):
        return None
    months = list(months_between(min(sums), max(sums)))[-SHOWN:]
    if len(months) == 1:
        return None
    highest = max((sums[month].usd or 0 for month in months if month in sums), default=0)
    return MonthChart(_sentence(sums, months), tuple(_bars(sums, months, highest)), highest)


def months_between(first: str, last: str) -> Iterator[str]:
    """Both included.

    >>> list(months_between("2025-11", "2026-02"))
    ['2025-11', '2025-12', '2026-01', '2026-02']
    """
    at, end = _number(first), _number(last)
    for number in range(at, end + 1):
        yield f"{number // 12:04}-{number % 12 + 1:02}"


def days_of(month: str) -> tuple[date, date]:
    """The first and the last one.

    >>> days_of("2024-02")
    (datetime.date(2024, 2, 1), datetime.date(2024, 2, 29))
    """
    first = date.fromisoformat(f"{month}-01")
    return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])


def _number(month: str) -> int:
    year, _, of_year = month.partition("-")
    return int(year) * 12 + int(of_year) - 1


def _bars(sums: Mapping[str, Sum], months: list[str], highest: float) -> Iterator[Bar]:
    places = max(len(months), FEWEST_PLACES)
    place = WIDTH / places
    every = -(-len(months) // LABELS)
    for number, month in enumerate(months):
        found = sums.get(month, Sum())
        height = HEIGHT * (found.usd or 0) / highest if highest else 0.0
        is_labelled = (len(months) - 1 - number) % every == 0
        yield Bar(
            month=month,
            sum=found,
            x=round(place * (number + GAP / 2), 1),
            y=round(HEIGHT - height, 1),
            width=round(place * (1 - GAP), 1),
            height=round(height, 1),
            label=month if is_labelled else "",
            label_at=round(100 * (number + 0.5) / places, 2),
        )


def _sentence(sums: Mapping[str, Sum], months: Iterable[str]) -> str:
    shown = {month: sums[month] for month in months if month in sums and sums[month].known}
    total = sum(one.usd or 0 for one in shown.values())
    jobs = sum(one.known for one in shown.values())
    text = f"{dollars(total)} for {words.counted(jobs, 'job')}"
    if not shown:
        return "Nothing is known of these months."
    if len(shown) == 1:
        return f"{text}, all in {next(iter(shown))}. Estimate."
    most = max(shown, key=lambda month: (shown[month].usd or 0, month))
    text += f" from {min(shown)} to {max(shown)}"
    return f"{text}, most in {most}: {dollars(shown[most].usd or 0)}. Estimate."
