"""The section Metrics of a job's page, and the same points for a machine."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import orjson
from django.http import Http404
from django.urls import reverse

from dashboard import charts, nested, words
from dashboard.drawing import has_log, rank
from dashboard.metric_view import MetricView, plain
from dashboard.metric_words import label_of, order_of, panel_of
from dashboard.queries.ages import Ages, ages
from dashboard.queries.checkpoints import marks_on_axis
from dashboard.queries.curves import WORTH, Curves, axis_names, axis_of, curves_of
from dashboard.queries.shelf import Shelf
from jobs.export import cells
from jobs.models import Checkpoint, Job, PointSource

ANSWERS_BYTES = 4_000_000
_ANSWERS: Shelf[bytes] = Shelf(ANSWERS_BYTES, len)
SOURCES = {
    PointSource.EVENT: "events",
    PointSource.CHECKPOINT: "checkpoints",
    PointSource.RESULT_FILE: "the result file",
}
X_WORDS = {"step": "Step", "tokens": "Tokens", "time": "Time"}
X_UNITS = {"step": "step", "tokens": "token", "time": "minute"}


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class ViewForm:
    """The form that asks for a view. `unit`: of its range; `low`, `high`, `smooth`: as typed."""

    xs: tuple[Choice, ...]
    ys: tuple[Choice, ...]
    series: tuple[Choice, ...]
    unit: str
    low: str
    high: str
    smooth: str
    note: str


@dataclass(frozen=True, slots=True)
class Metrics:
    """`out_of_view`: titles of panels that have no value in the zoom. `shown`: the address's query."""

    view: MetricView
    form: ViewForm
    charts: tuple[charts.Chart, ...]
    zero: tuple[str, ...]  # metrics left out, for they are 0 throughout
    out_of_view: tuple[str, ...]
    nested: nested.Nested
    points_url: str
    whole_url: str  # the same view without the zoom
    sources: str = ""  # where the points come from, and what disagreed

    @property
    def is_empty(self) -> bool:
        return not (self.charts or self.out_of_view or self.zero or self.nested.groups)


@dataclass(frozen=True, slots=True)
class MetricsPage:
    """The section alone: what a change of view asks for."""

    job: Job
    url: str
    metrics: Metrics
    ages: Ages


def metrics_page(job: Job, view: MetricView, now: datetime) -> MetricsPage:
    saved = Checkpoint.objects.filter(job=job).order_by("step", "pk")
    metrics, last_point_at = metrics_of(job, list(saved), now, view)
    seen = ages(job, now, last_point_at=last_point_at, last_file_at=None)
    return MetricsPage(job, job_url(job), metrics, seen)


def metrics_of(
    job: Job, saved: Sequence[Checkpoint], now: datetime, view: MetricView
) -> tuple[Metrics, datetime | None]:
    """The panels, and when the newest point was seen."""
    found = curves_of(job)
    main, rest = nested.split(found.curves)
    look, chosen = look_of(job, found, view), of_series(main, view)
    made = charts.panels(
        chosen,
        now=now,
        last_seen=None if job.is_over else found.last_seen_at,
        checkpoints=marks_on_axis(saved),
        look=look,
    )
    drawn = {chart.name for chart in made}
    titles = charts.titles(chosen)
    metrics = Metrics(
        view=view,
        form=form_of(job, found, main, view, look),
        charts=tuple(_linked(chart, job, view) for chart in made),
        zero=charts.zero_panels(chosen),
        out_of_view=tuple(title for name, title in titles.items() if name not in drawn),
        nested=nested.nested(rest),
        points_url=points_url(job),
        whole_url=f"{job_url(job)}{view.whole().query()}#metrics",
        sources=sources_words(found.sources, job.corrected_points),
    )
    return metrics, found.last_seen_at


def sources_words(sources: Mapping[PointSource, int], corrected: int) -> str:
    """Where the points come from, and what disagreed.

    >>> sources_words({PointSource.EVENT: 40, PointSource.RESULT_FILE: 360}, 2)
    '360 points from the result file, 40 from events. 2 differed from what events or checkpoints said.'
    """
    best_first = [(SOURCES[one], count) for one, count in sorted(sources.items(), reverse=True)]
    if not best_first:
        return ""
    (first, count), *rest = best_first
    parts = [f"{words.counted(count, 'point')} from {first}"]
    parts += [f"{words.thin(count)} from {source}" for source, count in rest]
    text = f"{', '.join(parts)}."
    if not corrected:
        return text
    return f"{text} {words.thin(corrected)} differed from what events or checkpoints said."


