"""Wakes the alert worker right after a commit. Only an accelerator: the sweep is the guarantee.

The broker is asked by a thread of its own, so that neither a page nor a poll ever waits for it,
and a burst of transitions becomes one message or two.
"""

import os
import threading
import time
from typing import TYPE_CHECKING, Any

import structlog
from django.core.signals import request_finished
from django.db import DatabaseError, connection

from jobs.ledger import raise_count
from jobs.signals import transition_recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery import Task

QUIET_S = 5.0  # after a failed publish the broker is left alone for so long
FAILED = "hints_failed"  # the counter of the machine face

log = structlog.get_logger(__name__)


def _alert_task() -> "Task[..., object]":
    from alerts.tasks import announce_due  # noqa: PLC0415  # tasks import the models

    return announce_due


class Bell:
    """At most one wake-up is on its way; one more is kept for what came meanwhile.

    `task`: finds what is sent to the worker that shall wake.
    """

    def __init__(self, task: "Callable[[], Task[..., object]]" = _alert_task) -> None:
        self._task = task
        self._rung = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._quiet_until = 0.0
        self.options: dict[str, Any] = {}  # of the publish, e.g. another broker
        self.published = 0
        self.failed = 0
        self._unnoted = 0  # of those that failed, not in the database yet

    def ring(self) -> None:
        if time.monotonic() < self._quiet_until:
            return
        self._rung.set()
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="hints", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._rung.wait()
            self._rung.clear()
            self._publish()

    def _publish(self) -> None:
        try:
            self._task().apply_async(retry=False, ignore_result=True, **self.options)
            self.published += 1
        except Exception as error:  # noqa: BLE001  # a hint may be lost, whatever the broker does
            self.failed += 1
            self.owe(1)
            self._quiet_until = time.monotonic() + QUIET_S
            log.warning("hint not sent", error=type(error).__name__, failed=self.failed)

    def owe(self, number: int) -> None:
        """So many failures more are to be written down."""
        with self._lock:
            self._unnoted += number

    def take_owed(self) -> int:
        """How many are; they are the caller's now."""
        with self._lock:
            number, self._unnoted = self._unnoted, 0
        return number


bell = Bell()


class _Alarm:
    """Rings the bell once, at the earliest of the times it was set to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._at = 0.0

    def set(self, wait_s: float) -> None:
        at = time.monotonic() + wait_s
        with self._lock:
            if self._timer is not None and self._timer.is_alive():
                if self._at <= at:
                    return
                self._timer.cancel()
            self._timer, self._at = threading.Timer(wait_s, ring), at
            self._timer.daemon = True
            self._timer.start()


alarm = _Alarm()


def connect() -> None:
    """Have every recorded transition wake the alert worker."""
    transition_recorded.connect(_on_transition, dispatch_uid="alerts.hints")
    request_finished.connect(note_failures, dispatch_uid="alerts.hints.failures")


def ring() -> None:
    """Wake the alert worker. Neither waits nor raises; the wake-up may be lost."""
    bell.ring()


def ring_in(wait_s: float) -> None:
    """Wake the alert worker later, if this process lives so long; the sweep comes in any case."""
    alarm.set(wait_s)


def note_failures(**_signal: object) -> None:
    """Writes down how many wake-ups failed. Never raises; what cannot be written now waits.

    Called where a process is between two pieces of work: the thread that publishes has no business
    in the database, and a write inside somebody's transaction could break it or vanish with it.
    """
    number = 0 if connection.in_atomic_block else bell.take_owed()
    if not number:
        return
    try:
        raise_count(FAILED, number)
    except DatabaseError as error:
        bell.owe(number)
        log.warning("count_kept_for_later", name=FAILED, error=str(error))


def _on_transition(**_signal: object) -> None:
    ring()


def _forget_thread() -> None:
    """Threads do not survive a fork."""
    global bell, alarm  # the one bell of this process
    bell, alarm = Bell(), _Alarm()


os.register_at_fork(after_in_child=_forget_thread)
