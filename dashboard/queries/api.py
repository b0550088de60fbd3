"""What /api/jobs/{id}/... reads: the history of one job, oldest first, a page at a time.

Each page is cut by a cursor that is part of its last row, so that a reader who keeps it gets only what came since.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet

from alerts.models import Delivery
from dashboard import cursors
from jobs.models import File, Job, Point, PointSource, Snapshot, Transition

Row = dict[str, Any]


class BadCursor(ValueError):
    """`after` is not a cursor of this list."""


@dataclass(frozen=True, slots=True)
class Part:
    """One page. `next`: the cursor behind its last row, "" when there is none."""

    data: list[Row]
    has_more: bool
    next: str


Reader = Callable[[Job, int, str], Part]


def snapshots(job: Job, limit: int, after: str) -> Part:
    return _by_id(Snapshot.objects.filter(job=job), limit, after, _snapshot)


def transitions(job: Job, limit: int, after: str) -> Part:
    return _by_id(Transition.objects.filter(job=job), limit, after, _transition)


def deliveries(job: Job, limit: int, after: str) -> Part:
    rows = Delivery.objects.filter(transition__job=job).select_related("channel", "transition")
    return _by_id(rows, limit, after, _delivery)


def files(job: Job, limit: int, after: str) -> Part:
    ids = [job.training_file, job.validation_file, *job.result_files]
    rows = File.objects.filter(
        connection=job.connection_id, provider_id__in=[name for name in ids if name]
    )
    return _by_id(rows.defer("content"), limit, after, _file)


def points(job: Job, limit: int, after: str) -> Part:
    """By step, then metric. The cursor is `<step>:<metric>`: a point has no id of its own."""
    rows = Point.objects.filter(job=job).order_by("step", "metric")
    if after:
        step, metric = _step_and_metric(after)
        rows = rows.filter(Q(step__gt=step) | Q(step=step, metric__gt=metric))
    found = list(rows[: limit + 1])
    last = found[:limit][-1] if found else None
    cursor = f"{last.step!r}:{last.metric}" if last and len(found) > limit else ""
    return Part([_point(row) for row in found[:limit]], len(found) > limit, cursor)


READERS: dict[str, Reader] = {
    "snapshots": snapshots,
    "transitions": transitions,
    "points": points,
    "files": files,
    "deliveries": deliveries,
}


def _by_id(rows: QuerySet[Any], limit: int, after: str, shape: Callable[[Any], Row]) -> Part:
    if after:
        number = cursors.whole(after)
        if number is None:
            raise BadCursor(after)
        rows = rows.filter(pk__gt=number)
    found = list(rows.order_by("pk")[: limit + 1])
    has_more = len(found) > limit
    return Part(
        [shape(row) for row in found[:limit]],
        has_more,
        str(found[limit - 1].pk) if has_more else "",
    )


def _step_and_metric(after: str) -> tuple[float, str]:
    step, colon, metric = after.partition(":")
    try:
        number = float(step)
    except ValueError:
        raise BadCursor(after) from None
    if not colon or number != number or number in {float("inf"), float("-inf")}:  # noqa: PLR0124 - NaN differs from itself
        raise BadCursor(after)
    return number, metric


def _snapshot(row: Snapshot) -> Row:
    return {
        "id": row.pk,
        "source": row.source,
        "first_seen_at": iso(row.first_seen_at),
        "last_seen_at": iso(row.last_seen_at),
        "seen_count": row.seen_count,
        "is_late": row.is_late,
        "job": json.loads(row.body),
    }


def _transition(row: Transition) -> Row:
    return {
        "id": row.pk,
        "kind": row.kind,
        "from": row.from_state or None,
        "to": row.to_state,
        "raw_status": row.raw_status or None,
        "reason": row.reason or None,
        "happened_at": iso(row.happened_at),
        "recorded_at": iso(row.recorded_at),
        "rings": row.rings,
    }


def _point(row: Point) -> Row:
    source = PointSource(row.source).label
    return {
        "step": row.step,
        "metric": row.metric,
        "value": row.value,
        "source": source,
        "seen_at": iso(row.seen_at),
    }


def _file(row: File) -> Row:
    return {
        "id": row.pk,
        "file_id": row.provider_id,
        "filename": row.filename or None,
        "purpose": row.purpose or None,
        "bytes": row.size_bytes,
        "created_at": iso(row.created_at),
        "expires_at": iso(row.expires_at),
        "content": row.fetch,
        "content_bytes": row.content_bytes,
        "sha256": row.sha256 or None,
        "columns": row.columns,
        "row_count": row.row_count,
    }


def _delivery(row: Delivery) -> Row:
    return {
        "id": row.pk,
        "key": str(row.key),
        "transition": row.transition_id,
        "to": row.about,
        "channel": row.channel.name,
        "kind": row.channel.kind,
        "state": row.state,
        "reason": row.reason or None,
        "failures": row.failures,
        "digest_key": str(row.digest_key) if row.digest_key else None,
        "is_urgent": row.is_urgent,
        "created_at": iso(row.created_at),
        "next_attempt_at": iso(row.next_attempt_at)
        if row.state == Delivery.State.PENDING
        else None,
        "sent_at": iso(row.sent_at),
    }


def iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None
