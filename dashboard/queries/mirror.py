"""What the /v1 mirror reads: observed jobs, events, checkpoints and files, in the provider's own wire form."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Exists, F, Model, OuterRef, Q, QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from accounts.models import Team
from jobs.models import Checkpoint, Connection, Event, File, Job, Snapshot

M = TypeVar("M", bound=Model)
Wire = dict[str, Any]


class NotFound(Exception):
    """Nothing of this team has that id. The argument is the id."""


class Ambiguous(Exception):
    """The id was seen on several connections. The argument is their slugs."""

    def __init__(self, slugs: Iterable[str]) -> None:
        self.slugs = sorted(slugs)
        super().__init__(", ".join(self.slugs))


@dataclass(frozen=True, slots=True)
class WirePage:
    data: list[Wire]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """One page of jobs. `metadata` None: any; empty: jobs without metadata."""

    limit: int
    after: str = ""
    connection: str = ""
    metadata: dict[str, str] | None = None


def find_job(team: Team, provider_id: str, connection: str = "") -> Job:
    """The job with the provider's id. Raises NotFound or Ambiguous."""
    return _only(Job.objects.for_team(team), provider_id, connection)


def find_file(team: Team, provider_id: str, connection: str = "") -> File:
    """The file with the provider's id. Raises NotFound or Ambiguous."""
    return _only(File.objects.for_team(team), provider_id, connection)


def _only(rows: QuerySet[M], provider_id: str, connection: str) -> M:
    asked = rows.filter(provider_id=provider_id).select_related("connection")
    if connection:
        asked = asked.filter(connection__slug=connection)
    found = list(asked.order_by("pk")[:20])
    if not found:
        raise NotFound(provider_id)
    if len(found) > 1:
        raise Ambiguous(row.connection.slug for row in found)  # type: ignore[attr-defined]  # Job or File
    return found[0]


def list_jobs(team: Team, wanted: Wanted) -> WirePage:
    """One page, newest first; a job seen on two connections is listed once. Raises NotFound."""
    rows, has_more = _page_of_jobs(_jobs_of(team, wanted), wanted)
    bodies = _newest_bodies(rows)
    return WirePage([wire_job(job, bodies.get(job.pk)) for job in rows], has_more)


def wire_of(job: Job) -> Wire:
    return wire_job(job, _newest_bodies([job]).get(job.pk))


def _jobs_of(team: Team, wanted: Wanted) -> QuerySet[Job]:
    connections = Connection.objects.for_team(team)
    if wanted.connection:
        connections = connections.filter(slug=wanted.connection)
    # By their ids, so that the look for a twin uses the index on (connection, provider id).
    ids = list(connections.values_list("pk", flat=True))
    jobs = Job.objects.for_team(team).filter(connection__in=ids)
    if len(ids) > 1:
        twin = Job.objects.filter(
            connection__in=ids, provider_id=OuterRef("provider_id"), pk__lt=OuterRef("pk")
        )
        jobs = jobs.filter(~Exists(twin))
    return _with_metadata(jobs, wanted.metadata)


def _with_metadata(jobs: QuerySet[Job], metadata: dict[str, str] | None) -> QuerySet[Job]:
    if metadata is None:
        return jobs
    if not metadata:
        return jobs.filter(metadata={})
    for number, (key, value) in enumerate(metadata.items()):
        name = f"metadata_{number}"
        jobs = jobs.alias(**{name: Cast(KeyTextTransform(key, "metadata"), TextField())}).filter(
            **{name: value}
        )
    return jobs


def _page_of_jobs(jobs: QuerySet[Job], wanted: Wanted) -> tuple[list[Job], bool]:
    dated = jobs.exclude(created_at=None).order_by(F("created_at").desc(), F("pk").desc())
    undated = jobs.filter(created_at=None).exclude(last_seen_at=None).order_by("-pk")
    if wanted.after:
        cursor = jobs.filter(provider_id=wanted.after).order_by("pk").first()
        if cursor is None:
            raise NotFound(wanted.after)
        dated, undated = _behind(dated, undated, cursor)
    rows = list(dated[: wanted.limit + 1])
    rows += list(undated[: wanted.limit + 1 - len(rows)])
    return rows[: wanted.limit], len(rows) > wanted.limit