def look_of(job: Job, found: Curves, view: MetricView) -> charts.Look:
    axis = axis_of(job, found, view.x)
    return charts.Look(axis, view.low, view.high, smooth=view.smooth, is_log=view.is_log)


def of_series(curves: Sequence[charts.Curve], view: MetricView) -> list[charts.Curve]:
    """Those asked for; all where the job has none of these."""
    return [one for one in curves if one.metric in view.series] or list(curves)


def form_of(
    job: Job, found: Curves, main: Sequence[charts.Curve], view: MetricView, look: charts.Look
) -> ViewForm:
    names = {one.metric for one in main} & set(view.series)
    ys = [("linear", "Linear", not view.is_log), ("log", "Logarithmic", view.is_log)]
    has_loss = any(has_log(one.metric) for one in main)
    x = look.axis.name
    return ViewForm(
        xs=tuple(Choice(one, X_WORDS[one], one == x) for one in axis_names(job, found)),
        ys=tuple(Choice(*one) for one in ys) if has_loss else (),
        series=tuple(
            Choice(one.metric, label_of(one.metric), not names or one.metric in names)
            for one in sorted(main, key=_standing)
        ),
        unit=X_UNITS[x],
        low=plain(view.low),
        high=plain(view.high),
        smooth=f"{view.smooth:g}",
        note=look.axis.note,
    )


def _standing(curve: charts.Curve) -> tuple[object, ...]:
    """As on the page: panel by panel, line by line."""
    return (*order_of(panel_of(curve.metric)), *rank(curve.metric))


def job_url(job: Job) -> str:
    return reverse("job", args=[job.connection.slug, job.provider_id])


def points_url(job: Job) -> str:
    return reverse("job-points", args=[job.connection.slug, job.provider_id])


def _linked(chart: charts.Chart, job: Job, view: MetricView) -> charts.Chart:
    csv = f"{points_url(job)}{view.query(panel=chart.name, format='csv')}"
    whole = f"{job_url(job)}{view.whole().query()}#metrics" if view.is_zoomed else ""
    return replace(chart, csv_url=csv, reset_url=whole)


def points_json(job: Job, view: MetricView, panel: str) -> bytes:
    """The points of the panels, or of one, as they are drawn. Raises Http404 for an unknown panel."""
    return _answer(job, view, panel, "json")


def points_csv(job: Job, view: MetricView, panel: str) -> bytes:
    """The table of a panel, or of all of them side by side. Raises Http404 for an unknown panel."""
    return _answer(job, view, panel, "csv")


def _answer(job: Job, view: MetricView, panel: str, form: str) -> bytes:
    key = (job.public_id, job.version, view, panel, form)
    if (known := _ANSWERS.get(key)) is not None:
        return known
    found = curves_of(job)
    made = _charts(job, found, view, panel)
    body = _csv(made) if form == "csv" else _json(job, view, made)
    if found.number >= WORTH:
        _ANSWERS.put(key, body)
    return body


def _charts(job: Job, found: Curves, view: MetricView, panel: str) -> tuple[charts.Chart, ...]:
    """Without the age of the last point, so that an answer is good until the job changes."""
    chosen = of_series(nested.split(found.curves)[0], view)
    if panel and panel not in charts.titles(chosen):
        raise Http404
    saved = Checkpoint.objects.filter(job=job).order_by("step", "pk")
    made = charts.panels(
        chosen,
        now=found.last_seen_at or job.first_seen_at,
        checkpoints=marks_on_axis(list(saved)),
        look=look_of(job, found, view),
    )
    return tuple(one for one in made if panel in {"", one.name})


def _json(job: Job, view: MetricView, made: Iterable[charts.Chart]) -> bytes:
    panels = [
        {
            "name": chart.name,
            "title": chart.title,
            "direction": chart.direction,
            "sentence": chart.sentence,
            **chart.payload,
        }
        for chart in made
    ]
    return orjson.dumps(
        {"job": job.provider_id, "view": {"x": view.x, "smooth": view.smooth}, "panels": panels}
    )


def _csv(made: Sequence[charts.Chart]) -> bytes:
    label = made[0].x_label if made else "Step"
    labels = [one.label for chart in made for one in chart.series]
    merged: dict[float, list[float | None]] = {}
    start = 0
    for chart in made:
        for x, values in chart.rows:
            row = merged.setdefault(x, [None] * len(labels))
            row[start : start + len(values)] = values
        start += len(chart.series)
    lines = [cells.line([label, *labels])]
    lines += [cells.line([x, *merged[x]]) for x in sorted(merged)]
    return b"".join(lines)
