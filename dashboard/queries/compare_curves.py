"""The curves of a comparison: which metric, along what, and how they are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dashboard.charts import Chart, Look, label_of
from dashboard.drawing import has_log
from dashboard.metric_view import MetricView, plain
from dashboard.overlay import BestAt, best_at, can_be_log, main_metric, ordered, overlay
from dashboard.overlay_lines import NOTHING, Run
from dashboard.queries.compare_asked import Asked
from dashboard.queries.compare_axes import Axes, axes_of
from dashboard.queries.compare_points import Last, traces_of
from dashboard.queries.curves import WORTH
from dashboard.queries.metrics import X_UNITS, X_WORDS, Choice, ViewForm
from dashboard.queries.shelf import Shelf
from dashboard.shared_axis import told_together
from dashboard.traces import Trace
from dashboard.x_axes import BY_STEP
from jobs.models import Job


@dataclass(frozen=True, slots=True)
class MetricChoice:
    name: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class CurvesShown:
    """`bests`: of each job, in their order. `form`: None where no job has any curve.

    `usual`: the metric that is drawn when none is asked for.
    """

    metric: str = ""
    usual: str = ""
    choices: tuple[MetricChoice, ...] = ()
    bests: tuple[BestAt, ...] = ()
    chart: Chart | None = None
    form: ViewForm | None = None

    @property
    def weight(self) -> int:
        """In points: its lines, and what the pointer and the table say of each x."""
        chart = self.chart
        return len(chart.series) * 3 * len(chart.rows) if chart else 1


NO_CURVES = CurvesShown()
ROOM = 200_000  # points as drawn, some 40 bytes each, for every web process


_SHELF: Shelf[CurvesShown] = Shelf(ROOM, lambda shown: shown.weight)


def curves_shown(
    jobs: Sequence[Job], names: Sequence[str], last: Mapping[int, Last], asked: Asked
) -> CurvesShown:
    """`names`: of the jobs. `last`: what each one has. Kept while no job changes."""
    metric = _metric(asked, jobs, last)
    if not metric:
        return NO_CURVES
    of_jobs = ((job.public_id, job.version, name) for job, name in zip(jobs, names, strict=True))
    key = (metric, asked.view, *of_jobs)
    shown = _SHELF.get(key)
    if shown is None:
        having = [job for job in jobs if metric in last.get(job.pk, {})]
        traces = traces_of(having, metric)
        shown = _drawn(metric, list(zip(jobs, names, strict=True)), traces, last, asked.view)
        if sum(map(len, traces.values())) >= WORTH:
            _SHELF.put(key, shown)
    return _with_way_out(shown, asked)


def _with_way_out(shown: CurvesShown, asked: Asked) -> CurvesShown:
    """Of the zoom."""
    if shown.chart is None or not asked.view.is_zoomed:
        return shown
    whole = replace(asked, view=asked.view.whole()).url
    return replace(shown, chart=replace(shown.chart, reset_url=whole))


def _drawn(
    metric: str,
    named: Sequence[tuple[Job, str]],
    traces: Mapping[int, Trace],
    last: Mapping[int, Last],
    asked: MetricView,
) -> CurvesShown:
    curves = [(job, traces[job.pk]) for job, _ in named if job.pk in traces]
    axes = axes_of(curves, last, asked.x)
    runs = [
        Run(place, name, traces.get(job.pk, NOTHING), axes.own.get(job.pk, BY_STEP))
        for place, (job, name) in enumerate(named)
    ]
    view = _view(asked, axes)
    return CurvesShown(
        metric=metric,
        usual=main_metric([last.get(job.pk, {}) for job, _ in named]),
        choices=_choices([job for job, _ in named], last, metric),
        bests=tuple(best_at(metric, run.points) for run in runs),
        chart=_chart(metric, runs, view),
        form=_form(metric, runs, view, axes, _lacking(axes, asked.x, named)),
    )


def _metric(asked: Asked, jobs: Sequence[Job], last: Mapping[int, Last]) -> str:
    of_jobs = [last.get(job.pk, {}) for job in jobs]
    is_there = any(asked.metric in of_job for of_job in of_jobs)
    return asked.metric if is_there else main_metric(of_jobs)


def _choices(
    jobs: Sequence[Job], last: Mapping[int, Last], metric: str
) -> tuple[MetricChoice, ...]:
    """All that any of the jobs has."""
    names = ordered(name for job in jobs for name in last.get(job.pk, {}))
    return tuple(MetricChoice(name, _name_of(name), name == metric) for name in names)


def _name_of(metric: str) -> str:
    """Two numbers of a grader may share their label; the path tells them apart."""
    return f"{label_of(metric)} ({metric})" if "/" in metric else label_of(metric)


def _view(view: MetricView, axes: Axes) -> MetricView:
    """As it can be had: where another axis takes the place, its zoom means nothing."""
    return view if view.x == axes.name else replace(view.whole(), x=axes.name)


def _chart(metric: str, runs: Sequence[Run], view: MetricView) -> Chart | None:
    is_log = view.is_log and can_be_log(metric, runs)
    return overlay(
        metric, runs, Look(low=view.low, high=view.high, smooth=view.smooth, is_log=is_log)
    )


def _form(metric: str, runs: Sequence[Run], view: MetricView, axes: Axes, lacking: str) -> ViewForm:
    ys = [("linear", "Linear", not view.is_log), ("log", "Logarithmic", view.is_log)]
    note = told_together([(run.name, run.axis) for run in runs if run.points]).note
    return ViewForm(
        xs=tuple(Choice(one, X_WORDS[one], one == axes.name) for one in axes.names),
        ys=tuple(Choice(*one) for one in ys) if has_log(metric) else (),
        series=(),
        unit=X_UNITS[axes.name],
        low=plain(view.low),
        high=plain(view.high),
        smooth=f"{view.smooth:g}",
        note=" ".join(filter(None, (lacking, note))),
    )


def _lacking(axes: Axes, x: str, named: Sequence[tuple[Job, str]]) -> str:
    """Who stands in the way of the axis that was asked for."""
    lacking = {job.pk for job in axes.lacking}
    of = [name for job, name in named if job.pk in lacking]
    return f"Drawn by step: no {X_WORDS[x].lower()} known of {', '.join(of)}." if of else ""
