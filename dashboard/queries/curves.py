"""The curves of a job out of the database, and what they can be drawn along."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from django.db.models import Case, Count, Exists, Max, Min, Q, When

from dashboard.metric_words import Curve
from dashboard.queries.shelf import Shelf
from dashboard.queries.times import dated_events, time_axes
from dashboard.traces import Trace
from dashboard.x_axes import BY_STEP, TOKENS_METRIC, XAxis, by_tokens
from jobs.models import Job, Point, PointSource

# Reading 100,000 points takes some 100 ms and drawing a part of them 5: a zoom reads them once. Below
# WORTH reading is as fast as looking. The room is in points, 16 bytes each, for every web process.
WORTH, ROOM = 2_000, 1_000_000


@dataclass(frozen=True, slots=True)
class Curves:
    """`curves` by metric and step. `first_seen_at`, `last_seen_at`: when its points came here.

    `sources`: how many points came from each.
    """

    curves: tuple[Curve, ...]
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    has_events: bool  # with the provider's time
    sources: Mapping[PointSource, int]

    @property
    def number(self) -> int:
        return sum(len(curve.points) for curve in self.curves)


_SHELF: Shelf[Curves] = Shelf(ROOM, lambda found: found.number)


def known_curve(job: Job, metric: str) -> Trace | None:
    """One of its curves, where all of them were read lately."""
    found = _SHELF.get((job.public_id, job.version))
    curves = found.curves if found else ()
    return next((Trace.of(one.points) for one in curves if one.metric == metric), None)


def curves_of(job: Job) -> Curves:
    """All points of the job: of events, checkpoints and result files, the best source of each.

    What a job's version was read with is never older than that version: the job is read first.
    """
    key = (job.public_id, job.version)
    found = _SHELF.get(key)
    if found is None:
        found = _read(job)
        if found.number >= WORTH:
            _SHELF.put(key, found)
    return found


def _read(job: Job) -> Curves:
    points = Point.objects.filter(job=job)
    rows = points.order_by("metric", "step").values_list("metric", "step", "value")
    curves = []
    for metric, of_metric in groupby(rows.iterator(chunk_size=10_000), key=itemgetter(0)):
        told = list(of_metric)
        steps, values = map(itemgetter(1), told), map(itemgetter(2), told)
        curves.append(Curve(metric, Trace.packed(steps, values)))
    if not curves:
        return Curves((), None, None, has_events=False, sources={})
    is_told = Case(When(Exists(dated_events().filter(job=job)), then=1), default=0)
    counts = {one.name: Count("step", filter=Q(source=one)) for one in PointSource}
    seen = points.aggregate(first=Min("seen_at"), last=Max("seen_at"), told=Max(is_told), **counts)
    return Curves(
        tuple(curves),
        seen["first"],
        seen["last"],
        has_events=bool(seen["told"]),
        sources={one: seen[one.name] for one in PointSource if seen[one.name]},
    )


def axis_names(job: Job, found: Curves) -> tuple[str, ...]:
    """What this job's curves can be drawn along."""
    has_times = found.has_events or found.first_seen_at != found.last_seen_at
    tokens = _tokens(job, found.curves)
    return ("step", *(["tokens"] if tokens else []), *(["time"] if has_times else []))


def axis_of(job: Job, found: Curves, name: str) -> XAxis:
    """The axis of this name; that of the steps where the job has none such."""
    if name == "tokens":
        return _tokens(job, found.curves) or BY_STEP
    return (_times(job, found.curves) if name == "time" else None) or BY_STEP


def _tokens(job: Job, curves: Sequence[Curve]) -> XAxis | None:
    elapsed = next((one.points for one in curves if one.metric == TOKENS_METRIC), None)
    last = max((Trace.of(one.points).xs[-1] for one in curves), default=0.0)
    return token_axis(job, Trace.of(elapsed) if elapsed else None, last)


def token_axis(job: Job, elapsed: Trace | None, last_step: float) -> XAxis | None:
    """`elapsed`: the provider's count by step. `last_step`: of all curves of the job."""
    whole = max(last_step, job.total_steps or 0) if job.is_over else 0.0
    return by_tokens(elapsed, job.trained_tokens, whole)


def _times(job: Job, curves: Sequence[Curve]) -> XAxis | None:
    longest = max((len(one.points) for one in curves), default=0)
    return time_axes({job.pk: longest}).get(job.pk)
