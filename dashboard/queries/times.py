"""When the points of jobs were measured, as far as anybody tells. A statement for all jobs of each question."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Min, QuerySet

from dashboard.x_axes import XAxis, by_time
from jobs.models import Checkpoint, Event, Point, Transition
from providers.states import State

AS_SEEN = "Times are ours: when a point was first seen here."
BETWEEN = "The times of steps without an event are an estimate, between those of their neighbours."
Times = Mapping[float, datetime]  # step -> when
Span = tuple[datetime, datetime]


@dataclass(slots=True)
class Course:
    """`begun`: when we saw it begin to run, None where we did not. `pauses`: at the provider."""

    begun: datetime | None = None
    pauses: list[Span] = field(default_factory=list)


def time_axes(longest: Mapping[int, int], *, is_since_begun: bool = False) -> dict[int, XAxis]:
    """By the provider's clock where its events and checkpoints tell; else by ours.

    `longest`: how many points the longest curve of each job has. A job whose points have no two
    different times is left out.
    """
    told, course = told_times(longest), courses(longest)
    found = {}
    for job_id, number in longest.items():
        times, begun = told[job_id], course[job_id].begun if is_since_begun else None
        note = BETWEEN if len(times) < number else ""
        found[job_id] = by_time(times, course[job_id].pauses, note, begun)
    if unknown := [job_id for job_id, axis in found.items() if axis is None]:
        seen = seen_times(unknown)
        for job_id in unknown:
            begun = course[job_id].begun if is_since_begun else None
            found[job_id] = by_time(seen[job_id], course[job_id].pauses, AS_SEEN, begun)
    return {job_id: axis for job_id, axis in found.items() if axis is not None}


def dated_events() -> QuerySet[Event]:
    """With the provider's time of a step."""
    return Event.objects.filter(type="metrics", created_at__isnull=False)


def told_times(job_ids: Collection[int]) -> Mapping[int, Times]:
    """By the provider's clock."""
    ids = list(job_ids)
    saved = Checkpoint.objects.filter(job__in=ids, step__isnull=False, created_at__isnull=False)
    rows = [
        *saved.values_list("job_id", "step", "created_at"),
        *dated_events().filter(job__in=ids).values_list("job_id", "body__step", "created_at"),
    ]
    times: dict[int, dict[float, datetime]] = defaultdict(dict)
    for job_id, step, moment in rows:
        if moment and isinstance(step, int | float) and not isinstance(step, bool):
            known = times[job_id]
            known[float(step)] = min(moment, known.get(float(step), moment))
    return times


def seen_times(job_ids: Collection[int]) -> Mapping[int, Times]:
    """By our clock: when the points came here."""
    seen = Point.objects.filter(job__in=job_ids).values_list("job_id", "step").order_by("step")
    times: dict[int, dict[float, datetime]] = defaultdict(dict)
    for job_id, step, moment in seen.annotate(Min("seen_at")):
        times[job_id][step] = moment
    return times


def courses(job_ids: Collection[int]) -> Mapping[int, Course]:
    """Of the changes of state in their order."""
    of_state = Transition.objects.filter(job__in=job_ids, kind=Transition.Kind.STATE)
    names = ("job_id", "to_state", "happened_at", "recorded_at", "stayed_s")
    moves: dict[int, list[tuple[str, datetime, bool]]] = defaultdict(list)
    for job_id, state, happened, recorded, stayed_s in of_state.order_by("pk").values_list(*names):
        if job_id is not None:
            moves[job_id].append((state, happened or recorded, stayed_s is not None))
    return defaultdict(Course, {job_id: _course(of_job) for job_id, of_job in moves.items()})


def _course(moves: Sequence[tuple[str, datetime, bool]]) -> Course:
    """A stay before it that was measured says that we were there when the job began to run."""
    running = [(at, is_seen) for state, at, is_seen in moves if state == State.RUNNING.value]
    begun = running[0][0] if running and running[0][1] else None
    ends = [at for _, at, _ in moves[1:]]
    pauses = [
        (start, end)
        for (state, start, _), end in zip(moves, ends, strict=False)
        if state == State.PAUSED.value and start < end
    ]
    return Course(begun, pauses)
