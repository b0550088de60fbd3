"""Curves -> the lines of a panel, in the units of the drawing. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan

from dashboard.axes import Scale
from dashboard.downsampling import kept_places
from dashboard.metric_words import Curve, label_of
from dashboard.smoothing import smoothed
from dashboard.traces import Trace
from dashboard.x_axes import BY_STEP, XAxis
from providers.metrics import describe

WIDTH, HEIGHT = 900, 240  # the units of the drawing; the page stretches it
_DASHES = ("", "dashed", "dotted")  # training, validation, full validation
_OTHER_LINES = (4, 1, 2, 3)
_DIGITS = 8  # of what is computed; what was measured is told as it came


@dataclass(frozen=True, slots=True)
class Look:
    """How curves are shown. `low`, `high`: ends of the zoom on the axis, None for those of the data.

    `ends`: of the data, where panels share them. `smooth`: weight of the moving average, 0 for none.
    `is_log`: for panels of losses. `judge`: the metric whose best point is marked.
    """

    axis: XAxis = BY_STEP
    low: float | None = None
    high: float | None = None
    ends: tuple[float, float] | None = None
    smooth: float = 0.0
    is_log: bool = False
    judge: str = ""

    @property
    def is_zoomed(self) -> bool:
        return self.low is not None or self.high is not None

    def view(self, trace: Trace) -> Trace:
        """The part of a curve, given by step, that is in view, along the axis."""
        return self.axis.place(trace).between(self.low, self.high)


PLAIN = Look()


@dataclass(frozen=True, slots=True)
class Line:
    """A curve as it is drawn: thinned, broken where nothing was. `faint`: under its smoothed one."""

    metric: str
    label: str
    line: int
    dash: str
    trace: Trace
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """One line. `line` is its colour token, `dash` its pattern, `path` an SVG path, `dots` lone points.

    `faint`: it lies under its smoothed one.
    """

    metric: str
    label: str
    line: int
    dash: str
    path: str
    dots: tuple[tuple[float, float], ...]
    steps: tuple[float, ...]
    values: tuple[float | None, ...]
    last: float
    faint: bool = False


def lines_of(curve: Curve, place: int, look: Look) -> list[Line]:
    """The line of a curve; with a smoothed one over it where that is asked for.

    Smoothing sees the whole curve, before anything is cut away. Both are shown at the same points:
    a table has one row for them, and pointing at one finds the other.
    """
    raw = Trace.of(curve.points)
    shown = _drawn(raw, look)
    kept = kept_places(shown)
    colour, dash = style_of(curve.metric, place)
    label, trace = label_of(curve.metric), shown.take(kept)
    if not trace.solid():
        return []
    plain = Line(curve.metric, label, colour, dash, trace)
    if not look.smooth:
        return [plain]
    even = _drawn(Trace(raw.xs, smoothed(raw.ys, look.smooth)), look).take(kept).rounded(_DIGITS)
    if not even.solid():  # nothing of it is above zero
        return [plain]
    over = Line(curve.metric, f"{label}, smoothed", colour, dash, even)
    return [replace(plain, faint=True), over]


def _drawn(trace: Trace, look: Look) -> Trace:
    broken = look.axis.broken(look.view(trace))
    return broken.above_zero() if look.is_log else broken


def has_log(metric: str) -> bool:
    """A loss falls by factors; a share or a reward does not."""
    return describe(metric).panel == "loss"


def series_of(line: Line, x: Scale, y: Scale) -> Series:
    """The line with its geometry. It has at least one value."""
    runs = _runs(line.trace)
    return Series(
        metric=line.metric,
        label=line.label,
        line=line.line,
        dash=line.dash,
        path=" ".join(_path(run, x, y) for run in runs if len(run) > 1),
        dots=tuple(_place(run[0], x, y) for run in runs if len(run) == 1),
        steps=tuple(line.trace.xs),
        values=line.trace.values,
        last=line.trace.solid().ys[-1],
        faint=line.faint,
    )


def rank(metric: str) -> tuple[int, str]:
    """Training first, then validation, then the whole validation set, then the rest by name."""
    order = ("train", "valid", "full_valid")
    place = next(
        (index for index, start in enumerate(order) if metric.startswith(start)), len(order)
    )
    return place, metric


def style_of(metric: str, place: int) -> tuple[int, str]:
    """Colour and dash: training solid, validation dashed, full validation dotted, the rest by place."""
    standing = rank(metric)[0]
    if standing < len(_DASHES):
        return standing + 1, _DASHES[standing]
    return _OTHER_LINES[place % len(_OTHER_LINES)], "" if place < len(_OTHER_LINES) else "dashed"


def _runs(trace: Trace) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = [[]]
    for x, value in zip(trace.xs, trace.ys, strict=True):
        if isnan(value):
            runs.append([])
        else:
            runs[-1].append((x, value))
    return [run for run in runs if run]


def _place(point: tuple[float, float], x: Scale, y: Scale) -> tuple[float, float]:
    return round(x.share(point[0]) * WIDTH, 1), round((1 - y.share(point[1])) * HEIGHT, 1)


def _path(run: Sequence[tuple[float, float]], x: Scale, y: Scale) -> str:
    places = [_place(point, x, y) for point in run]
    return "M" + "L".join(f"{across:g} {down:g}" for across, down in places)
