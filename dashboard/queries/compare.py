"""What /compare/ shows: the jobs that its address names, side by side."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Q
from django.http import Http404
from django.urls import reverse

from accounts.models import Team
from dashboard import words
from dashboard.charts import Chart
from dashboard.comparison import Comparison, compare, unlike_names
from dashboard.metric_view import AS_USUAL
from dashboard.overlay_lines import style
from dashboard.queries.compare_asked import MOST_CURVES, Asked
from dashboard.queries.compare_curves import NO_CURVES, MetricChoice, curves_shown
from dashboard.queries.compare_facts import (
    Known,
    Stays,
    besides_hyperparameters,
    file_of,
    groups,
    size_of,
)
from dashboard.queries.compare_points import last_values
from dashboard.queries.compare_verdict import incomparable, runners_of, verdict
from dashboard.queries.compare_wide import WideHead, WideRow, heads, places, wide_rows
from dashboard.queries.history import AT_WORK
from dashboard.queries.metrics import ViewForm
from dashboard.sameness import Data, Trained, Verdict, verdicts
from jobs import costing
from jobs.costs import Estimate
from jobs.export import cells
from jobs.models import File, Job, Transition
from jobs.refs import Ref
from providers.states import State


@dataclass(frozen=True, slots=True)
class Chosen:
    """One of the jobs at the head of its column. `line`, `dash`: of its curve, where it has one."""

    name: str
    detail: str
    url: str
    state: str
    raw_status: str
    seen_at: datetime | None  # of one that is not over
    line: int
    dash: str
    without_url: str


@dataclass(frozen=True, slots=True)
class ComparePage:
    """`is_wide`: jobs are rows, for more than curves and columns can hold."""

    asked: Asked
    jobs: tuple[Chosen, ...]
    verdict: str
    same: tuple[Verdict, ...]
    metrics: tuple[MetricChoice, ...]
    chart: Chart | None
    comparison: Comparison
    form: ViewForm | None = None
    usual_metric: str = ""

    @property
    def is_wide(self) -> bool:
        return self.asked.is_table

    @property
    def differing(self) -> str:
        """12 of 40 facts differ."""
        found = self.comparison
        total = words.counted(found.differing + found.equal, "fact")
        text = f"{words.thin(found.differing)} of {total} differ"
        hidden = words.counted(found.hidden, "equal row")
        return f"{text}; {hidden} hidden." if found.hidden else f"{text}."

    @property
    def toggle_url(self) -> str:
        """The same with the other rows: only the differing ones, or all."""
        return replace(self.asked, only_differences=not self.asked.only_differences).url

    @property
    def csv_url(self) -> str:
        """However the curves are shown: it is the table."""
        return replace(self.asked, view=AS_USUAL, is_csv=True).url

    @property
    def whole_url(self) -> str:
        """Without the zoom."""
        return replace(self.asked, view=self.asked.view.whole()).url

    @property
    def plain_url(self) -> str:
        """With the curves as they are shown when nothing else is asked for; "" where they are."""
        return "" if self.asked.view.is_plain else replace(self.asked, view=AS_USUAL).url

    @property
    def change_url(self) -> str:
        return replace(self.asked, is_choosing=True).url

    @property
    def other_view_url(self) -> str:
        """Jobs as rows, or back to columns and curves where they fit."""
        if self.is_wide and len(self.jobs) > MOST_CURVES:
            return ""
        return replace(self.asked, is_table=not self.is_wide).url

    @property
    def wide_heads(self) -> tuple[WideHead, ...]:
        return tuple(heads(self.asked, self.comparison))

    @property
    def sorted_by(self) -> str:
        """The title of the column that the rows are sorted by; "" for none."""
        sorted_heads = (head.label for head in self.wide_heads if head.aria_sort)
        return next(sorted_heads, "") if self.is_wide else ""

    @property
    def wide_rows(self) -> tuple[WideRow, ...]:
        return tuple(wide_rows(self.asked, self.comparison, self.jobs))


def find_jobs(team: Team, asked: Asked) -> tuple[Job, ...]:
    """The team's jobs that are asked for, in their order, each once. Raises Http404 if any is not there."""
    if asked.is_malformed:
        raise Http404
    named = Q(
        connection__slug__in={ref.connection for ref in asked.refs},
        provider_id__in={ref.job_id for ref in asked.refs},
    )
    found = Job.objects.for_team(team).filter(named | Q(pk__in=asked.ids))
    rows = list(found.select_related("connection").defer("curve", "train_curve", "note"))
    by_ref = {ref_of(job): job for job in rows}
    by_id = {job.pk: job for job in rows}
    try:
        wanted = [*(by_ref[ref] for ref in asked.refs), *(by_id[pk] for pk in asked.ids)]
    except KeyError:
        raise Http404 from None
    return tuple(dict.fromkeys(wanted))


def ref_of(job: Job) -> Ref:
    return Ref(job.connection.slug, job.provider_id)


