"""Watches the jobs that move for what lasts too long or goes wrong, and tells when it begins and ends.

Reading and deciding take no lock. Jobs of which something is to be written are locked, read and
decided again, so that of several workers one writes, and nobody rings for a state that a poll has
just ended. What rings is a Transition; a condition that began before we watched is a row only.
"""

import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import F

from jobs import conditions, curves, health, history, raising, retirements
from jobs.claims import database_now
from jobs.conditions import Facts, Kind, Open, Step, Verdict
from jobs.history import Stay
from jobs.models import Condition, Connection, Job
from jobs.record import announce_later, touch_team
from providers.states import State

# 10,000 jobs take 0.7 s. A storm takes its time over several runs: the worker has alerts to send.
BUDGET_S = 5.0
BATCH = 500  # jobs read together
WRITTEN_AT_ONCE = 100  # in one transaction: SQLite has one writer at a time, and polls are waiting
OLD = timedelta(
    hours=2
)  # a job seen longer ago is not judged; the longest planned pause is an hour
OLD_POLLS = 3  # or so many of its connection's intervals, where these are longer
FLAGGED = frozenset({Kind.STUCK, Kind.NO_PROGRESS})  # what pins a job and passes the filter

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Watched:
    """What one run did. `failed`: jobs that could not be judged; the others were."""

    looked: int = 0
    raised: int = 0
    resolved: int = 0
    failed: int = 0


class _Row(NamedTuple):
    """The columns that a job is judged by."""

    pk: int
    team_id: int
    connection_id: int
    state: str
    base_model: str
    method: str | None
    created_at: datetime | None
    state_since: datetime | None
    first_seen_at: datetime
    last_seen_at: datetime | None
    retrieved_at: datetime | None
    events_read_at: datetime | None
    progressed_at: datetime | None
    longest_gap_s: float | None
    step: float | None
    total_steps: int | None
    headline_metric: str
    curve: list[float]
    train_curve: list[float] | None
    planned_finish: datetime | None
    estimated_finish: datetime | None
    archived_at: datetime | None
    is_paused: bool
    is_missing: bool
    trouble_count: int
    flags: str
    stuck_since: datetime | None


@dataclass(frozen=True, slots=True)
class _Judged:
    row: _Row
    facts: Facts
    verdicts: tuple[Verdict, ...]

    @property
    def flags(self) -> str:
        """The kinds that are open once the verdicts are written, the worst first."""
        ended = {one.kind for one in self.verdicts if one.step is Step.RESOLVE}
        begun = {one.kind for one in self.verdicts if one.step is Step.RAISE}
        open_ = (self.facts.open.keys() | begun) - ended
        return " ".join(kind.value for kind in Kind if kind in open_)

    @property
    def is_changed(self) -> bool:
        return bool(self.verdicts) or self.flags != self.row.flags


def watch(budget_s: float = BUDGET_S) -> Watched:
    """Judges all jobs that move or have an open condition; begins nothing new after `budget_s`."""
    run = _Run(database_now(), time.monotonic() + budget_s)
    for portion in run.portions():
        if time.monotonic() > run.ends_at:
            log.warning("watch_cut_short", looked=run.tally.looked)
            break
        run.judge(portion)
    run.watch_models()
    return run.tally


