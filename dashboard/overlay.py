"""Curves of one metric of several jobs -> one chart with a line a job. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dashboard import words
from dashboard.charts import (
    HEIGHT,
    WIDTH,
    Chart,
    Curve,
    End,
    PointAt,
    Scale,
    Series,
    Tick,
    downsample,
    finite,
    label_of,
    table,
    ticks,
    x_scale,
    y_scale,
)
from providers.metrics import METRICS, describe

NAME = "overlay"
COLUMNS = 200  # pixel columns of all lines together: each of two gets half of them
HUES = 4
LABEL, HEAD = 14, 5  # characters of a name at the end of its line, and of them at its beginning
LABEL_ROOM = 7.5  # percent of the height that one of them takes
DIRECTIONS = {"lower": "Lower is better", "higher": "Higher is better"}
# Headlines first, then what the metric table knows, then what it does not.
_FIRST = ("valid_loss", "train_loss", "valid_mean_reward", "train_mean_reward")
_ORDER = {name: place for place, name in enumerate(dict.fromkeys([*_FIRST, *METRICS]))}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A job's curve as it is drawn, and its best value of all points, where one can be best."""

    points: Sequence[PointAt] = ()
    best: float | None = None
    best_step: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A job in the order chosen. Its `place` decides colour and dash, whether it is drawn or not."""

    place: int
    name: str
    drawn: Drawn


def style(place: int) -> tuple[int, str]:
    """Colour and dash of the job at this place: four hues, then the same ones dashed.

    >>> style(0), style(3), style(4)
    ((1, ''), (4, ''), (1, 'dashed'))
    """
    return place % HUES + 1, "dashed" if place % (2 * HUES) >= HUES else ""


def ordered(metrics: Iterable[str]) -> list[str]:
    """Names of metrics, each once, the most telling first."""
    return sorted(set(metrics), key=lambda name: (_ORDER.get(name, len(_ORDER)), "/" in name, name))


def main_metric(metrics: Sequence[Iterable[str]]) -> str:
    """What to draw first: of the metrics that most jobs have, the most telling; "" without any.

    `metrics`: those of each job.
    """
    sets = [set(of_job) for of_job in metrics]
    headlines = [name for name in _FIRST if any(name in of_job for of_job in sets)]
    names = headlines or ordered(name for of_job in sets for name in of_job)
    return max(names, key=lambda name: sum(name in of_job for of_job in sets), default="")


def drawn(metric: str, curves: Sequence[Sequence[PointAt]]) -> tuple[Drawn, ...]:
    """Each curve at the steps where any of them has an extreme: what one step says of all is there.

    `curves`: all points, sorted by step. At most two steps of each pixel column and curve are kept.
    """
    columns = max(COLUMNS // max(len(curves), 1), 1)
    kept = {step for points in curves for step, _ in downsample(points, columns)}
    return tuple(
        Drawn(
            downsample([point for point in points if point[0] in kept], len(kept)),
            *_best(metric, points),
        )
        for points in curves
    )


def _best(metric: str, points: Sequence[PointAt]) -> tuple[float | None, float | None]:
    better, values = describe(metric).better, finite(points)
    if better is None or not values:
        return None, None
    step, value = (min if better == "lower" else max)(values, key=lambda point: point[1])
    return value, step


def overlay(metric: str, lines: Sequence[Line]) -> Chart | None:
    """One chart of the lines that have a value; None when none has."""
    shown = [line for line in lines if finite(line.drawn.points)]
    if not shown:
        return None
    curves = [Curve(line.name, line.drawn.points) for line in shown]
    x, y = x_scale(curves), y_scale(curves)
    return Chart(
        name=NAME,
        title=label_of(metric),
        direction=DIRECTIONS.get(describe(metric).better or "", ""),
        sentence=sentence(metric, lines),
        series=tuple(_series(metric, line, x, y) for line in shown),
        x_ticks=tuple(
            Tick(round(x.share(at) * 100, 2), words.thin(at), at) for at in ticks(x, 6, whole=True)
        ),
        y_ticks=tuple(
            Tick(round((1 - y.share(at)) * 100, 2), words.figure(at), at) for at in ticks(y, 5)
        ),
        marks=(),
        rows=table(curves),
        x_range=(x.low, x.high),
        y_range=(y.low, y.high),
        ends=_ends(shown, y),
    )


def sentence(metric: str, lines: Sequence[Line]) -> str:
    """Each job's way and best value, then who has none of this."""
    parts = [_way(metric, line) for line in lines if finite(line.drawn.points)]
    absent = [line.name for line in lines if not finite(line.drawn.points)]
    text = f"{'; '.join(parts)}."
    if absent:
        text += f" Without {lower(label_of(metric))}: {', '.join(absent)}."
    return text


