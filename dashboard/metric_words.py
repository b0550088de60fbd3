"""Names of metrics and what a chart says of them, in words. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard import words
from dashboard.best import Best
from dashboard.traces import PointAt, Trace
from dashboard.x_axes import BY_STEP, XAxis
from providers.metrics import describe

PANELS = {
    "loss": "Loss",
    "accuracy": "Mean token accuracy",
    "reward": "Reward",
    "graders/": "Graders",
    "tokens": "Tokens",
    "timing": "Timing, seconds",
}
GRADERS = "scores/graders/"  # <name>/<metric>: what each grader gave
# Folders of a metric's path that name nothing.
GENERIC = frozenset({"errors", "graders", "metrics"})
_SPELLED = {"train": "training", "valid": "validation"}


@dataclass(frozen=True, slots=True)
class Curve:
    """One metric of one job. `points`: (step, value) sorted by step, n >= 0; None is a gap."""

    metric: str
    points: Sequence[PointAt]


def panel_of(metric: str) -> str:
    """The panel a metric is drawn in. Those without a family share no scale, so each has its own.

    The lines of the graders are one panel for each thing that is measured of them.
    """
    if metric.startswith(GRADERS):
        return f"graders/{metric.rsplit('/', 1)[1]}"
    panel = describe(metric).panel
    return metric if panel == "other" else panel


def title_of(panel: str) -> str:
    """What stands over a panel.

    >>> title_of("loss"), title_of("graders/train_reward_mean"), title_of("grad_norm")
    ('Loss', 'Graders: training mean reward', 'Grad norm')
    """
    family, slash, name = panel.partition("/")
    if family + slash == "graders/" and name:
        label = label_of(name)
        return f"{PANELS['graders/']}: {label[:1].lower()}{label[1:]}"
    return PANELS.get(panel) or label_of(panel)


def order_of(panel: str) -> tuple[int, str]:
    """Where a panel stands: the main ones first, then the rest by name."""
    key = "graders/" if panel.startswith("graders/") else panel
    order = {name: place for place, name in enumerate(PANELS)}
    return order.get(key, len(order)), panel


def label_of(metric: str) -> str:
    """A metric's name for people; of a path, its last owner and its name.

    >>> label_of("full_valid_loss"), label_of("errors/graders/exact/train_other_error_count")
    ('Full validation loss', 'Exact: training other errors')
    """
    *path, name = [part for part in metric.split("/") if part] or [metric]
    owner = next((part for part in reversed(path) if part not in GENERIC), "")
    words_of = name.removesuffix("_count") + "s" if name.endswith("_error_count") else name
    words_of = words_of.replace("reward_mean", "mean_reward")  # as the flat metric is called
    text = " ".join(_SPELLED.get(part, part) for part in words_of.split("_"))
    if owner:
        text = f"{owner.replace('_', ' ')}: {text}"
    return text[:1].upper() + text[1:]


def sentence(
    curves: Iterable[Curve],
    now: datetime,
    last_seen: datetime | None,
    axis: XAxis = BY_STEP,
    best: Best | None = None,
) -> str:
    """What the chart says, from its data alone. `curves`: along the axis, each with a value."""
    traces = [(curve.metric, Trace.of(curve.points)) for curve in curves]
    parts = [
        _summary(metric, trace.solid(), axis, is_first=place == 0, best=best)
        for place, (metric, trace) in enumerate(traces)
    ]
    text = "; ".join(parts) + "."
    if best is not None:
        text += f" {best.words(axis)}"
    if last_seen is not None:
        text += f" Last point {words.ago(last_seen, now)}."
    if dropped := sum(len(trace) - len(trace.solid()) for _, trace in traces):
        text += f" {words.counted(dropped, 'value was', 'values were')} not finite."
    return text


def _summary(metric: str, trace: Trace, axis: XAxis, *, is_first: bool, best: Best | None) -> str:
    label = label_of(metric)
    label = label if is_first else label[:1].lower() + label[1:]
    last_x, last = trace.xs[-1], trace.ys[-1]
    if len(trace) == 1:
        return f"{label} {words.figure(last)} at {axis.spot(last_x)}"
    text = f"{label} {words.figure(trace.ys[0])} → {words.figure(last)}"
    if is_first:
        text += f" over {_length(trace, axis)}"
    better = describe(metric).better
    if better is None or (best is not None and best.metric == metric):
        return text
    found = min(trace.ys) if better == "lower" else max(trace.ys)
    word = "lowest" if better == "lower" else "highest"
    return f"{text}, {word} {words.figure(found)} at {axis.spot(trace.xs[trace.ys.index(found)])}"


def _length(trace: Trace, axis: XAxis) -> str:
    """Steps are counted: from the first to the third are three of them."""
    span = trace.xs[-1] - trace.xs[0]
    is_counted = axis.name == "step" and trace.xs[0] == 1
    return axis.length(span + is_counted)
