"""Points -> what a chart shows: lines, ticks, a sentence and a table. Pure; the browser is given finished geometry."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from dashboard import words
from providers.metrics import describe

WIDTH, HEIGHT = 900, 240  # the units of the drawing; the page stretches it
MARGIN = 0.06  # of the height, so that a line never lies on the frame
SPARK_COLUMNS = 12
COLUMNS = 450  # pixel columns kept of a long run: two points each

PANELS = {
    "loss": "Loss",
    "accuracy": "Mean token accuracy",
    "reward": "Reward",
    "tokens": "Tokens",
    "timing": "Timing, seconds",
}
_DASHES = ("", "dashed", "dotted")  # training, validation, full validation
_OTHER_LINES = (4, 1, 2, 3)
_SPELLED = {"train": "training", "valid": "validation"}
GENERIC = frozenset(
    {"errors", "graders", "metrics"}
)  # folders of a metric's path that name nothing
_DIRECTION = {"lower": "Lower is better", "higher": "Higher is better"}

PointAt = tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class Curve:
    """One metric of one job. `points`: (step, value) sorted by step, n >= 0; None is a gap."""

    metric: str
    points: tuple[PointAt, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """`at` in percent of the axis, from the start or the top."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A checkpoint on the x axis; `at` in drawing units."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Series:
    """One line. `line` is its colour token, `dash` its pattern, `path` an SVG path, `dots` lone points."""

    metric: str
    label: str
    line: int
    dash: str
    path: str
    dots: tuple[tuple[float, float], ...]
    steps: tuple[float, ...]
    values: tuple[float | None, ...]
    last: float


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
    """A panel. `rows` is the table twin: (step, one value or None a series), the same points."""

    name: str
    title: str
    direction: str
    sentence: str
    series: tuple[Series, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    rows: tuple[tuple[float, tuple[float | None, ...]], ...]
    ends: tuple[End, ...] = ()

    @property
    def payload(self) -> dict[str, object]:
        """What `<metric-chart>` draws: one [steps, values] pair a series."""
        return {
            "series": [
                {
                    "label": one.label,
                    "line": one.line,
                    "dash": one.dash,
                    "steps": one.steps,
                    "values": one.values,
                }
                for one in self.series
            ]
        }


@dataclass(frozen=True, slots=True)
class Scale:
    low: float
    high: float

    def share(self, value: float) -> float:
        """Where the value lies, 0 at `low`, 1 at `high`."""
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Sparkline:
    """An SVG path in a 192 x 40 box, and the place of its last point."""

    path: str
    dot: tuple[int, int] | None


def panels(
    curves: Iterable[Curve],
    *,
    now: datetime,
    last_seen: datetime | None = None,
    checkpoints: Sequence[tuple[float, str]] = (),
) -> tuple[Chart, ...]:
    """One chart a panel of the metric table, main ones first; empty when no curve has a value.

    `checkpoints`: (step, label). A metric that the table does not know gets a panel of its own.
    A panel that is 0 throughout is left out: see `zero_panels`.
    """
    return tuple(
        chart(name, found, now, last_seen, checkpoints)
        for name, found in _grouped(curves)
        if not _is_zero(found)
    )


def zero_panels(curves: Iterable[Curve]) -> tuple[str, ...]:
    """The titles of the panels whose every value is exactly 0: a flat line says less than a word."""
    return tuple(
        PANELS.get(name, label_of(name)) for name, found in _grouped(curves) if _is_zero(found)
    )


def _grouped(curves: Iterable[Curve]) -> list[tuple[str, list[Curve]]]:
    grouped: dict[str, list[Curve]] = {}
    for curve in curves:
        if finite(curve.points):
            grouped.setdefault(panel_of(curve.metric), []).append(curve)
    order = {name: place for place, name in enumerate(PANELS)}
    return sorted(grouped.items(), key=lambda item: (order.get(item[0], len(order)), item[0]))


def _is_zero(curves: Iterable[Curve]) -> bool:
    return not any(value for curve in curves for _, value in finite(curve.points))


def chart(
    name: str,
    curves: Sequence[Curve],
    now: datetime,
    last_seen: datetime | None = None,
    checkpoints: Sequence[tuple[float, str]] = (),
) -> Chart:
    """One panel of `curves`, each with at least one finite value."""
    ordered = sorted(curves, key=lambda curve: _rank(curve.metric))
    thinned = [Curve(curve.metric, downsample(curve.points)) for curve in ordered]
    x, y = x_scale(thinned), y_scale(thinned)
    return Chart(
        name=name,
        title=PANELS.get(name, label_of(name)),
        direction=_DIRECTION.get(describe(ordered[0].metric).better or "", ""),
        sentence=sentence(ordered, now, last_seen),
        series=tuple(_series(curve, place, x, y) for place, curve in enumerate(thinned)),
        x_ticks=tuple(
            Tick(round(x.share(step) * 100, 2), words.thin(step))
            for step in ticks(x, 6, whole=True)
        ),
        y_ticks=tuple(
            Tick(round((1 - y.share(at)) * 100, 2), words.figure(at)) for at in ticks(y, 5)
        ),
        marks=tuple(
            Mark(round(x.share(step) * WIDTH, 1), text)
            for step, text in checkpoints
            if x.low <= step <= x.high
        ),
        rows=table(thinned),
    )


def panel_of(metric: str) -> str:
    """The panel a metric is drawn in. Those without a family share no scale, so each has its own."""
    panel = describe(metric).panel
    return metric if panel == "other" else panel


def label_of(metric: str) -> str:
    """A metric's name for people; of a path, its last owner and its name.

    >>> label_of("full_valid_loss"), label_of("errors/graders/exact/train_other_error_count")
    ('Full validation loss', 'Exact: training other errors')
    """
    *path, name = [part for part in metric.split("/") if part] or [metric]
    owner = next((part for part in reversed(path) if part not in GENERIC), "")
    words_of = name.removesuffix("_count") + "s" if name.endswith("_error_count") else name
    text = " ".join(_SPELLED.get(part, part) for part in words_of.split("_"))
    if owner:
        text = f"{owner.replace('_', ' ')}: {text}"
    return text[:1].upper() + text[1:]


ENDLESS = (
    1e300  # from here on the distance of two values may be none: drawn like infinity, not at all
)


def finite(points: Iterable[PointAt]) -> list[tuple[float, float]]:
    return [(step, value) for step, value in points if value is not None and _is_finite(value)]


def downsample(points: Sequence[PointAt], columns: int = COLUMNS) -> tuple[PointAt, ...]:
    """The first minimum and maximum of each pixel column in their order, and both ends. Gaps stay gaps.

    At most two points a column, beside the ends and one gap; never an average.
    """
    if len(points) <= 2 * columns:
        return tuple((step, value if _is_finite(value) else None) for step, value in points)
    low, high = points[0][0], points[-1][0]
    width = (high - low) / columns or 1.0
    kept: list[PointAt] = [points[0]]
    column: list[PointAt] = []
    place = 0
    for point in points[1:-1]:
        here = min(int((point[0] - low) / width), columns - 1)
        if here != place:
            kept += _extremes(column)
            column, place = [], here
        column.append(point)
    return (*kept, *_extremes(column), points[-1])


def _extremes(column: Sequence[PointAt]) -> list[PointAt]:
    values = finite(column)
    if not values:
        return [(column[0][0], None)] if column else []
    least = min(values, key=lambda point: point[1])
    most = max(values, key=lambda point: point[1])
    return list(dict.fromkeys(sorted((least, most))))


def _is_finite(value: float | None) -> bool:
    return value is not None and abs(value) < ENDLESS


def x_scale(curves: Sequence[Curve]) -> Scale:
    steps = [step for curve in curves for step, _ in curve.points]
    low, high = min(steps), max(steps)
    return Scale(low, high if high > low else low + 1)


def y_scale(curves: Sequence[Curve]) -> Scale:
    values = [value for curve in curves for _, value in finite(curve.points)]
    low, high = min(values), max(values)
    room = (high - low) * MARGIN or abs(high) * MARGIN or 1.0
    # A loss never goes below zero, and an axis that does would suggest it might.
    floor = max(low - room, 0.0) if low >= 0 else low - room
    return Scale(floor, high + room)


def ticks(scale: Scale, about: int, *, whole: bool = False) -> list[float]:
    """Round numbers inside the scale, about `about` of them.

    >>> ticks(Scale(0, 2.3), 5)
    [0.0, 0.5, 1.0, 1.5, 2.0]
    """
    raw = (scale.high - scale.low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.75)
    if whole:
        step = max(step, 1.0)
    first = math.ceil(scale.low / step)
    last = math.floor(scale.high / step + 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]


def sentence(curves: Sequence[Curve], now: datetime, last_seen: datetime | None) -> str:
    """What the chart says, from its data alone."""
    parts = [_summary(curve, is_first=place == 0) for place, curve in enumerate(curves)]
    text = "; ".join(part for part in parts if part) + "."
    if last_seen is not None:
        text += f" Last point {words.ago(last_seen, now)}."
    dropped = sum(len(curve.points) - len(finite(curve.points)) for curve in curves)
    if dropped:
        text += f" {words.counted(dropped, 'value was', 'values were')} not finite."
    return text


def _summary(curve: Curve, *, is_first: bool) -> str:
    points = finite(curve.points)
    label = label_of(curve.metric)
    label = label if is_first else label[:1].lower() + label[1:]
    (first_step, first), (last_step, last) = points[0], points[-1]
    if len(points) == 1:
        return f"{label} {words.figure(last)} at step {words.thin(last_step)}"
    text = f"{label} {words.figure(first)} → {words.figure(last)}"
    if is_first:
        text += f" over {words.thin(last_step - first_step + (first_step == 1))} steps"
    better = describe(curve.metric).better
    if better is None:
        return text
    pick = min if better == "lower" else max
    best_step, best = pick(points, key=lambda point: point[1])
    return f"{text}, {'lowest' if better == 'lower' else 'highest'} {words.figure(best)} at step {words.thin(best_step)}"


def _rank(metric: str) -> tuple[int, str]:
    order = ("train", "valid", "full_valid")
    place = next(
        (index for index, start in enumerate(order) if metric.startswith(start)), len(order)
    )
    return place, metric


def _style(metric: str, place: int) -> tuple[int, str]:
    """Colour and dash: training solid, validation dashed, full validation dotted, the rest by place."""
    rank = _rank(metric)[0]
    if rank < len(_DASHES):
        return rank + 1, _DASHES[rank]
    return _OTHER_LINES[place % len(_OTHER_LINES)], "" if place < len(_OTHER_LINES) else "dashed"


def _series(curve: Curve, place: int, x: Scale, y: Scale) -> Series:
    line, dash = _style(curve.metric, place)
    runs = _runs(curve.points)
    return Series(
        metric=curve.metric,
        label=label_of(curve.metric),
        line=line,
        dash=dash,
        path=" ".join(_path(run, x, y) for run in runs if len(run) > 1),
        dots=tuple(_place(run[0], x, y) for run in runs if len(run) == 1),
        steps=tuple(step for step, _ in curve.points),
        values=tuple(value for _, value in curve.points),
        last=finite(curve.points)[-1][1],
    )


def _runs(points: Sequence[PointAt]) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = [[]]
    for step, value in points:
        if value is None:
            runs.append([])
        else:
            runs[-1].append((step, value))
    return [run for run in runs if run]


def _place(point: tuple[float, float], x: Scale, y: Scale) -> tuple[float, float]:
    return round(x.share(point[0]) * WIDTH, 1), round((1 - y.share(point[1])) * HEIGHT, 1)


def _path(run: Sequence[tuple[float, float]], x: Scale, y: Scale) -> str:
    places = [_place(point, x, y) for point in run]
    return "M" + "L".join(f"{across:g} {down:g}" for across, down in places)


def table(curves: Sequence[Curve]) -> tuple[tuple[float, tuple[float | None, ...]], ...]:
    """One row a step that any curve has: (step, one value or None a curve)."""
    by_step: list[Mapping[float, float | None]] = [dict(curve.points) for curve in curves]
    steps = sorted({step for points in by_step for step in points})
    return tuple((step, tuple(points.get(step) for points in by_step)) for step in steps)


def sparkline(values: Sequence[float]) -> Sparkline:
    """A line of evenly spaced values in half pixels; without a path for fewer than two finite ones.

    Whole numbers and relative moves: a list of fifty of these is a good part of its page's bytes.
    """
    points = downsample(list(enumerate(values)), SPARK_COLUMNS)
    shown = finite(points)
    if not shown[1:]:
        return Sparkline("", None)
    (first, _), (last, _) = shown[0], shown[-1]
    low, high = min(value for _, value in shown), max(value for _, value in shown)
    height = (high - low) or 1.0
    places = [
        (4 + round((at - first) * 184 / (last - first)), 35 - round((value - low) / height * 30))
        for at, value in shown
    ]
    moves = (f"{x - left} {y - top}" for (left, top), (x, y) in pairwise(places))
    return Sparkline(
        f"M{places[0][0]} {places[0][1]}l{' '.join(moves)}".replace(" -", "-"), places[-1]
    )