def lower(label: str) -> str:
    return label[:1].lower() + label[1:]


def _way(metric: str, line: Line) -> str:
    points = finite(line.drawn.points)
    (_, first), (last_step, last) = points[0], points[-1]
    text = f"{line.name} {words.figure(last)} at step {words.thin(last_step)}"
    if len(points) > 1:
        text = f"{line.name} {words.figure(first)} → {text.removeprefix(line.name).strip()}"
    best, step = line.drawn.best, line.drawn.best_step
    if best is None or step is None or best == last:
        return text
    word = "lowest" if describe(metric).better == "lower" else "highest"
    return f"{text}, {word} {words.figure(best)} at step {words.thin(step)}"


def _series(metric: str, line: Line, x: Scale, y: Scale) -> Series:
    points = line.drawn.points
    hue, dash = style(line.place)
    runs = _runs(points)
    return Series(
        metric=metric,
        label=line.name,
        line=hue,
        dash=dash,
        path=" ".join(_path(run, x, y) for run in runs if len(run) > 1),
        dots=tuple(_at(run[0], x, y) for run in runs if len(run) == 1),
        steps=tuple(step for step, _ in points),
        values=tuple(value for _, value in points),
        last=finite(points)[-1][1],
    )


def _runs(points: Sequence[PointAt]) -> list[list[tuple[float, float]]]:
    """Points without a gap between them."""
    runs: list[list[tuple[float, float]]] = [[]]
    for step, value in points:
        if value is None:
            runs.append([])
        else:
            runs[-1].append((step, value))
    return [run for run in runs if run]


def _at(point: tuple[float, float], x: Scale, y: Scale) -> tuple[float, float]:
    return round(x.share(point[0]) * WIDTH, 1), round((1 - y.share(point[1])) * HEIGHT, 1)


def _path(run: Sequence[tuple[float, float]], x: Scale, y: Scale) -> str:
    return "M" + "L".join(f"{across:g} {down:g}" for across, down in (_at(p, x, y) for p in run))


def _ends(lines: Sequence[Line], y: Scale) -> tuple[End, ...]:
    """The names at the right edge, each as near to the end of its line as the others allow."""
    wished = [(1 - y.share(finite(line.drawn.points)[-1][1])) * 100 for line in lines]
    places = spread(wished, LABEL_ROOM)
    return tuple(
        End(round(at, 1), short_name(line.name), line.name, *style(line.place))
        for at, line in zip(places, lines, strict=True)
    )


def short_name(name: str) -> str:
    """A name that fits at the end of a line: names differ at their ends more than in the middle.

    >>> short_name("support-bot-v7"), short_name("support-bot-nightly-12")
    ('support-bot-v7', 'suppo…ghtly-12')
    """
    return name if len(name) <= LABEL else f"{name[:HEAD]}…{name[HEAD + 1 - LABEL :]}"


def spread(wished: Sequence[float], room: float) -> list[float]:
    """Places near those wished for, in their order, at least `room` apart and within 0 to 100.

    >>> spread([50, 51, 10], 5), spread([99, 100], 5)
    ([50, 55, 10], [95.0, 100.0])
    """
    order = sorted(range(len(wished)), key=lambda place: wished[place])
    found = list(wished)
    for before, after in pairwise(order):
        found[after] = max(found[after], found[before] + room)
    limit = 100.0
    for place in reversed(order):
        found[place] = min(found[place], limit)
        limit = found[place] - room
    return found
