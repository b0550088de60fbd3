"""Each part notes that it is at work. The notes hang on Celery's signals, so the tasks know nothing of them."""

import time
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from celery.signals import task_postrun, task_prerun
from django.db import DatabaseError, connection
from django.utils import timezone

from dashboard.models import Heartbeat

if TYPE_CHECKING:
    from celery import Task

Part = Heartbeat.Part
EVERY_S = 3.0  # ticks come every 5 s, hints in bursts
WORKER_OF = {"jobs": Part.POLL, "alerts": Part.ALERTS}
SWEEPING_TASK = "jobs.poll_due"

log = structlog.get_logger(__name__)
_last_note: dict[tuple[str, bool], float] = {}


def beat(part: str, *, is_busy: bool = False) -> None:
    """Note that `part` is at work now, at most every few seconds. Never raises for a database in trouble."""
    now = time.monotonic()
    if now - _last_note.get((part, is_busy), -EVERY_S) < EVERY_S:
        return
    try:
        _write(part, is_busy=is_busy)
    except DatabaseError as error:
        log.warning("heartbeat not written", part=part, error=str(error))
        return
    _last_note[part, is_busy] = now
    _last_note.pop((part, not is_busy), None)


def _write(part: str, *, is_busy: bool) -> None:
    facts = {"at": timezone.now(), "is_busy": is_busy}
    if not Heartbeat.objects.filter(part=part).update(**facts):
        Heartbeat.objects.bulk_create([Heartbeat(part=part, **facts)], ignore_conflicts=True)


@task_prerun.connect
def task_begins(task: "Task[..., object]", **_: object) -> None:
    if part := WORKER_OF.get(task.name.partition(".")[0]):
        beat(part, is_busy=True)
    if getattr(task.request, "celery_beat_task", False):
        beat(Part.BEAT)


@task_postrun.connect
def task_ends(task: "Task[..., object]", state: str | None = None, **_: object) -> None:
    if connection.needs_rollback:
        return
    if part := WORKER_OF.get(task.name.partition(".")[0]):
        beat(part)
    if task.name == SWEEPING_TASK and state == "SUCCESS":
        beat(Part.SWEEP)


def has_standby(notes: Iterable[Heartbeat], now: datetime) -> bool:
    """Whether somebody sweeps though the poll worker does not: the standby without a broker."""
    at_work = {note.part for note in notes if not note.is_late(now)}
    return Part.SWEEP in at_work and Part.POLL not in at_work


def late_parts(notes: Iterable[Heartbeat], now: datetime) -> list[Heartbeat]:
    """The notes that are too old, workers first. The last sweep is no part of its own."""
    return [note for note in notes if note.part != Part.SWEEP and note.is_late(now)]
