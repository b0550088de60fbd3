"""Scatter plots: the results of many jobs against one setting -> marks, a sentence and rows. Pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboard import charts, plots, words

# Around the origin; colour alone tells nobody apart.
MARKS = (
    "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0",
    "M-4-4h8v8h-8z",
    "M0-5.5 5 4h-10z",
    "M0-5.5 5.5 0 0 5.5-5.5 0z",
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One job: the value of a setting, and what came of it. `job`: whatever names it to the caller."""

    x: float
    y: float
    group: str
    label: str
    job: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Dot:
    """A job as it is drawn and told. `series`: its group's number; places in percent from the top left.

    What the page prints is text already: a template localises each number first, and there are many.
    """

    of: Measured
    url: str
    x: float
    y: float
    series: int
    is_best: bool

    @property
    def mark(self) -> str:
        return MARKS[self.series - 1]

    @property
    def kind(self) -> str:
        """Its classes."""
        return f"dot-{self.series} best" if self.is_best else f"dot-{self.series}"

    @property
    def across(self) -> str:
        return f"{self.x}%"

    @property
    def down(self) -> str:
        return f"{self.y}%"

    @property
    def setting(self) -> str:
        return words.figure(self.of.x)

    @property
    def result(self) -> str:
        return words.figure(self.of.y)


@dataclass(frozen=True, slots=True)
class Group:
    """What has one colour and mark. `number`: 1 to 4; `best`: the job with the best result."""

    label: str
    number: int
    mark: str
    n: int
    best: Measured


@dataclass(frozen=True, slots=True)
class Scatter:
    """`rows`: the table twin, the same jobs as `dots`, the best first. `left_out`: older, not drawn."""

    name: str
    title: str
    result: str
    direction: str
    sentence: str
    is_log: bool
    x_ticks: tuple[charts.Tick, ...]
    y_ticks: tuple[charts.Tick, ...]
    groups: tuple[Group, ...]
    dots: tuple[Dot, ...]
    rows: tuple[Dot, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Result:
    """What is good about a result: "Best validation loss" with `is_lower_better`."""

    word: str
    superlative: str
    is_lower_better: bool

    def rank(self, one: Measured) -> float:
        """The smaller, the better."""
        return one.y if self.is_lower_better else -one.y


@dataclass(frozen=True, slots=True)
class Subject:
    """What a scatter plot is of. `link`: the address of a job; asked for those drawn only."""

    name: str
    title: str
    result: Result
    link: Callable[[tuple[str, str]], str]


OTHERS = "other base models"
SAID = 2  # groups in the sentence


def scatter(subject: Subject, found: Sequence[Measured], most: int) -> Scatter:
    """A setting on x, the result on y. `found`: n >= 1, the newest job first; the first `most` are
    drawn, and the best of each group besides.

    Of more than four groups the three largest keep their name.
    """
    groups = _groups(found, subject.result)
    best = {id(group.best) for group in groups}
    shown = [one for place, one in enumerate(found) if place < most or id(one) in best]
    x, y = (
        plots.axis_of(one.x for one in shown),
        plots.axis_of((one.y for one in shown), wide=math.inf),
    )
    dots = _dots(subject, shown, groups, (x, y))
    upwards = plots.ticks(y, 4, words.figure)
    return Scatter(
        name=subject.name,
        title=subject.title,
        result=subject.result.word,
        direction="Lower is better" if subject.result.is_lower_better else "Higher is better",
        sentence=_seen(subject, groups),
        is_log=x.is_log,
        x_ticks=plots.ticks(x, 5, words.figure),
        y_ticks=tuple(charts.Tick(round(plots.ALL - tick.at, 2), tick.label) for tick in upwards),
        groups=groups,
        dots=tuple(sorted(dots, key=lambda dot: dot.is_best)),  # the best lie on top
        rows=tuple(sorted(dots, key=lambda dot: subject.result.rank(dot.of))),
        left_out=len(found) - len(shown),
    )


def _dots(
    subject: Subject,
    shown: Sequence[Measured],
    groups: Sequence[Group],
    axes: tuple[plots.Axis, plots.Axis],
) -> list[Dot]:
    numbers = {group.label: group.number for group in groups}
    best = {id(group.best) for group in groups}
    return [
        Dot(
            of=one,
            url=subject.link(one.job),
            x=axes[0].place(one.x),
            y=round(plots.ALL - axes[1].place(one.y), 2),
            series=numbers.get(one.group, len(MARKS)),
            is_best=id(one) in best,
        )
        for one in shown
    ]


def _groups(found: Sequence[Measured], result: Result) -> tuple[Group, ...]:
    by_label: dict[str, list[Measured]] = {}
    for one in found:
        by_label.setdefault(one.group, []).append(one)
    ordered = sorted(by_label.items(), key=lambda item: (-len(item[1]), item[0]))
    if len(ordered) > len(MARKS):
        kept = ordered[: len(MARKS) - 1]
        rest = [one for _, members in ordered[len(MARKS) - 1 :] for one in members]
        ordered = [*kept, (OTHERS, rest)]
    return tuple(
        Group(label, place + 1, MARKS[place], len(members), min(members, key=result.rank))
        for place, (label, members) in enumerate(ordered)
    )


def _seen(subject: Subject, groups: Sequence[Group]) -> str:
    """What was seen, and of how many; never why."""
    told = "; on ".join(_best(group, subject.title) for group in groups[:SAID])
    more = " The others are ringed." if len(groups) > SAID else ""
    return f"{subject.result.superlative} seen on {told}.{more}"


def _best(group: Group, title: str) -> str:
    value, at = words.figure(group.best.y), words.figure(group.best.x)
    return f"{group.label}: {value} at {title} {at} ({words.counted(group.n, 'job')})"
