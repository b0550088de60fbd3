"""Axes, bars and boxes of many jobs: values -> places in percent, a sentence and rows. Pure.

The page draws them with SVG attributes as they are. What charts.py does for curves of one job, this
does for many jobs.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dashboard import charts, words
from dashboard.distributions import Distribution

WIDE = 20.0  # the largest over the smallest: from here on an axis counts in powers
MARGIN = 0.06  # of the axis, at both ends, so that no mark is cut
NARROWEST = 1e-9  # a span this small beside its values is no span
LEAST, MOST = 1e-250, 1e307  # of a logarithmic axis: with room around it is still a number
MOST_TICKS = 7
DATE = 24  # percent of a phone's plot that a date below the bars takes, with room beside it
APART = 0.36  # of all bars: from one date to the next, also where the last one ends with its bar
ALL = 100.0  # percent
NO_BREAK = "\u00a0"  # a space at which no line ends

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
MOMENTS = (
    *(1.0, 5.0, 15.0, _MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR, 4 * _HOUR, 12 * _HOUR),
    *(_DAY, 3 * _DAY, 7 * _DAY, 30 * _DAY, 90 * _DAY, 365 * _DAY),
)
Say = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`, low < high. A logarithmic one has only values above 0."""

    low: float
    high: float
    is_log: bool = False

    def place(self, value: float) -> float:
        """Percent of the way, never outside of it."""
        share = (self._at(value) - self._at(self.low)) / (self._at(self.high) - self._at(self.low))
        return round(min(max(share, 0.0), 1.0) * ALL, 2)

    def _at(self, value: float) -> float:
        if not self.is_log:
            return value
        return math.log(max(value, self.low))


def axis_of(values: Iterable[float], *, wide: float = WIDE) -> Axis:
    """Around the values, n >= 1, each nearer to 0 than charts.ENDLESS, with room at both ends."""
    listed = list(values)
    low, high = min(listed), max(listed)
    if low > LEAST and high / low >= wide:
        room = math.exp((math.log(high) - math.log(low)) * MARGIN)
        return Axis(low / room, min(high * room, MOST), is_log=True)
    if high - low <= NARROWEST * max(abs(low), abs(high), NARROWEST):
        room = abs(high) * MARGIN or 1.0
        return Axis(low - room, high + room)
    room = (high - low) * MARGIN
    return Axis(low - room, high + room)


def ticks(axis: Axis, about: int, say: Say) -> tuple[charts.Tick, ...]:
    """Round values on the axis, each with its words."""
    found = _powers(axis) if axis.is_log else charts.ticks(charts.Scale(axis.low, axis.high), about)
    return tuple(charts.Tick(axis.place(value), say(value)) for value in found)


def _powers(axis: Axis) -> list[float]:
    """1, 2 and 5 of each power of ten, or only some powers where that were too many."""
    first, last = math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high))
    fine = _inside(axis, (float(f"{n}e{at}") for at in range(first, last + 1) for n in (1, 2, 5)))
    if len(fine) <= MOST_TICKS:
        return fine
    each = math.ceil((last - first) / MOST_TICKS)
    return _inside(axis, (float(f"1e{at}") for at in range(first, last + 1, each)))


def time_ticks(axis: Axis, say: Say) -> tuple[charts.Tick, ...]:
    """Of an axis in seconds: a minute, an hour, a day, so far apart that their words fit."""
    found = _inside(axis, MOMENTS)
    if not axis.is_log and len(found) > 1:
        apart = (axis.high - axis.low) / MOST_TICKS
        step = next((moment for moment in MOMENTS if moment >= apart), MOMENTS[-1])
        found = [step * at for at in range(math.ceil(axis.low / step), int(axis.high / step) + 1)]
    every = math.ceil(len(found) / MOST_TICKS) or 1
    return tuple(charts.Tick(axis.place(at), say(at)) for at in found[::every])


def _inside(axis: Axis, values: Iterable[float]) -> list[float]:
    return [value for value in values if axis.low <= value <= axis.high]


@dataclass(frozen=True, slots=True)
class Bar:
    """One span of time: what went wrong stands on what went well. Places in percent."""

    label: str
    is_labelled: bool
    part: int
    whole: int
    x: float
    width: float
    rest_y: float
    rest_height: float
    part_y: float
    part_height: float

    @property
    def share(self) -> str:
        return percent(self.part, self.whole) if self.whole else words.ABSENT

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 2)

    @property
    def anchor(self) -> str:
        """Where its label is held, so that none leaves the drawing."""
        near = DATE / 2
        return "start" if self.middle < near else "end" if self.middle > ALL - near else "middle"


