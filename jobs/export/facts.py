"""The rows of a job as plain values: what one object of an export says. docs/export.md describes it."""

from typing import Any

import orjson
from django.db.models import Model

from jobs.export.reading import NamedFile
from jobs.labels import tags_of
from jobs.models import (
    Checkpoint,
    Connection,
    Estimate,
    Event,
    Job,
    Point,
    PointSource,
    Snapshot,
    Transition,
)

Facts = dict[str, Any]
SAID = (  # as the provider said it last
    "state", "raw_status", "base_model", "fine_tuned_model", "suffix", "method", "training_file",
    "validation_file", "result_files", "seed", "organization_id", "trained_tokens", "created_at",
    "finished_at", "estimated_finish", "error_code", "error_message", "error_param", "error_extra",
    "hyperparameters", "requested", "method_details", "metadata", "integrations", "restarted_from",
    "step", "total_steps",
)  # fmt: skip
OURS = (
    "train_loss", "valid_loss", "best_valid_loss", "reward", "first_seen_at", "last_seen_at",
    "changed_at", "ended_at", "settled_at", "is_missing", "missing_since", "archived_at",
)  # fmt: skip
TRANSITION = (
    "kind", "from_state", "to_state", "raw_status", "reason", "happened_at", "recorded_at", "rings",
)  # fmt: skip
FILE = (
    "filename", "purpose", "status", "size_bytes", "created_at", "expires_at", "fetch",
    "fetch_reason", "content_bytes", "sha256", "kind", "encoding", "columns", "row_count",
    "skipped_rows", "first_seen_at", "fetched_at", "raw",
)  # fmt: skip


def dump(facts: Facts, *, is_pretty: bool = False) -> bytes:
    """JSON, UTF-8. Times are ISO 8601 in UTC; a number that is not finite is null."""
    return orjson.dumps(facts, option=orjson.OPT_UTC_Z | (orjson.OPT_INDENT_2 if is_pretty else 0))


def picked(row: Model, names: tuple[str, ...]) -> Facts:
    return {name: getattr(row, name) for name in names}


def connection_facts(connection: Connection) -> Facts:
    return picked(connection, ("slug", "name", "dialect", "base_url"))


def job_facts(job: Job) -> Facts:
    said = {"id": job.provider_id, **picked(job, SAID), **picked(job, OURS)}
    people = {"tags": list(tags_of(job.tags)), "note": job.note}
    return {**said, "cost_usd_estimate": job.cost_usd, **people}


def snapshot_facts(snapshot: Snapshot) -> Facts:
    """`job`: the JSON as the API said it, byte by byte but for line breaks between its parts."""
    names = ("source", "first_seen_at", "last_seen_at", "seen_count", "is_newest", "is_late")
    return {**picked(snapshot, names), "job": orjson.Fragment(snapshot.body.replace("\n", " "))}


def transition_facts(transition: Transition) -> Facts:
    return picked(transition, TRANSITION)


def estimate_facts(estimate: Estimate) -> Facts:
    return picked(estimate, ("estimated_finish", "seen_at"))


def event_facts(event: Event) -> Facts:
    names = ("created_at", "level", "raw_level", "type", "message")
    return {"id": event.provider_id, **picked(event, names), "data": event.body}


def checkpoint_facts(checkpoint: Checkpoint) -> Facts:
    names = ("created_at", "step", "model", "metrics", "first_seen_at", "last_seen_at")
    return {"id": checkpoint.provider_id, **picked(checkpoint, names)}


def point_facts(point: Point) -> Facts:
    names = ("metric", "step", "value", "seen_at")
    return {**picked(point, names), "source": PointSource(point.source).label}


def file_facts(file: NamedFile) -> Facts:
    """A file that was never looked up has a role and an id."""
    return {
        "role": file.role,
        "id": file.provider_id,
        **(picked(file.row, FILE) if file.row else {}),
    }
