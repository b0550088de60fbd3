"""Rows for an export, a portion at a time, each by a query of its own.

No cursor stays open between two portions: a reader that takes an hour over its download holds no
transaction, keeps no old row version alive and meets no statement timeout. Rows that appear or
vanish meanwhile are in the export or not; none is there twice.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Count, Model, Q, QuerySet
from django.db.models.functions import Lower

from jobs.models import (
    Checkpoint,
    Estimate,
    Event,
    File,
    Job,
    Point,
    Snapshot,
    Transition,
)
from jobs.models.job import JobQuerySet

JOBS = 100  # read together with what belongs to them
ROWS = 500  # of one kind in memory
POINTS = 2000
BODIES = 50  # snapshots: a body has at most 1 MiB
M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that the job names; `row` None when it was never looked up. Without its content."""

    role: str
    provider_id: str
    row: File | None

    def received(self) -> bytes | None:
        """The bytes as the provider sent them, or None when they are not kept."""
        stored = File.objects.only("content").filter(pk=self.row.pk).first() if self.row else None
        return stored.received() if stored else None


@dataclass(frozen=True, slots=True)
class Kept:
    """One job and what belongs to it, in the order it came. Each part can be read once, in turn."""

    job: Job
    newest: Iterable[Snapshot]  # one of each source
    snapshots: Iterable[Snapshot]
    transitions: Iterable[Transition]
    estimates: Iterable[Estimate]
    events: Iterable[Event]
    checkpoints: Iterable[Checkpoint]
    points: Iterable[Point]  # by metric and step
    files: list[NamedFile]


def everything(jobs: JobQuerySet) -> Iterator[Kept]:
    """The jobs in the order they were first seen, each with all that is kept of it."""
    for some in portions(jobs.select_related("connection"), JOBS):
        yield from map(
            Kept,
            some,
            by_job(Snapshot.objects.filter(is_newest=True), some, BODIES),
            by_job(Snapshot.objects.all(), some, BODIES),
            by_job(Transition.objects.all(), some, ROWS),
            by_job(Estimate.objects.all(), some, ROWS),
            by_job(Event.objects.all(), some, ROWS),
            by_job(Checkpoint.objects.all(), some, ROWS),
            by_job(Point.objects.order_by("metric", "step"), some, POINTS, by_step),
            named_files(some),
        )


def portions(rows: QuerySet[M], size: int = ROWS) -> Iterator[list[M]]:
    last = 0
    while True:
        found = list(rows.filter(pk__gt=last).order_by("pk")[:size])
        if found:
            yield found
        if len(found) < size:
            return
        last = found[-1].pk


def by_pk(rows: QuerySet[M], size: int) -> Iterator[M]:
    for found in portions(rows, size):
        yield from found


def by_step(rows: QuerySet[Point], size: int) -> Iterator[Point]:
    """By metric and step, which is the order of their index."""
    beyond = Q()
    while True:
        found = list(rows.filter(beyond).order_by("metric", "step")[:size])
        yield from found
        if len(found) < size:
            return
        last = found[-1]
        beyond = Q(metric__gt=last.metric) | Q(metric=last.metric, step__gt=last.step)


def by_job(
    rows: QuerySet[M],
    jobs: list[Job],
    size: int,
    alone: Callable[[QuerySet[M], int], Iterator[M]] = by_pk,
) -> Iterator[Iterable[M]]:
    """For each job its rows: of jobs with few rows by one query together, else `alone`, in portions."""
    numbers = dict(rows.filter(job__in=jobs).order_by().values_list("job").annotate(Count("pk")))
    for group in _groups(jobs, numbers, size):
        if numbers.get(group[0].pk, 0) > size:
            yield alone(rows.filter(job=group[0]), size)
            continue
        found: dict[int, list[M]] = {job.pk: [] for job in group}
        if any(job.pk in numbers for job in group):
            ordered = rows if rows.query.order_by else rows.order_by("pk")
            for row in ordered.filter(job__in=group):
                found[row.job_id].append(row)  # type: ignore[attr-defined]  # as above
        for job in group:
            yield found.pop(job.pk)


def _groups(jobs: list[Job], numbers: dict[int, int], size: int) -> Iterator[list[Job]]:
    """Neighbours that together have at most `size` rows; one that has more stands alone."""
    group: list[Job] = []
    total = 0
    for job in jobs:
        number = numbers.get(job.pk, 0)
        if group and total + number > size:
            yield group
            group, total = [], 0
        group.append(job)
        total += number
    if group:
        yield group


def named_files(jobs: list[Job]) -> Iterator[list[NamedFile]]:
    named = [_names(job) for job in jobs]
    wanted = {name for names in named for _, name in names}
    places = {job.connection_id for job in jobs}
    rows = File.objects.filter(connection__in=places, provider_id__in=wanted).defer("content")
    known = {(row.connection_id, row.provider_id): row for row in rows} if wanted else {}
    for job, names in zip(jobs, named, strict=True):
        yield [
            NamedFile(role, name, known.get((job.connection_id, name[:200])))
            for role, name in names
        ]


def _names(job: Job) -> list[tuple[str, str]]:
    """(role, provider id), without the same file twice in one role."""
    results: list[Any] = job.result_files
    named = [("training", job.training_file), ("validation", job.validation_file)]
    named += [("result", name) for name in results if isinstance(name, str)]
    return list(dict.fromkeys((role, name) for role, name in named if name))


def twins(jobs: JobQuerySet) -> frozenset[tuple[int, str]]:
    """(connection, lower-case id) of jobs whose ids differ by upper and lower case only."""
    groups = jobs.order_by().annotate(low=Lower("provider_id")).values("connection_id", "low")
    many = groups.annotate(number=Count("pk")).filter(number__gt=1)
    return frozenset(many.values_list("connection_id", "low"))
