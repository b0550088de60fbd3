"""Stores what belongs to a job besides itself: events, points, checkpoints, files."""

import hashlib
import math
import zlib
from collections.abc import Iterable
from datetime import datetime

from jobs import curves, progress
from jobs.fetch import Answer, FetchedFile
from jobs.models import Checkpoint, Event, File, Job, Point, PointSource
from providers import wire
from providers.errors import Forbidden, Missing, TooLarge
from providers.results import read_result_file

Points = Iterable[wire.Point]
Key = tuple[str, float]  # metric, step
Merged = dict[Key, tuple[float, PointSource]]  # -> value and source
Told = Iterable[tuple[PointSource, Points]]  # the worse source first
ROUNDING = 1e-3  # of a value: events and result files have other numbers of digits


def store(job: Job, answer: Answer, now: datetime) -> bool:
    """Adds what is new to the job's rows; True when anything was. The caller saves the job."""
    events = _store_events(job, answer.events)
    checkpoints = _store_checkpoints(job, answer.checkpoints, now)
    files = [_store_file(job, file, now) for file in answer.files]
    _note_steps(job, answer.events)
    told = (
        (PointSource.EVENT, [point for event in answer.events for point in event.points]),
        (PointSource.CHECKPOINT, [point for saved in answer.checkpoints for point in saved.points]),
        (PointSource.RESULT_FILE, [point for points in files for point in points]),
    )
    has_points = _store_points(job, told, now)
    if has_points:
        curves.refresh(job)
    if events or checkpoints or has_points:
        progress.note(job, now)
    _note_reading(job, answer.read, now)
    return bool(events or checkpoints or answer.files)


def _store_events(job: Job, events: list[wire.Event]) -> int:
    """Oldest first, so that rows of one second keep the order of arrival."""
    if not events:
        return 0
    known = set(_known(job.events, [event.id for event in events]))
    fresh = {event.id: event for event in reversed(events) if event.id not in known}
    Event.objects.bulk_create(
        [
            Event(
                job=job,
                provider_id=event.id,
                created_at=event.created_at,
                level=event.level,
                raw_level=event.raw_level[:20],
                type=event.type[:20],
                message=event.message,
                body=event.data,
            )
            for event in sorted(fresh.values(), key=_event_time)
        ],
        ignore_conflicts=True,
    )
    return len(fresh)


def _event_time(event: wire.Event) -> float:
    return event.created_at.timestamp() if event.created_at else 0.0


def _store_checkpoints(job: Job, checkpoints: list[wire.Checkpoint], now: datetime) -> int:
    """The provider keeps the last few only; those it dropped stay here, last seen earlier."""
    if not checkpoints:
        return 0
    ids = [saved.id for saved in checkpoints]
    known = set(_known(job.checkpoints, ids))
    job.checkpoints.filter(provider_id__in=ids).update(last_seen_at=now)
    fresh = {saved.id: saved for saved in checkpoints if saved.id not in known}
    Checkpoint.objects.bulk_create(
        [
            Checkpoint(
                job=job,
                provider_id=saved.id,
                created_at=saved.created_at,
                step=saved.step,
                model=(saved.model or "")[:300],
                metrics=dict(saved.metrics),
                last_seen_at=now,
            )
            for saved in fresh.values()
        ],
        ignore_conflicts=True,
    )
    return len(fresh)


def _known(related: object, ids: list[str]) -> list[str]:
    return list(related.filter(provider_id__in=ids).values_list("provider_id", flat=True))  # type: ignore[attr-defined]  # events and checkpoints alike


def _store_file(job: Job, fetched: FetchedFile, now: datetime) -> Points:
    """Writes the file's row; gives the points of a result file that could be read."""
    file, _ = File.objects.get_or_create(
        connection=job.connection, provider_id=fetched.id[:200], defaults={"first_seen_at": now}
    )
    if fetched.said:
        _note_description(file, fetched.said)
    points: Points = ()
    if fetched.error:
        _note_absence(file, fetched)
    elif fetched.content is not None:
        points = _keep_content(file, fetched.content, now)
    file.save()
    return points


def _note_description(file: File, said: wire.File) -> None:
    file.filename = (said.filename or "")[:300]
    file.purpose = (said.purpose or "")[:60]
    file.status = (said.status or "")[:40]
    file.size_bytes, file.created_at, file.expires_at = said.bytes, said.created_at, said.expires_at
    file.raw = dict(said.raw)


def _note_absence(file: File, fetched: FetchedFile) -> None:
    """A content we hold outlives the provider's copy."""
    if file.content is not None or fetched.error is None:
        return
    outcomes = {
        Missing: File.Fetch.GONE,
        Forbidden: File.Fetch.REFUSED,
        TooLarge: File.Fetch.TOO_LARGE,
    }
    wanted = File.Fetch.WANTED if fetched.is_result else File.Fetch.METADATA
    file.fetch = outcomes.get(type(fetched.error), wanted)
    file.fetch_reason = fetched.error.message


def _keep_content(file: File, content: bytes, now: datetime) -> Points:
    read = read_result_file(content)
    file.content, file.content_bytes = zlib.compress(content), len(content)
    file.sha256 = hashlib.sha256(content).hexdigest()
    file.kind, file.encoding = read.kind, read.encoding
    file.columns, file.row_count = list(read.columns), read.row_count
    file.skipped_rows, file.fetch_reason = read.skipped_rows, read.reason
    file.fetch, file.fetched_at = File.Fetch.STORED, now
    return read.points


def _note_reading(job: Job, parts: set[str], now: datetime) -> None:
    """When these parts were last asked for and answered, with something new or without."""
    if "events" in parts:
        job.events_read_at = now
    if "checkpoints" in parts:
        job.checkpoints_read_at = now


def _note_steps(job: Job, events: list[wire.Event]) -> None:
    steps = [event.step for event in events if event.step is not None]
    totals = [event.total_steps for event in events if event.total_steps]
    job.step = max([*steps, job.step or 0]) or None
    job.total_steps = max(totals) if totals else job.total_steps


def _merged(told: Told) -> tuple[Merged, set[Key]]:
    """The best source of each point, and which of them corrected another."""
    merged: Merged = {}
    corrected = set()
    for source, points in told:
        for point in points:
            key = point.metric[:200], point.step
            before = merged.get(key)
            if before and before[1] < source and is_other(before[0], point.value):
                corrected.add(key)
            merged[key] = point.value, source
    return merged, corrected


def is_other(before: float, after: float) -> bool:
    """Whether two sources disagree, and do not only round in different ways."""
    return not math.isclose(before, after, rel_tol=ROUNDING, abs_tol=ROUNDING**2)


def _store_points(job: Job, told: Told, now: datetime) -> bool:
    """One row per metric and step; a better source overwrites a worse one, never the reverse."""
    merged, corrected = _merged(told)
    if not merged:
        return False
    known = Point.objects.filter(job=job, metric__in={metric for metric, _ in merged})
    for metric, step, value, source in known.values_list("metric", "step", "value", "source"):
        came = merged.get((metric, step))
        if came and (came == (value, source) or came[1] < source):
            del merged[metric, step]
        elif came and came[1] > source and is_other(value, came[0]):
            corrected.add((metric, step))
    job.corrected_points += len(corrected & merged.keys())
    Point.objects.bulk_create(
        [
            Point(job=job, metric=metric, step=step, value=value, source=source, seen_at=now)
            for (metric, step), (value, source) in merged.items()
        ],
        update_conflicts=True,
        unique_fields=["job", "metric", "step"],
        update_fields=["value", "source", "seen_at"],
        batch_size=500,
    )
    return bool(merged)