@dataclass(frozen=True, slots=True)
class Bars:
    """`highest`: what the tallest bar stands for. `span`: what one bar is, "week"."""

    name: str
    title: str
    sentence: str
    span: str
    part_word: str
    rest_word: str
    highest: int
    bars: tuple[Bar, ...]


def bars_of(counts: Sequence[tuple[str, int, int]]) -> tuple[Bar, ...]:
    """One bar each, in their order. `counts`: (label, part, whole), part <= whole."""
    highest = max((whole for _, _, whole in counts), default=0) or 1
    slot = ALL / max(len(counts), 1)
    every = math.ceil(len(counts) * APART) or 1
    found = []
    for place, (label, part, whole) in enumerate(counts):
        top, tall = ALL * (1 - whole / highest), ALL * part / highest
        found.append(
            Bar(
                label=label,
                is_labelled=(len(counts) - 1 - place) % every == 0,
                part=part,
                whole=whole,
                x=round(place * slot + slot * 0.1, 2),
                width=round(slot * 0.8, 2),
                rest_y=round(top + tall, 2),
                rest_height=round(ALL - top - tall, 2),
                part_y=round(top, 2),
                part_height=round(tall, 2),
            )
        )
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Box:
    """One row: quartiles as a box, or each value as a dot where they are too few. Places in percent."""

    label: str
    spread: Distribution
    words: str
    figures: tuple[str, ...]  # least, first quartile, median, third quartile, nine of ten, most
    dots: tuple[float, ...]
    low: float = 0.0
    q1: float = 0.0
    median: float = 0.0
    q3: float = 0.0
    ninth: float = 0.0
    high: float = 0.0

    @property
    def width(self) -> float:
        """Of the box; never so small that it cannot be seen."""
        return round(max(self.q3 - self.q1, 0.4), 2)


@dataclass(frozen=True, slots=True)
class Boxes:
    name: str
    title: str
    sentence: str
    is_log: bool
    ticks: tuple[charts.Tick, ...]
    rows: tuple[Box, ...]


def time_boxes(
    name: str, title: str, found: Sequence[tuple[str, Sequence[float], Distribution]], say: Say
) -> Boxes | None:
    """A row for each label with its seconds, on one axis; None for none.

    Less than a second is drawn as one.
    """
    if not found:
        return None
    axis = axis_of(max(value, 1.0) for _, values, _ in found for value in values)
    rows = tuple(_box(label, values, spread, axis, say) for label, values, spread in found)
    return Boxes(
        name=name,
        title=title,
        sentence=_middle([row for row in rows if row.spread.is_telling]),
        is_log=axis.is_log,
        ticks=time_ticks(axis, say),
        rows=rows,
    )


def _middle(rows: Sequence[Box]) -> str:
    """The medians, from the smallest to the largest."""
    if not rows:
        return "Too few jobs for a median yet."
    ordered = sorted(rows, key=lambda row: row.spread.median)
    if len(ordered) == 1:
        return f"{ordered[0].label}: {ordered[0].words}."
    told = (f"{row.figures[2]} ({row.label})" for row in (ordered[0], ordered[-1]))
    return f"Medians from {' to '.join(told)}."


def _box(label: str, values: Sequence[float], spread: Distribution, axis: Axis, say: Say) -> Box:
    of = words.counted(spread.n, "job")
    told = (spread.least, spread.q1, spread.median, spread.q3, spread.ninth, spread.most)
    figures = tuple(say(value) for value in told)
    if not spread.is_telling:
        few = tuple(words.ABSENT for _ in figures[1:-1])
        dots = tuple(axis.place(max(value, 1.0)) for value in values)
        said = f"{of}: too few for a median"
        return Box(label, spread, said, (figures[0], *few, figures[-1]), dots)
    said = f"median {figures[2]}, nine of ten within {figures[4]} ({of})"
    places = (axis.place(max(value, 1.0)) for value in told)
    return Box(label, spread, said, figures, (), *places)


def percent(part: int, whole: int) -> str:
    """A share for people, in one piece: neither 0 % of something nor 100 % of not all.

    >>> [percent(*of).replace(NO_BREAK, "_") for of in ((1, 3), (1, 1000), (999, 1000), (0, 5))]
    ['33_%', 'under 1_%', 'over 99_%', '0_%']
    """
    share = round(ALL * part / whole)
    if part and not share:
        return f"under 1{NO_BREAK}%"
    if part != whole and share == round(ALL):
        return f"over 99{NO_BREAK}%"
    return f"{share}{NO_BREAK}%"