@dataclass(slots=True)
class _Run:
    now: datetime
    ends_at: float
    tally: Watched = field(default_factory=Watched)
    connections: dict[int, Connection] = field(default_factory=dict)
    usual: dict[Stay, conditions.Usual | None] = field(default_factory=dict)
    models: set[tuple[int, str]] = field(default_factory=set)  # in use: connection and base model

    def __post_init__(self) -> None:
        self.connections = Connection.objects.in_bulk()

    def portions(self) -> Iterator[list[int]]:
        """In another order each time, so that a run that is cut short leaves out others."""
        moving = Job.objects.filter(next_poll_at__isnull=False).order_by()
        known = Condition.objects.filter(resolved_at=None, job__isnull=False)
        ids = set(moving.values_list("pk", flat=True))
        ids.update(pk for pk in known.values_list("job_id", flat=True) if pk is not None)
        listed = sorted(ids)
        starts = list(range(0, len(listed), BATCH))
        random.shuffle(starts)
        return (listed[start : start + BATCH] for start in starts)

    def judge(self, ids: list[int]) -> None:
        """What cannot be read or written together is taken one by one: one row stops no other."""
        try:
            changed = [one.row.pk for one in self._judged(ids) if one.is_changed]
            for start in range(0, len(changed), WRITTEN_AT_ONCE):
                self._write(changed[start : start + WRITTEN_AT_ONCE])
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            if len(ids) == 1:
                self.tally.failed += 1
                log.exception("job_not_judged", job=ids[0])
                return
            for pk in ids:
                self.judge([pk])
            return
        self.tally.looked += len(ids)

    def _judged(self, ids: Sequence[int], *, locked: bool = False) -> list[_Judged]:
        jobs = Job.objects.filter(pk__among=list(ids)).order_by("pk")
        if locked:
            jobs = jobs.select_for_update(no_key=True, of=("self",))
        rows = [_Row(*columns) for columns in jobs.values_list(*_Row._fields)]
        open_, raised = _conditions_of([row.pk for row in rows])
        facts = [self._facts(row, open_[row.pk], raised[row.pk]) for row in rows]
        self._look_up(
            [
                _stay_of(row)
                for row, one in zip(rows, facts, strict=True)
                if conditions.wants_usual(one)
            ]
        )
        return [self._decided(row, one) for row, one in zip(rows, facts, strict=True)]

    def _decided(self, row: _Row, facts: Facts) -> _Judged:
        if not facts.state.is_over:
            self.models.add((row.connection_id, row.base_model))
        known = replace(facts, usual=self.usual.get(_stay_of(row)))
        return _Judged(row, known, conditions.decide(known))

    def _look_up(self, stays: Iterable[Stay]) -> None:
        """The usual stays that this run has not asked for yet."""
        unknown = set(stays) - self.usual.keys()
        if unknown:
            self.usual |= dict.fromkeys(unknown) | history.usual_stays(unknown)

    def _facts(self, row: _Row, open_: Mapping[Kind, Open], raised: Mapping[Kind, int]) -> Facts:
        connection = self.connections.get(row.connection_id)
        seen_at = row.last_seen_at or row.first_seen_at
        train, valid = curves.losses(row.headline_metric, row.curve, row.train_curve)
        return Facts(
            state=State(row.state),
            seen_at=seen_at,
            read_at=row.events_read_at or row.retrieved_at or seen_at,
            first_seen_at=row.first_seen_at,
            is_seen=self._is_seen(row, connection),
            is_watched=row.archived_at is None and not (connection and connection.archived_at),
            created_at=row.created_at,
            state_since=row.state_since,
            progressed_at=row.progressed_at,
            longest_gap_s=row.longest_gap_s,
            step=row.step,
            total_steps=row.total_steps,
            is_rewarded=row.method == "reinforcement",
            train_losses=train,
            valid_losses=valid,
            planned_finish=row.planned_finish,
            estimated_finish=row.estimated_finish,
            open=open_,
            raised=raised,
        )

    def _is_seen(self, row: _Row, connection: Connection | None) -> bool:
        if connection is None or connection.health != health.OK or connection.is_paused:
            return False
        if row.is_paused or row.is_missing or row.trouble_count or row.last_seen_at is None:
            return False
        polls = timedelta(seconds=OLD_POLLS * (connection.poll_interval_s or 0))
        return self.now - row.last_seen_at <= max(OLD, polls)

    def _write(self, ids: Sequence[int]) -> None:
        with transaction.atomic():
            teams, rings = set(), False
            for one in self._judged(ids, locked=True):
                if one.is_changed and self._write_job(one):
                    teams.add(one.row.team_id)
                    rings = rings or any(verdict.rings for verdict in one.verdicts)
            for team_id in sorted(teams):
                touch_team(team_id)
            if rings:
                announce_later()

    def _write_job(self, one: _Judged) -> bool:
        """Each job under a savepoint of its own."""
        try:
            with transaction.atomic():
                for verdict in one.verdicts:
                    _write_verdict(one.row, verdict)
                _flag(one, self.now)
        except IntegrityError:  # a row that somebody wrote without the lock says the same
            log.info("condition_was_there", job=one.row.pk)
            return False
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            self.tally.failed += 1
            log.exception("condition_not_written", job=one.row.pk)
            return False
        self.tally.raised += sum(verdict.step is Step.RAISE for verdict in one.verdicts)
        self.tally.resolved += sum(verdict.step is Step.RESOLVE for verdict in one.verdicts)
        return True

    def watch_models(self) -> None:
        try:
            raised, resolved = retirements.watch_retirements(self.models, self.now)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            self.tally.failed += 1
            log.exception("models_not_watched")
            return
        self.tally.raised += raised
        self.tally.resolved += resolved


def _stay_of(row: _Row) -> Stay:
    return Stay(row.team_id, row.state, row.base_model)


def _conditions_of(
    job_ids: Sequence[int],
) -> tuple[Mapping[int, Mapping[Kind, Open]], Mapping[int, Mapping[Kind, int]]]:
    """By job: the open ones, and how often each kind was raised and resolved before."""
    open_: dict[int, dict[Kind, Open]] = defaultdict(dict)
    raised: dict[int, Counter[Kind]] = defaultdict(Counter)
    rows = Condition.objects.filter(job__id__among=list(job_ids))
    for pk, kind, since, facts, resolved_at in rows.values_list(
        "job_id", "kind", "since", "facts", "resolved_at"
    ):
        if resolved_at is None:
            open_[pk][Kind(kind)] = raising.opened(since, facts)
        else:
            raised[pk][Kind(kind)] += 1
    return open_, raised


def _write_verdict(row: _Row, verdict: Verdict) -> None:
    about = raising.About(row.connection_id, verdict.kind.value, job_id=row.pk)
    saying = raising.Saying(verdict.reason, verdict.facts, verdict.rings, verdict.since)
    if verdict.step is Step.RAISE:
        raising.begin(about, saying)
    elif verdict.step is Step.TELL:
        raising.tell(about, saying)
    else:
        raising.end(about, saying)


def _flag(one: _Judged, now: datetime) -> None:
    """What lists show. The job itself did not change, so `changed_at` stays."""
    is_flagged = bool(FLAGGED & {Kind(name) for name in one.flags.split()})
    stuck_since = (one.row.stuck_since or now) if is_flagged else None
    Job.objects.filter(pk=one.row.pk).update(
        flags=one.flags, stuck_since=stuck_since, version=F("version") + 1
    )
