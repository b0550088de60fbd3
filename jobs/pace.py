"""Who may be asked now: the gate of each connection, shared by all workers through its row.

A cap, a provider's own count that is nearly used up, and a trial after a trouble all close the same
gate (`paced_until`). It is read, decided on and moved under the lock of the row, so that several
workers together keep to one cap.
"""

import math
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Q

from jobs import health, manners
from jobs.claims import database_now
from jobs.ledger import Said
from jobs.models import Connection, Health
from jobs.questions import JobQuestion, Question

JOB_COST = 3  # a job, its events, its checkpoints; what is not used is given back
LOOK_EVERY_S = 1.0
TRIAL = timedelta(
    seconds=60
)  # longer than one question with all that follows; only a death lets it run out
LEAST_REST_S = 0.2


def cost_of(question: Question) -> int:
    """Requests that are paid for before a question is asked."""
    return JOB_COST if isinstance(question, JobQuestion) else 1


@dataclass(frozen=True, slots=True)
class _Trial:
    """`closed`: the gate while it lasts. `after`: the gate once it has ended."""

    closed: datetime
    after: datetime


@dataclass(slots=True)
class Pace:
    """The gates as one run sees them. `note` may be called from any thread."""

    _caps: dict[int, int] = field(default_factory=dict)  # requests a minute, by connection
    _on_trial: dict[int, int] = field(default_factory=dict)  # its bad answers in a row
    _trials: dict[int, _Trial] = field(default_factory=dict)  # those of this run, under way
    _good: Counter[int] = field(default_factory=Counter)  # trials that went well, in a row
    _made: Counter[int] = field(default_factory=Counter)  # requests
    _paid: Counter[int] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _room: dict[int, int] = field(default_factory=dict)
    _looked_at: float = -math.inf

    def know(self, connection: Connection) -> None:
        """Takes in what the row says, as it was claimed."""
        pk = connection.pk
        if connection.requests_per_minute:
            self._caps[pk] = connection.requests_per_minute
        if manners.is_on_trial(connection.health, connection.trouble_count):
            self._on_trial[pk] = connection.trouble_count
            self._good[pk] = connection.good_count

    def note(self, connection_id: int) -> None:
        """A request was made."""
        with self._lock:
            self._made[connection_id] += 1

    def room(self) -> dict[int, int]:
        """Connections of which only so many jobs may be claimed now; 0 while a gate is closed.

        One that is slowed down must not fill the queue with jobs that then only wait.
        """
        if time.monotonic() - self._looked_at > LOOK_EVERY_S:
            self._looked_at, self._room = time.monotonic(), _read_room()
        return dict(self._room)

    def took(self, connection_id: int, number: int) -> None:
        """So much of the room is used."""
        self._room[connection_id] = max(self._room.get(connection_id, 0) - number, 0)

    def is_on_trial(self, connection_id: int) -> bool:
        return connection_id in self._on_trial

    def tries_jobs(self, connection_id: int) -> bool:
        """Whether the next trial is a job rather than the list: sometimes one of the two is ill."""
        return self._on_trial.get(connection_id, 0) % 2 == 1

    def may_start(self, question: Question) -> bool:
        """Passes the gate, and pays for the question. True at once where there is no gate."""
        pk, cost = question.connection_id, cost_of(question)
        if pk not in self._caps and pk not in self._on_trial:
            return True
        with transaction.atomic():
            row = _locked(pk)
            if row is None:  # removed meanwhile: the answer will find no row either
                return True
            now = database_now()
            if not self._is_free(pk, row.paced_until, now, cost):
                return False
            gate = self._after(pk, row.paced_until, now, cost)
            if pk in self._on_trial:
                trial = _Trial(max(gate, now + TRIAL), gate)
                self._trials[pk], gate = trial, trial.closed
            Connection.objects.filter(pk=pk).update(paced_until=gate)
        self._paid[pk] += cost
        return True

    def _is_free(self, pk: int, gate: datetime | None, now: datetime, cost: int) -> bool:
        if pk not in self._caps:
            return manners.is_open(gate, now)
        return manners.free_questions(gate, now, manners.rate_of(self._caps[pk]), cost) > 0

    def _after(self, pk: int, gate: datetime | None, now: datetime, number: int) -> datetime:
        if pk not in self._caps:
            return now
        return manners.after_requests(gate, now, manners.rate_of(self._caps[pk]), number)

    def settle(self, connection_id: int, *, is_idle: bool) -> None:
        """Pays for requests beyond those expected; takes back the rest when nothing is under way."""
        if connection_id not in self._caps:
            return
        with self._lock:
            owed = self._made[connection_id] - self._paid[connection_id]
            if owed == 0 or (owed < 0 and not is_idle):
                return
            self._paid[connection_id] += owed
        with transaction.atomic():
            row = _locked(connection_id)
            if row is not None:
                gate = self._after(connection_id, row.paced_until, database_now(), owed)
                Connection.objects.filter(pk=connection_id).update(paced_until=gate)

    def end_trial(self, connection_id: int, *, is_good: bool | None) -> None:
        """Opens the gate again; two good trials in a row close the breaker. None: it says nothing."""
        if connection_id not in self._on_trial:
            return
        if trial := self._trials.pop(connection_id, None):
            mine = Connection.objects.filter(pk=connection_id, paced_until=trial.closed)
            mine.update(paced_until=trial.after)
        if is_good is not None:
            self._good[connection_id] = self._good[connection_id] + 1 if is_good else 0
        if self._good[connection_id] >= health.GOOD_TO_RECOVER:
            del self._on_trial[connection_id]
        self._looked_at = -math.inf

    def rest(self, connection_id: int, said: Said | None) -> bool:
        """Closes the gate when the provider's own count is nearly used up; True while it is."""
        if said is None:
            return False
        age_s = (datetime.now(UTC) - said.at).total_seconds()
        left_s = manners.rest_s(said.limits) - age_s
        if left_s < LEAST_REST_S:
            return False
        until = database_now() + timedelta(seconds=left_s)
        is_earlier = Q(paced_until=None) | Q(paced_until__lt=until)
        Connection.objects.filter(is_earlier, pk=connection_id).update(paced_until=until)
        return True


def _locked(pk: int) -> Connection | None:
    rows = Connection.objects.filter(pk=pk).only("pk", "paced_until")
    return rows.select_for_update(of=("self",)).first()


def _read_room() -> dict[int, int]:
    slowed = Q(requests_per_minute__gt=0) | Q(trouble_count__gte=manners.FAILURES_TO_OPEN)
    slowed |= ~Q(health__in=(Health.OK, Health.NEW))
    rows = Connection.objects.polled().filter(slowed)
    now = database_now()
    return {row.pk: _room_of(row, now) for row in rows.only(*_READ)}


_READ = (
    *("pk", "requests_per_minute", "wait_until", "paced_until"),
    *("health", "trouble_count"),
)


def _room_of(row: Connection, now: datetime) -> int:
    if not (manners.is_open(row.paced_until, now) and manners.is_open(row.wait_until, now)):
        return 0
    if manners.is_on_trial(row.health, row.trouble_count) or not row.requests_per_minute:
        return 1
    rate = manners.rate_of(row.requests_per_minute)
    return manners.free_questions(row.paced_until, now, rate, JOB_COST)
