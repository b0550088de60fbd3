"""Each worker notes that it is at work. The notes hang on Celery's signals, so the tasks know nothing of them."""

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from celery import bootsteps
from celery.signals import task_postrun, task_prerun, worker_shutdown
from celery.worker.state import reserved_requests
from django.db import DatabaseError, close_old_connections, connection
from django.db.models import Q
from django.utils import timezone

from alerts import hints
from dashboard import patience
from dashboard.broker import waiting
from dashboard.celery import app
from dashboard.models import Heartbeat
from dashboard.worker_name import name_of

if TYPE_CHECKING:
    from celery import Task
    from celery.worker.consumer import Consumer
    from kombu.asynchronous.timer import Entry

Part = Heartbeat.Part
EVERY_S = 3.0  # ticks come every 5 s, hints in bursts
TIDY_EVERY_S = 60.0
FORGOTTEN = timedelta(seconds=patience.FORGOTTEN_S)
WORKER_OF = {"jobs": Part.POLL, "alerts": Part.ALERTS, "dashboard": Part.ALERTS}
SWEEPING_TASK = "jobs.poll_due"

log = structlog.get_logger(__name__)
_last_note: dict[tuple[str, str, bool], float] = {}
_last_tidied: dict[str, float] = {}


def beat(part: str, worker: str = "", *, is_busy: bool = False) -> None:
    """Note that `worker` of `part` is at work now, at most every few seconds. Never raises for a database in trouble."""
    now = time.monotonic()
    if now - _last_note.get((part, worker, is_busy), -EVERY_S) < EVERY_S:
        return
    try:
        _write(part, worker, is_busy=is_busy)
        if now - _last_tidied.get(part, -TIDY_EVERY_S) >= TIDY_EVERY_S:
            _last_tidied[part] = now
            forget_others(part, worker)
    except DatabaseError as error:
        log.warning("heartbeat not written", part=part, error=str(error))
        return
    _last_note[part, worker, is_busy] = now
    _last_note.pop((part, worker, not is_busy), None)


def _write(part: str, worker: str, *, is_busy: bool) -> None:
    facts = {"at": timezone.now(), "is_busy": is_busy, "has_left": False}
    if not Heartbeat.objects.filter(part=part, worker=worker).update(**facts):
        note = Heartbeat(part=part, worker=worker, **facts)
        Heartbeat.objects.bulk_create([note], ignore_conflicts=True)


def forget_others(part: str, worker: str) -> None:
    """Rows of this kind that stopped or were silent for a day. Only who is at work forgets: the last silent one stays."""
    others = Heartbeat.objects.filter(part=part).exclude(worker=worker)
    others.filter(Q(has_left=True) | Q(at__lt=timezone.now() - FORGOTTEN)).delete()


def worker_name(nodename: str | None, part: str) -> str:
    return name_of(nodename or "", part, is_local=connection.vendor == "sqlite")


@task_prerun.connect
def task_begins(task: "Task[..., object]", **_: object) -> None:
    if part := WORKER_OF.get(task.name.partition(".")[0]):
        beat(part, worker_name(task.request.hostname, part), is_busy=True)
    if getattr(task.request, "celery_beat_task", False):
        machine = (task.request.origin or "").rpartition("@")[2]  # before it is the id of a process
        beat(Part.BEAT, worker_name(machine, Part.BEAT))


@task_postrun.connect
def task_ends(task: "Task[..., object]", state: str | None = None, **_: object) -> None:
    if connection.needs_rollback:
        return
    if part := WORKER_OF.get(task.name.partition(".")[0]):
        beat(part, worker_name(task.request.hostname, part))
    if task.name == SWEEPING_TASK and state == "SUCCESS":
        beat(Part.SWEEP)
    hints.note_failures()


class IdleSigns(bootsteps.StartStopStep):
    """Beside others a worker may get no task for long, so it signs while it is idle too.

    In a process of its pool: that one answers is part of the sign. Starts anew with each connection to the broker,
    and not before there is one.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)
    timer: "Entry | None" = None

    def start(self, parent: "Consumer") -> None:
        self.timer = parent.timer.call_repeatedly(patience.SIGN_S, sign_if_idle, (parent,))

    def stop(self, parent: "Consumer") -> None:  # noqa: ARG002 - Celery's interface
        if self.timer:
            self.timer.cancel()


app.steps["consumer"].add(IdleSigns)


def sign_if_idle(consumer: "Consumer") -> None:
    for queue in consumer.app.amqp.queues.consume_from:
        if not reserved_requests:
            consumer.pool.apply_async(sign_idle, (queue, consumer.hostname))


def sign_idle(queue: str, nodename: str) -> None:
    """A queue is called like its part. A worker that leaves tasks waiting is not well, so it gives no sign."""
    name = worker_name(nodename, queue)
    age_s = time.monotonic() - _last_note.get((queue, name, False), -patience.SIGN_S)
    if queue in WORKER_OF.values() and age_s >= patience.SIGN_S and waiting(queue) == 0:
        close_old_connections()
        beat(queue, name)


@worker_shutdown.connect
def worker_ends(sender: Any, **_: object) -> None:  # noqa: ANN401 - its stub lacks the name
    """Others of its kind need not miss it. When it is the last one, everybody does."""
    try:
        for part in {*WORKER_OF.values()}:
            mine = Heartbeat.objects.filter(part=part, worker=worker_name(sender.hostname, part))
            mine.update(has_left=True)
    except DatabaseError as error:
        log.warning("leaving not noted", error=str(error))
