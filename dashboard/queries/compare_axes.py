"""What the curves of several jobs can be drawn along together, and where each one's steps lie there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import Exists, OuterRef

from dashboard.queries.compare_points import Last, traces_of
from dashboard.queries.curves import token_axis
from dashboard.queries.shelf import Shelf
from dashboard.queries.times import dated_events, time_axes
from dashboard.traces import Trace
from dashboard.x_axes import TOKENS_METRIC, XAxis
from jobs.models import Job

ROOM = 500_000  # steps with their times, 16 bytes each, for every web process
_TIMES: Shelf[XAxis] = Shelf(ROOM, lambda axis: len(axis.steps))


@dataclass(frozen=True, slots=True)
class Axes:
    """`names`: what all of the jobs can be drawn along; `name`: what they are.

    `lacking`: jobs that stand in the way of what was asked for. `own`: by job, but for steps.
    """

    names: tuple[str, ...] = ("step",)
    name: str = "step"
    lacking: tuple[Job, ...] = ()
    own: Mapping[int, XAxis] = field(default_factory=dict)


def axes_of(curves: Sequence[tuple[Job, Trace]], last: Mapping[int, Last], name: str) -> Axes:
    """The axis of this name for all of the jobs; that of the steps where one has none such."""
    jobs = [job for job, _ in curves]
    lacking = {"tokens": _without_tokens(jobs, last), "time": _without_time(jobs, last)}
    names = ("step", *(one for one, without in lacking.items() if not without))
    if name == "step" or lacking[name]:
        return Axes(names, lacking=tuple(lacking.get(name, ())))
    own = _tokens(jobs, last) if name == "tokens" else _times(curves)
    if without := tuple(job for job in jobs if job.pk not in own):
        return Axes(tuple(one for one in names if one != name), lacking=without)
    return Axes(names, name, own=own)


def _without_tokens(jobs: Iterable[Job], last: Mapping[int, Last]) -> list[Job]:
    return [job for job in jobs if not (_is_counted(last[job.pk]) or _shared_out(job, last))]


def _is_counted(of_job: Last) -> bool:
    elapsed = of_job.get(TOKENS_METRIC)
    return elapsed is not None and elapsed.first_step < elapsed.last_step


def _shared_out(job: Job, last: Mapping[int, Last], elapsed: Trace | None = None) -> XAxis | None:
    return token_axis(job, elapsed, max(ends.last_step for ends in last[job.pk].values()))


def _without_time(jobs: Sequence[Job], last: Mapping[int, Last]) -> list[Job]:
    """Those whose points came all at once, and of which no event tells a time."""
    at_once = [job for job in jobs if not any(ends.came_apart for ends in last[job.pk].values())]
    if not at_once:
        return []
    told = set(_told([job.pk for job in at_once]))
    return [job for job in at_once if job.pk not in told]


def _told(job_ids: Sequence[int]) -> Iterable[int]:
    rows = Job.objects.filter(pk__in=job_ids).filter(
        Exists(dated_events().filter(job=OuterRef("pk")))
    )
    return rows.values_list("pk", flat=True)


def _tokens(jobs: Sequence[Job], last: Mapping[int, Last]) -> dict[int, XAxis]:
    counted = [job for job in jobs if _is_counted(last[job.pk])]
    elapsed = traces_of(counted, TOKENS_METRIC)
    made = ((job, _shared_out(job, last, elapsed.get(job.pk))) for job in jobs)
    return {job.pk: axis for job, axis in made if axis is not None}


def _times(curves: Sequence[tuple[Job, Trace]]) -> dict[int, XAxis]:
    """Minutes since each began; kept while a job does not change."""
    known = {job.pk: _TIMES.get(_key(job, trace)) for job, trace in curves}
    found = {job_id: axis for job_id, axis in known.items() if axis is not None}
    missing = [(job, trace) for job, trace in curves if job.pk not in found]
    if missing:
        read = time_axes({job.pk: len(trace) for job, trace in missing}, is_since_begun=True)
        for job, trace in missing:
            if job.pk in read:
                _TIMES.put(_key(job, trace), read[job.pk])
        found |= read
    return found


def _key(job: Job, trace: Trace) -> tuple[object, ...]:
    """A job's version rises with its points, events and states."""
    return (job.public_id, job.version, len(trace))
