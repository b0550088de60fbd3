"""Numbers too many for charts of their own -> groups of rows, a small line each. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from dashboard.metric_words import GENERIC, GRADERS, PANELS, Curve, label_of, panel_of
from dashboard.traces import Trace
from providers.metrics import METRICS, describe

FAMILY = 6  # so many nested curves may join the lines of one main panel
OWN_PANELS = 12  # metrics that nobody knows get a chart each, up to so many
MOST_ROWS = 300

TITLES = {
    "errors": "Errors",
    "scores": "Scores",
    "timing": "Timing, seconds",
    "usage": "Token usage",
    "model_graders_token_usage": "Token usage of model graders",
}
OTHER = "Other"
# Nested, and yet what people look at first: one line a grader, and where the time of a step goes.
_PROMOTED = ((GRADERS, "reward"), ("timing/step/", "timing"))


@dataclass(frozen=True, slots=True)
class Row:
    """One number over the steps. `owner`: the grader, model or part it speaks of."""

    metric: str
    name: str
    owner: str
    values: tuple[float, ...]
    last: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Nested:
    """`number`: of rows in all groups; `left_out`: of those beyond."""

    groups: tuple[Group, ...]
    number: int
    left_out: int


def split(curves: Iterable[Curve]) -> tuple[list[Curve], list[Curve]]:
    """(for charts, for rows): nested numbers are rows, but for a few that main panels are about."""
    main: list[Curve] = []
    rest: list[Curve] = []
    promoted: dict[str, list[Curve]] = {}
    own_panels = 0
    for curve in curves:
        if (start := _promotion(curve.metric)) is not None:
            promoted.setdefault(start, []).append(curve)
        elif is_nested(curve.metric):
            rest.append(curve)
        else:
            own_panels += curve.metric not in METRICS and panel_of(curve.metric) not in PANELS
            (rest if own_panels > OWN_PANELS else main).append(curve)
    for family in promoted.values():
        (main if len(family) <= FAMILY else rest).extend(family)
    return main, rest


def is_nested(metric: str) -> bool:
    """Whether a name is a path; some old result files have columns with a slash of their own."""
    return "/" in metric and metric not in METRICS


def _promotion(metric: str) -> str | None:
    return next(
        (s for s, panel in _PROMOTED if metric.startswith(s) and describe(metric).panel == panel),
        None,
    )


def nested(curves: Iterable[Curve]) -> Nested:
    """The rows by the first part of their path, in the order of their names."""
    grouped: dict[str, list[Row]] = {}
    shown = 0
    found = sorted(
        (c for c in curves if Trace.of(c.points).solid()), key=lambda curve: curve.metric
    )
    for curve in found[:MOST_ROWS]:
        first, slash, _ = curve.metric.partition("/")
        grouped.setdefault(first if slash else "", []).append(_row(curve))
        shown += 1
    groups = tuple(Group(_title(first), tuple(rows)) for first, rows in sorted(grouped.items()))
    return Nested(groups, shown, len(found) - shown)


def _title(first: str) -> str:
    return TITLES.get(first) or (label_of(first) if first else OTHER)


def _row(curve: Curve) -> Row:
    *path, name = [part for part in curve.metric.split("/") if part] or [curve.metric]
    owners = [part for part in path[1:] if part not in GENERIC]
    values = tuple(Trace.of(curve.points).solid().ys)
    return Row(
        metric=curve.metric,
        name=label_of(name),
        owner=" / ".join(owners),
        values=values,
        last=values[-1],
        least=min(values),
        most=max(values),
    )
