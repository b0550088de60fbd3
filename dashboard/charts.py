"""Points -> what a chart shows: lines, ticks, a sentence and a table. Pure; the browser is given finished geometry.

The parts are modules of their own: traces (packed points), downsampling, smoothing, axes, x_axes
(steps, tokens, time), best (the mark), drawing (lines), metric_words (names and sentences),
sparklines. Others take them from here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dashboard import words
from dashboard.axes import Scale, Tick, ticks, wide, x_scale_of, y_scale_of
from dashboard.best import Best, best_of, judge
from dashboard.downsampling import COLUMNS, downsample
from dashboard.drawing import (
    HEIGHT,
    PLAIN,
    WIDTH,
    Line,
    Look,
    Series,
    has_log,
    lines_of,
    rank,
    series_of,
)
from dashboard.metric_words import (
    PANELS,
    Curve,
    label_of,
    order_of,
    panel_of,
    sentence,
    title_of,
)
from dashboard.sparklines import Sparkline, sparkline
from dashboard.traces import ENDLESS, TINY, PointAt, Trace, finite
from dashboard.x_axes import XAxis
from providers.metrics import describe

__all__ = [
    "COLUMNS",
    "ENDLESS",
    "HEIGHT",
    "PANELS",
    "PLAIN",
    "WIDTH",
    "BestMark",
    "Chart",
    "Curve",
    "End",
    "Line",
    "Look",
    "Mark",
    "PointAt",
    "Row",
    "Scale",
    "Series",
    "Sparkline",
    "Tick",
    "Trace",
    "chart",
    "downsample",
    "finite",
    "label_of",
    "lost_words",
    "panel_of",
    "panels",
    "sentence",
    "series_of",
    "sparkline",
    "table",
    "ticks",
    "titles",
    "x_scale",
    "x_ticks",
    "y_scale",
    "y_ticks",
    "zero_panels",
    "zoom_words",
]

_DIRECTION = {"lower": "Lower is better", "higher": "Higher is better"}
_NEAR_START, _NEAR_END = 4, 96  # percent
Row = tuple[float, tuple[float | None, ...]]


@dataclass(frozen=True, slots=True)
class Mark:
    """A checkpoint on the x axis; `at` in drawing units, `x` its place on the axis."""

    at: float
    label: str
    x: float | None = None

    @property
    def percent(self) -> float:
        return round(self.at / WIDTH * 100, 2)


@dataclass(frozen=True, slots=True)
class BestMark:
    """The best point by validation; `at` and `down` in percent from the start and the top."""

    at: float
    down: float
    x: float
    value: float

    @property
    def anchor(self) -> str:
        """To which side of the point its word goes, so that it stays inside."""
        if _NEAR_START < self.at < _NEAR_END:
            return "middle"
        return "start" if self.at <= _NEAR_START else "end"


@dataclass(frozen=True, slots=True)
class End:
    """A line's name beside its last point; `at` in percent from the top, `title` the name in full."""

    at: float
    label: str
    title: str
    line: int
    dash: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A panel. `rows` is the table twin: (x, one value or None a series), the same points.

    With `x_range` and `y_range` the browser draws on the same scale as the server; without them it
    takes the ends of the data. `csv_url`: the table as a file; `reset_url`: the way out of a zoom.
    `held`: what the pointer says of each series at each x of all, where that is not its own points.
    """

    name: str
    title: str
    direction: str
    sentence: str
    series: tuple[Series, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    rows: tuple[Row, ...]
    x_label: str = "Step"
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    is_log: bool = False
    best: BestMark | None = None
    csv_url: str = ""
    reset_url: str = ""
    ends: tuple[End, ...] = ()
    held: tuple[tuple[float | None, ...], ...] = ()

    @property
    def payload(self) -> dict[str, object]:
        """What `<metric-chart>` draws: the lines, their scales and the marks."""
        best = self.best
        return {
            "series": [
                {
                    "label": one.label,
                    "line": one.line,
                    "dash": one.dash,
                    "faint": one.faint,
                    "steps": one.steps,
                    "values": one.values,
                }
                for one in self.series
            ],
            "x": {"label": self.x_label, "range": self.x_range, "ticks": _told(self.x_ticks)},
            "y": {"log": self.is_log, "range": self.y_range, "ticks": _told(self.y_ticks)},
            "marks": [mark.x for mark in self.marks if mark.x is not None],
            "best": best and [best.x, best.value],
            **({"held": self.held} if self.held else {}),
        }


def _told(found: Iterable[Tick]) -> list[tuple[float, str]]:
    return [(tick.value, tick.label) for tick in found if tick.value is not None]


def panels(
    curves: Iterable[Curve],
    *,
    now: datetime,
    last_seen: datetime | None = None,
    checkpoints: Sequence[tuple[float, str]] = (),
    look: Look = PLAIN,
) -> tuple[Chart, ...]:
    """One chart a panel of the metric table, main ones first; empty when no curve has a value.

    `checkpoints`: (step, label). A metric that the table does not know gets a panel of its own.
    A panel that is 0 throughout is left out: see `zero_panels`; so is one without a value in view.
    The best point is marked in one panel only: see `dashboard.best`.
    """
    shown = [(name, found) for name, found in _grouped(curves) if not _is_zero(found)]
    traces = {one.metric: Trace.of(one.points) for _, found in shown for one in found}
    views = {metric: look.view(trace).solid() for metric, trace in traces.items()}
    in_view = [view for view in views.values() if view]
    if not in_view:
        return ()
    ends = x_scale_of(in_view)
    look = replace(look, judge=judge(traces), ends=(ends.low, ends.high))
    return tuple(
        chart(name, found, now, last_seen, checkpoints, look)
        for name, found in shown
        if any(views[one.metric] for one in found)
    )


def titles(curves: Iterable[Curve]) -> Mapping[str, str]:
    """The panels that the curves have, by name, whether in view or not."""
    return {name: title_of(name) for name, found in _grouped(curves) if not _is_zero(found)}


def zero_panels(curves: Iterable[Curve]) -> tuple[str, ...]:
    """The titles of the panels whose every value is exactly 0: a flat line says less than a word."""
    return tuple(title_of(name) for name, found in _grouped(curves) if _is_zero(found))


def _grouped(curves: Iterable[Curve]) -> list[tuple[str, list[Curve]]]:
    grouped: dict[str, list[Curve]] = {}
    for curve in curves:
        trace = Trace.of(curve.points)
        if trace.solid():
            grouped.setdefault(panel_of(curve.metric), []).append(Curve(curve.metric, trace))
    return sorted(grouped.items(), key=lambda item: order_of(item[0]))


def _is_zero(curves: Iterable[Curve]) -> bool:
    return not any(any(Trace.of(curve.points).solid().ys) for curve in curves)


def chart(
    name: str,
    curves: Sequence[Curve],
    now: datetime,
    last_seen: datetime | None = None,
    checkpoints: Sequence[tuple[float, str]] = (),
    look: Look = PLAIN,
) -> Chart:
    """One panel of `curves`, of which at least one has a finite value in view."""
    ordered = sorted(curves, key=lambda curve: rank(curve.metric))
    seen = [Curve(one.metric, look.view(Trace.of(one.points))) for one in ordered]
    seen = [one for one in seen if Trace.of(one.points).solid()]
    is_log = look.is_log and has_log(ordered[0].metric) and any(_has_positive(one) for one in seen)
    look = replace(look, is_log=is_log)
    lines = [line for place, one in enumerate(ordered) for line in lines_of(one, place, look)]
    x = _x_scale([line.trace for line in lines], look)
    y = y_scale_of([line.trace for line in lines], is_log=is_log)
    best = _best(ordered, look)
    return Chart(
        name=name,
        title=title_of(name),
        direction=_DIRECTION.get(describe(ordered[0].metric).better or "", ""),
        sentence=_framed(sentence(seen, now, last_seen, look.axis, best), seen, look),
        series=tuple(series_of(line, x, y) for line in lines),
        x_ticks=x_ticks(x, look.axis),
        y_ticks=y_ticks(y),
        marks=tuple(_marks(checkpoints, x, look.axis)),
        rows=table([Curve(line.metric, line.trace) for line in lines]),
        x_label=look.axis.label,
        x_range=(x.low, x.high),
        y_range=(y.low, y.high),
        is_log=is_log,
        best=_best_mark(best, x, y) if best else None,
    )


def _has_positive(curve: Curve) -> bool:
    return bool(Trace.of(curve.points).above_zero().solid())


def _x_scale(traces: Sequence[Trace], look: Look) -> Scale:
    own = x_scale_of(traces)
    low, high = look.ends or (own.low, own.high)
    return wide(low if look.low is None else look.low, high if look.high is None else look.high)


def x_scale(curves: Sequence[Curve]) -> Scale:
    return x_scale_of([Trace.of(curve.points) for curve in curves])


def y_scale(curves: Sequence[Curve]) -> Scale:
    return y_scale_of([Trace.of(curve.points) for curve in curves])


def x_ticks(x: Scale, axis: XAxis) -> tuple[Tick, ...]:
    write = words.short_count if axis.name == "tokens" else words.thin
    found = ticks(x, 6, whole=axis.name != "time")
    return tuple(Tick(round(x.share(at) * 100, 2), write(at), at) for at in found)


def y_ticks(y: Scale) -> tuple[Tick, ...]:
    return tuple(
        Tick(round((1 - y.share(at)) * 100, 2), words.figure(at), at) for at in ticks(y, 5)
    )


def _marks(checkpoints: Iterable[tuple[float, str]], x: Scale, axis: XAxis) -> Iterable[Mark]:
    for step, label in checkpoints:
        place = axis.at(step)
        if place is not None and x.low <= place <= x.high:
            yield Mark(round(x.share(place) * WIDTH, 1), label, place)


def _best(curves: Iterable[Curve], look: Look) -> Best | None:
    """Of the whole run, also where the zoom shows a part of it."""
    traces = [look.axis.place(Trace.of(one.points)) for one in curves if one.metric == look.judge]
    best = best_of(look.judge, traces[0]) if traces else None
    if best is None:
        return None
    is_late = look.low is not None and best.x < look.low
    return replace(best, is_elsewhere=is_late or (look.high is not None and best.x > look.high))


def _best_mark(best: Best, x: Scale, y: Scale) -> BestMark | None:
    if not (x.low <= best.x <= x.high and y.low <= best.value <= y.high):
        return None
    at, down = x.share(best.x) * 100, (1 - y.share(best.value)) * 100
    return BestMark(round(at, 2), round(down, 2), best.x, best.value)


def _framed(text: str, seen: Sequence[Curve], look: Look) -> str:
    """The sentence with what it is of in front, and what could not be drawn behind."""
    if look.is_zoomed:
        text = f"{zoom_words(look)}: {text[:1].lower()}{text[1:]}"
    if look.is_log:
        values = [value for one in seen for value in Trace.of(one.points).solid().ys]
        text += lost_words(sum(value <= TINY for value in values))
    return text


def lost_words(lost: int) -> str:
    """How many values a logarithmic scale leaves out; "" for none."""
    have = "has" if lost == 1 else "have"
    left_out = f" {words.counted(lost, 'value')} at or below 0 {have} no place on a log scale."
    return left_out if lost else ""


def zoom_words(look: Look) -> str:
    """From where to where the zoom reaches, along its axis."""
    low, high = look.low, look.high
    if low is not None and high is not None:
        return f"From {look.axis.spot(low)} to {look.axis.spot(high)}"
    return (
        f"From {look.axis.spot(low)} on"
        if low is not None
        else f"Up to {look.axis.spot(high or 0)}"
    )


def table(curves: Sequence[Curve]) -> tuple[Row, ...]:
    """One row an x at which any curve has a value: (x, one value or None a curve)."""
    columns: list[Mapping[float, float | None]] = [dict(curve.points) for curve in curves]
    places = sorted({x for column in columns for x, value in column.items() if value is not None})
    return tuple((x, tuple(column.get(x) for column in columns)) for x in places)