def _behind(
    dated: QuerySet[Job], undated: QuerySet[Job], cursor: Job
) -> tuple[QuerySet[Job], QuerySet[Job]]:
    if cursor.created_at is None:
        return dated.none(), undated.filter(pk__lt=cursor.pk)
    older = Q(created_at__lt=cursor.created_at) | Q(created_at=cursor.created_at, pk__lt=cursor.pk)
    return dated.filter(older), undated


def _newest_bodies(jobs: Sequence[Job]) -> dict[int, str]:
    """The body last seen of each job: of equally new ones the retrieved one."""
    newest = Snapshot.objects.filter(job__in=jobs, is_newest=True)
    best: dict[int, Snapshot] = {}
    for snapshot in newest:
        held = best.get(snapshot.job_id)
        if held is None or _rank(snapshot) > _rank(held):
            best[snapshot.job_id] = snapshot
    return {job_id: snapshot.body for job_id, snapshot in best.items()}


def _rank(snapshot: Snapshot) -> tuple[bool, datetime, bool]:
    return not snapshot.is_late, snapshot.last_seen_at, snapshot.source == Snapshot.Source.RETRIEVE


def wire_job(job: Job, body: str | None) -> Wire:
    """The job as the API said it last, else what its row knows (added by id, not answered yet)."""
    if body is not None:
        return dict(json.loads(body))
    return {
        "id": job.provider_id,
        "object": "fine_tuning.job",
        "created_at": seconds(job.created_at),
        "finished_at": seconds(job.finished_at),
        "status": job.raw_status,
        "model": job.base_model,
        "fine_tuned_model": job.fine_tuned_model,
        "training_file": job.training_file,
        "validation_file": job.validation_file,
        "hyperparameters": job.hyperparameters,
        "organization_id": job.organization_id,
        "result_files": job.result_files,
        "seed": job.seed,
        "trained_tokens": job.trained_tokens,
        "error": None,
        "metadata": job.metadata or None,
    }


def list_events(job: Job, limit: int, after: str = "") -> WirePage:
    """One page of a job's events, newest first. Raises NotFound for an unknown `after`."""
    return _facts_page(Event.objects.filter(job=job), limit, after, wire_event)


def list_checkpoints(job: Job, limit: int, after: str = "") -> WirePage:
    """One page of a job's checkpoints, newest first. Raises NotFound for an unknown `after`."""

    def wire(row: Checkpoint) -> Wire:
        return wire_checkpoint(row, job.provider_id)

    return _facts_page(Checkpoint.objects.filter(job=job), limit, after, wire)


def _facts_page(
    rows: QuerySet[Any], limit: int, after: str, wire: Callable[[Any], Wire]
) -> WirePage:
    newest_first = rows.order_by(F("created_at").desc(nulls_last=True), F("pk").desc())
    if after:
        newest_first = _facts_behind(newest_first, after)
    found = list(newest_first[: limit + 1])
    return WirePage([wire(row) for row in found[:limit]], len(found) > limit)


def _facts_behind(rows: QuerySet[Any], after: str) -> QuerySet[Any]:
    cursor = rows.filter(provider_id=after).first()
    if cursor is None:
        raise NotFound(after)
    if cursor.created_at is None:
        return rows.filter(created_at=None, pk__lt=cursor.pk)
    same_time = Q(created_at=cursor.created_at, pk__lt=cursor.pk)
    return rows.filter(Q(created_at__lt=cursor.created_at) | same_time | Q(created_at=None))


def wire_event(row: Event) -> Wire:
    return {
        "id": row.provider_id,
        "object": "fine_tuning.job.event",
        "created_at": seconds(row.created_at),
        "level": row.raw_level or row.level,
        "message": row.message,
        "type": row.type or "message",
        "data": row.body,
    }


def wire_checkpoint(row: Checkpoint, job_id: str) -> Wire:
    return {
        "id": row.provider_id,
        "object": "fine_tuning.job.checkpoint",
        "created_at": seconds(row.created_at),
        "fine_tuned_model_checkpoint": row.model,
        "fine_tuning_job_id": job_id,
        "step_number": row.step,
        "metrics": row.metrics,
    }


def wire_file(row: File) -> Wire:
    known = {
        "id": row.provider_id,
        "object": "file",
        "bytes": row.size_bytes if row.size_bytes is not None else row.content_bytes,
        "created_at": seconds(row.created_at),
        "filename": row.filename,
        "purpose": row.purpose,
        "status": row.status or "processed",
    }
    return {**known, **row.raw, "id": row.provider_id}


def seconds(moment: datetime | None) -> int | None:
    return int(moment.timestamp()) if moment else None