def compare_page(jobs: Sequence[Job], asked: Asked, now: datetime) -> ComparePage:
    """The page of two jobs at least: `jobs` are those that `asked` names, in its order."""
    names = names_of(jobs)
    pks = [job.pk for job in jobs]
    last = last_values(pks)
    shown = curves_shown(jobs, names, last, asked) if not asked.is_table else NO_CURVES
    stays, late = _stays(pks)
    known = Known(
        *(tuple(jobs), stays, last, _files(jobs), now, shown.metric, shown.bests),
        late=late,
        costs=_costs(jobs, now),
    )
    trained = [_trained(known, *pair) for pair in zip(jobs, names, strict=True)]
    runners = runners_of(jobs, trained)
    known = replace(known, incomparable=incomparable(known, runners))
    comparison = compare(groups(known), only_differences=asked.only_differences)
    return ComparePage(
        asked=asked,
        jobs=chosen(jobs, names, asked),
        verdict=verdict(known, runners, asked.metric),
        same=verdicts(trained),
        metrics=shown.choices,
        chart=shown.chart,
        comparison=comparison,
        form=shown.form,
        usual_metric=shown.usual,
    )


def names_of(jobs: Sequence[Job]) -> tuple[str, ...]:
    """Names that tell the jobs apart."""
    details = [(job.connection.name, job.provider_id, f"no. {job.pk}") for job in jobs]
    return unlike_names([job.name for job in jobs], details)


def chosen(jobs: Sequence[Job], names: Sequence[str], asked: Asked) -> tuple[Chosen, ...]:
    return tuple(
        Chosen(
            name=name,
            detail=job.connection.name,
            url=reverse("job", args=[job.connection.slug, job.provider_id]),
            state=job.state,
            raw_status=job.raw_status,
            seen_at=None if job.is_over else job.last_seen_at,
            line=style(place)[0],
            dash=style(place)[1],
            without_url=_without(asked, ref_of(job)),
        )
        for place, (job, name) in enumerate(zip(jobs, names, strict=True))
    )


def _without(asked: Asked, left_out: Ref) -> str:
    rest = tuple(ref for ref in asked.refs if ref != left_out)
    return replace(asked, refs=rest, is_choosing=False).url


def _stays(job_ids: Collection[int]) -> tuple[dict[int, Stays], frozenset[int]]:
    """How long the jobs stayed where, by job and state; and those that were first seen at work."""
    found: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    late = set()
    is_first = Q(kind=Transition.Kind.STATE, from_state="", to_state__in=AT_WORK)
    rows = Transition.objects.filter(is_first | Q(stayed_s__isnull=False), job__in=job_ids)
    for job_id, state, seconds in rows.values_list("job_id", "from_state", "stayed_s"):
        if state:
            found[job_id][state] += seconds or 0.0
        else:
            late.add(job_id)
    return {job_id: dict(stays) for job_id, stays in found.items()}, frozenset(late)


def _costs(jobs: Sequence[Job], now: datetime) -> dict[int, Estimate]:
    """Estimates of those that are not over, by job: of the others they are kept with the job."""
    active = [job for job in jobs if not job.is_over]
    if not active:
        return {}
    found = costing.estimates(active, costing.prices_of(active[0].team_id), now)
    return {job_id: one for job_id, one in found.items() if isinstance(one, Estimate)}


def _files(jobs: Iterable[Job]) -> dict[tuple[int, str], File]:
    """What is known of their data, by connection and file id; never the content."""
    named = {
        (job.connection_id, f)
        for job in jobs
        for f in (job.training_file, job.validation_file)
        if f
    }
    rows = File.objects.filter(
        connection__in={connection for connection, _ in named},
        provider_id__in={file_id for _, file_id in named},
    ).only("connection_id", "provider_id", "filename", "size_bytes", "content_bytes", "sha256")
    return {(row.connection_id, row.provider_id): row for row in rows}


def _trained(known: Known, job: Job, name: str) -> Trained:
    return Trained(
        name=name,
        training=_data_of(known, job, "training", job.training_file),
        validation=_data_of(known, job, "validation", job.validation_file),
        base_model=job.base_model,
        method=job.method or "",
        hyperparameters=job.hyperparameters,
        method_details=besides_hyperparameters(job.method_details),
        seed=job.seed,
        is_done=job.state == State.SUCCEEDED.value,
    )


def _data_of(known: Known, job: Job, role: str, file_id: str | None) -> Data | None:
    if not file_id:
        return None
    file = file_of(known, job, role)
    return Data(job.connection.slug, file_id, file.sha256 if file else "", size_of(file))


def csv_of(page: ComparePage) -> bytes:
    """The table that the page shows: the same rows in the same order, values bare."""
    return b"".join(_wide_lines(page) if page.is_wide else _lines_of(page))


def _lines_of(page: ComparePage) -> Iterable[bytes]:
    yield cells.line(["group", "fact", "differs", *map(str, page.asked.refs)])
    for group in page.comparison.groups:
        for row in group.rows:
            values = [cell.raw for cell in row.cells]
            yield cells.line([group.title, row.name, row.differs, *values])


def _wide_lines(page: ComparePage) -> Iterable[bytes]:
    rows = list(page.comparison.rows)
    yield cells.line(["job", "name", *(row.name for row in rows)])
    for place in places(page.asked, page.comparison, page.jobs):
        ref, job = page.asked.refs[place], page.jobs[place]
        yield cells.line([str(ref), job.name, *(row.cells[place].raw for row in rows)])
