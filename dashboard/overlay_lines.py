"""Curves of one metric of several runs -> their lines in one drawing, and what the pointer says. Pure."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf, isnan

from dashboard.downsampling import kept_places
from dashboard.drawing import Line, Look
from dashboard.smoothing import smoothed
from dashboard.traces import Trace
from dashboard.x_axes import BY_STEP, XAxis

COLUMNS = 200  # pixel columns of all lines together: each of two gets half of them
COLUMNS_APART = 400  # where they share no place
HUES = 4
_DIGITS = 8  # of what is computed
_USUAL = 0.9  # of the distances between neighbours
_ASKED = 500  # of them, at most
NOTHING = Trace(array("d"), array("d"))


@dataclass(frozen=True, slots=True)
class Run:
    """A job in the order chosen. Its `place` decides colour and dash, whether it is drawn or not.

    `points`: all of the metric, by step, whatever is in view. `axis`: where its own steps lie.
    """

    place: int
    name: str
    points: Trace = NOTHING
    axis: XAxis = BY_STEP

    def between(self, low: float | None, high: float | None) -> tuple[int, int]:
        """From which to which of its points it has a place on its axis from `low` to `high`."""
        xs, steps = self.points.xs, self.axis.steps
        first = bisect_left(xs, steps[0]) if steps else 0
        last = bisect_right(xs, steps[-1]) if steps else len(xs)
        if low is not None:
            first = bisect_left(xs, low, first, last, key=self._at)
        if high is not None:
            last = bisect_right(xs, high, first, last, key=self._at)
        return first, last

    def _at(self, step: float) -> float:
        place = self.axis.at(step)
        return inf if place is None else place


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is in view of a run: `seen` by step and in full, `lines` as drawn, the plain one first.

    `values`: of each line, for all points of the run.
    """

    run: Run
    seen: Trace
    lines: tuple[Line, ...]
    values: tuple[Sequence[float], ...]


def style(place: int) -> tuple[int, str]:
    """Colour and dash of the job at this place: four hues, then the same ones dashed.

    >>> style(0), style(3), style(4)
    ((1, ''), (4, ''), (1, 'dashed'))
    """
    return place % HUES + 1, "dashed" if place % (2 * HUES) >= HUES else ""


def drawn_runs(metric: str, runs: Sequence[Run], look: Look) -> list[Drawn]:
    """Those that have a value in view, thinned: at most two points of each pixel column and run.

    By step each is drawn at the steps where any of them has an extreme, so that a row of the table
    tells of all. Along tokens or time no two share a place: each is drawn at its own extremes.
    """
    spans = [run.between(look.low, look.high) for run in runs]
    seen = [run.points[first:last] for run, (first, last) in zip(runs, spans, strict=True)]
    if look.is_log:
        seen = [trace.above_zero() for trace in seen]
    made = []
    for run, (first, _), trace, kept in zip(runs, spans, seen, _kept(runs, seen), strict=True):
        places = [first + i for i in kept]
        if (lines := _lines(metric, run, look, places)) is not None:
            made.append(Drawn(run, trace, *lines))
    return made


def _kept(runs: Sequence[Run], seen: Sequence[Trace]) -> list[Sequence[int]]:
    """The places of what is kept of each."""
    number = max(len(runs), 1)
    if any(run.axis.steps for run in runs):
        return [kept_places(trace, max(COLUMNS_APART // number, 1)) for trace in seen]
    columns = max(COLUMNS // number, 1)
    steps = sorted({trace.xs[i] for trace in seen for i in kept_places(trace, columns)})
    return [_places(trace.xs, steps) for trace in seen]


def _places(xs: Sequence[float], steps: Iterable[float]) -> list[int]:
    """Where these steps are among those of a run, as far as it has them."""
    found = ((bisect_left(xs, step), step) for step in steps)
    return [i for i, step in found if i < len(xs) and xs[i] == step]


def _lines(
    metric: str, run: Run, look: Look, places: list[int]
) -> tuple[tuple[Line, ...], tuple[Sequence[float], ...]] | None:
    """The line with its smoothed one, if that is asked for, and the values of both for all points."""
    hue, dash = style(run.place)
    measured = run.points.ys
    plain = Line(metric, run.name, hue, dash, _placed(run, measured, places, look))
    if not plain.trace.solid():
        return None
    if not look.smooth:
        return (plain,), (measured,)
    even = smoothed(measured, look.smooth)
    trace = _placed(run, even, places, look).rounded(_DIGITS)
    if not trace.solid():  # nothing of it is above zero
        return (plain,), (measured,)
    over = replace(plain, label=f"{run.name}, smoothed", trace=trace)
    return (replace(plain, faint=True), over), (measured, even)


def _placed(run: Run, values: Sequence[float], places: list[int], look: Look) -> Trace:
    xs = run.points.xs
    trace = Trace(array("d", [xs[i] for i in places]), array("d", [values[i] for i in places]))
    trace = run.axis.broken(run.axis.place(trace))
    return trace.above_zero() if look.is_log else trace


def held(drawn: Sequence[Drawn]) -> tuple[tuple[float | None, ...], ...]:
    """What the pointer says of each line at each x of the drawing; () where each has all of them.

    Runs that were logged at different steps share few x. A line says its own value where it has one,
    else its last before, as long as that lies no further back than its points usually lie apart;
    else nothing. Nothing is taken from later, and nothing between two values is made up.
    """
    at = sorted({x for one in drawn for line in one.lines for x in line.trace.xs})
    if all(len(line.trace) == len(at) for one in drawn for line in one.lines):
        return ()
    found: list[tuple[float | None, ...]] = []
    for one in drawn:
        places = _last_places(one.run, at)
        found += [
            tuple(_told(line, values, x, i) for x, i in zip(at, places, strict=True))
            for line, values in zip(
                (dict(line.trace) for line in one.lines), one.values, strict=True
            )
        ]
    return tuple(found)


def _told(
    own: dict[float, float | None], values: Sequence[float], x: float, i: int | None
) -> float | None:
    if x in own:
        return own[x]
    if i is None or isnan(values[i]):
        return None
    return values[i]


def _last_places(run: Run, at: Iterable[float]) -> list[int | None]:
    xs, inverse, reach = run.points.xs, run.axis.inverse(), apart(run.points.xs)
    found: list[int | None] = []
    for x in at:
        step = inverse.at(x)
        i = -1 if step is None else bisect_right(xs, step) - 1
        found.append(i if step is not None and i >= 0 and step - xs[i] <= reach else None)
    return found


def apart(steps: Sequence[float]) -> float:
    """How far apart a run's points lie: nine of ten are no further from the one before.

    >>> apart([10, 20, 30, 40, 900, 910, 920, 930, 940, 950, 960, 970])
    10
    """
    stride = max((len(steps) - 1) // _ASKED, 1)
    gaps = sorted(steps[i + 1] - steps[i] for i in range(0, len(steps) - 1, stride))
    return gaps[int(len(gaps) * _USUAL)] if gaps else 0.0
