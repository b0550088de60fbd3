"""The sweep without a broker: what `manage.py sweep` runs, by hand or in place of the workers.

In a loop it stands by: it acts only while nobody else has swept for three ticks, so that it can run
beside the workers and takes over when they or their broker are gone.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections

from alerts import hints, outbox
from dashboard import auditor
from dashboard.heartbeats import Part, beat
from dashboard.models import Heartbeat
from jobs.claims import database_now
from jobs.poll import poll_due
from jobs.repricing import reprice_due
from jobs.retention import prune_due
from jobs.watch import watch

TICK_S = 5.0
ALERT_TICK_S = 1.0  # no hint wakes it, so it looks more often
SILENCE = timedelta(seconds=3 * TICK_S)

log = structlog.get_logger(__name__)


def sweep_once() -> tuple[int, int, int]:
    """Polls, watches, announces and delivers what is due: answers taken, alerts made, alerts sent."""
    taken = poll_due()
    prune_due()
    reprice_due()
    watch()
    announced = outbox.announce_all()
    sent = outbox.deliver_all().sent
    beat(Part.SWEEP)
    return taken, announced, sent


class Standby:
    """Polls in one thread and alerts in another, so that a hanging provider holds back no message."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.noted: datetime | None = None  # the sweep we noted ourselves
        self.audited_at = time.monotonic()
        self.watch_at = 0.0

    def run(self) -> None:
        """Returns when `stop` is called."""
        alerting = threading.Thread(
            target=self._every, args=(ALERT_TICK_S, self._alert), name="alerts"
        )
        alerting.start()
        self._every(TICK_S, self._poll)
        alerting.join()

    def stop(self, *_signal: object) -> None:
        """From another thread: as a signal handler it may interrupt the very wait it would end."""
        threading.Thread(target=self.stopping.set).start()

    def is_needed(self) -> bool:
        """Nobody but us has swept lately."""
        last = Heartbeat.objects.filter(part=Part.SWEEP).values_list("at", flat=True).first()
        return last is None or last == self.noted or database_now() - last > SILENCE

    def _poll(self) -> None:
        poll_due()
        prune_due()
        reprice_due()
        beat(Part.SWEEP)
        self.noted = Heartbeat.objects.filter(part=Part.SWEEP).values_list("at", flat=True).first()

    def _alert(self) -> None:
        if time.monotonic() >= self.watch_at:
            self.watch_at = time.monotonic() + settings.WATCH_SECONDS
            watch()
        outbox.announce_all()
        outbox.deliver_all()
        self._audit_sometimes()

    def _audit_sometimes(self) -> None:
        """Like the workers, not at the very start: what was left undone before gets its first turn."""
        if time.monotonic() - self.audited_at < settings.AUDIT_SECONDS:
            return
        self.audited_at = time.monotonic()
        try:
            auditor.audit_due()
        except Exception:
            # Its report grows old, which is the alarm; alerts must go out all the same.
            log.exception("audit failed")

    def _every(self, tick_s: float, act: Callable[[], None]) -> None:
        while not self.stopping.is_set():
            close_old_connections()
            try:
                if self.is_needed():
                    act()
                hints.note_failures()
            except DatabaseError as error:
                log.warning("sweep_failed", error=str(error))
            self.stopping.wait(tick_s)
        close_old_connections()
