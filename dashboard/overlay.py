"""Curves of one metric of several jobs -> one chart with a line a job. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from dashboard import words
from dashboard.axes import Scale, wide, x_scale_of, y_scale_of
from dashboard.charts import Chart, End, lost_words, table, x_ticks, y_ticks, zoom_words
from dashboard.drawing import PLAIN, Look, has_log, series_of
from dashboard.metric_words import Curve, label_of
from dashboard.overlay_lines import Drawn, Run, drawn_runs, held, style
from dashboard.shared_axis import told_together
from dashboard.traces import TINY, Trace
from dashboard.x_axes import XAxis
from providers.metrics import METRICS, describe

NAME = "overlay"
LABEL, HEAD = 18, 5  # characters of a name at the end of its line, and of them at its beginning
LABEL_ROOM = 7.5  # percent of the height that one of them takes
DIRECTIONS = {"lower": "Lower is better", "higher": "Higher is better"}
# Headlines first, then what the metric table knows, then what it does not.
_FIRST = ("valid_loss", "train_loss", "valid_mean_reward", "train_mean_reward")
_ORDER = {name: place for place, name in enumerate(dict.fromkeys([*_FIRST, *METRICS]))}


@dataclass(frozen=True, slots=True)
class BestAt:
    """A run's best value of all its points and its step, where one can be best."""

    value: float | None = None
    step: float | None = None


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


def best_at(metric: str, points: Trace) -> BestAt:
    """Of all points by step, whatever is in view; the first of several."""
    better, known = describe(metric).better, points.solid()
    if better is None or not known:
        return BestAt()
    value = (min if better == "lower" else max)(known.ys)
    return BestAt(value, known.xs[known.ys.index(value)])


def overlay(metric: str, runs: Sequence[Run], look: Look = PLAIN) -> Chart | None:
    """One chart of the runs that have a value in view; None when none has.

    `look`: zoom, smoothing and scale of y; the axis is each run's own, and all are of one kind.
    """
    shown = drawn_runs(metric, runs, look)
    if not shown:
        return None
    axis, told = shown[0].run.axis, told_together([(one.run.name, one.run.axis) for one in shown])
    lines = [line for one in shown for line in one.lines]
    traces = [line.trace for line in lines]
    x, y = _x_scale(traces, look), y_scale_of(traces, is_log=look.is_log)
    return Chart(
        name=NAME,
        title=label_of(metric),
        direction=_beside(metric, told.label if axis.name != "step" else ""),
        sentence=sentence(metric, runs, shown, look),
        series=tuple(series_of(line, x, y) for line in lines),
        x_ticks=x_ticks(x, axis),
        y_ticks=y_ticks(y),
        marks=(),
        rows=table([Curve(line.metric, line.trace) for line in lines]),
        x_label=told.label,
        x_range=(x.low, x.high),
        y_range=(y.low, y.high),
        is_log=look.is_log,
        ends=_ends(shown, y),
        held=held(shown),
    )


def _beside(metric: str, x_label: str) -> str:
    """What stands beside the title: which way is good, and along what, where that is not the step."""
    return " · ".join(
        filter(None, (DIRECTIONS.get(describe(metric).better or "", ""), lower(x_label)))
    )


def can_be_log(metric: str, runs: Iterable[Run]) -> bool:
    """Losses alone, and only where a value is above zero."""
    return has_log(metric) and any(max(run.points.ys, default=0.0) > TINY for run in runs)


def _x_scale(traces: Sequence[Trace], look: Look) -> Scale:
    own = x_scale_of(traces)
    return wide(
        own.low if look.low is None else look.low, own.high if look.high is None else look.high
    )


def sentence(metric: str, runs: Sequence[Run], shown: Sequence[Drawn], look: Look) -> str:
    """Each job's way and best value in view, then who has none of this."""
    axis = shown[0].run.axis
    text = f"{'; '.join(_way(metric, one) for one in shown)}."
    if look.is_zoomed:
        text = f"{zoom_words(replace(look, axis=axis))}: {text}"
    drawn_places = {one.run.place for one in shown}
    away = [run for run in runs if run.place not in drawn_places]
    without = [run.name for run in away if not run.points.solid()]
    elsewhere = [run.name for run in away if run.points.solid()]
    if without:
        text += f" Without {lower(label_of(metric))}: {', '.join(without)}."
    if elsewhere:
        text += f" Nothing to draw here of {', '.join(elsewhere)}."
    return text + _lost(shown) if look.is_log else text


def _lost(shown: Iterable[Drawn]) -> str:
    """`seen` has gaps where a value has no place on the scale."""
    return lost_words(sum(len(one.seen) - len(one.seen.solid()) for one in shown))


def lower(label: str) -> str:
    return label[:1].lower() + label[1:]


def _way(metric: str, one: Drawn) -> str:
    axis, known = one.run.axis, one.seen.solid()
    first, last = known.ys[0], known.ys[-1]
    text = f"{words.figure(last)} at {_spot(axis, known.xs[-1])}"
    if len(known) > 1:
        text = f"{words.figure(first)} → {text}"
    text = f"{one.run.name} {text}"
    best = best_at(metric, known)
    if best.value is None or best.step is None or best.value == last:
        return text
    word = "lowest" if describe(metric).better == "lower" else "highest"
    return f"{text}, {word} {words.figure(best.value)} at {_spot(axis, best.step)}"


def _spot(axis: XAxis, step: float) -> str:
    place = axis.at(step)
    return axis.spot(step if place is None else place)


def _ends(shown: Sequence[Drawn], y: Scale) -> tuple[End, ...]:
    """The names at the right edge, each as near to the end of its line as the others allow."""
    wished = [(1 - y.share(one.lines[-1].trace.solid().ys[-1])) * 100 for one in shown]
    places = spread(wished, LABEL_ROOM)
    return tuple(
        End(round(at, 1), short_name(one.run.name), one.run.name, *style(one.run.place))
        for at, one in zip(places, shown, strict=True)
    )


def short_name(name: str) -> str:
    """A name that fits at the end of a line: names differ at their ends more than in the middle.

    >>> short_name("support-bot-v7"), short_name("support-bot-nightly-12")
    ('support-bot-v7', 'suppo…t-nightly-12')
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
