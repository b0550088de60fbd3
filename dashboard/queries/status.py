"""/status/: whether the monitor itself is well, and what the team's jobs have to wait for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Min, Q

from accounts.models import Team
from alerts import hints
from alerts.models import Channel, Delivery
from dashboard import words
from dashboard.broker import depths
from dashboard.context import running_version
from dashboard.crews import Crew, crews, has_standby
from dashboard.models import Heartbeat
from dashboard.queries import workload
from dashboard.queries.audit import AuditView, Trouble, audit_view, last_report, trouble
from dashboard.queries.overdue import LateJobs, late_jobs
from dashboard.queries.readiness import TROUBLED, is_starting, swept_at
from dashboard.queries.storage import Storage, storage
from dashboard.queries.troubles import next_try_at
from dashboard.queries.waiting import held_channels
from jobs import ledger, schedule
from jobs.models import Backfill, Connection, Health

STALE_AFTER_POLLS = 3
WORKERS_SHOWN = 20
QUEUES = ("poll", "alerts")
WELL, AT_WORK, SILENT = "Well", "At work", "Not seen lately"


@dataclass(frozen=True, slots=True)
class WorkerLine:
    name: str
    word: str
    look: str  # a state whose shape and colour fit
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class PartLine:
    """`workers`: where there is more than one, silent ones first; `more` of them are not shown."""

    name: str
    is_well: bool
    seen_at: datetime | None
    detail: str
    is_starting: bool = False  # not seen yet, and too early to call that trouble
    trouble: str = ""  # whom nobody saw, where that is not all of the part
    workers: tuple[WorkerLine, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class ConnectionLine:
    slug: str
    name: str
    word: str
    is_well: bool
    is_resting: bool
    last_good_at: datetime | None
    full_list_at: datetime | None
    next_at: datetime | None
    target_s: int


@dataclass(frozen=True, slots=True)
class ArchiveLine:
    """An archive that is not complete. `listed`: jobs on the pages read so far."""

    slug: str
    name: str
    is_paused: bool
    listed: int
    trouble: str


@dataclass(frozen=True, slots=True)
class Pulse:
    """How the whole installation keeps up. No names, so every team may see it.

    `queues`: tasks that no worker took yet, by queue; empty when the broker does not answer.
    """

    swept_at: datetime | None
    since: datetime
    lateness: tuple[workload.Lateness, ...]
    stale_writes: int
    hints_failed: int
    queues: dict[str, int]


@dataclass(frozen=True, slots=True)
class AlertCounts:
    """`oldest_at`: when the oldest alert that waits was made. `held`: of those, by quiet hours or a rate.

    `given_up`: and not dismissed, of any time, as the jobs list warns of it.
    """

    waiting: int
    held: int
    oldest_at: datetime | None
    given_up: int


@dataclass(frozen=True, slots=True)
class StatusPage:
    verdict: str
    is_well: bool
    late: LateJobs
    parts: tuple[PartLine, ...]
    connections: tuple[ConnectionLine, ...]
    archives: tuple[ArchiveLine, ...]
    pulse: Pulse
    requests: tuple[workload.Outcome, ...]
    alerts: AlertCounts
    audit: AuditView
    storage: Storage
    version: str


def status_page(team: Team, now: datetime) -> StatusPage:
    notes = list(Heartbeat.objects.all())
    rows = list(Connection.objects.for_team(team).live().order_by("name"))
    queued, report = depths(QUEUES), last_report()
    parts = tuple(_parts(notes, now, has_broker=queued is not None))
    lines = tuple(_connection_line(row, now) for row in rows)
    late, alerts = late_jobs(rows, notes, now), _alert_counts(team, now)
    audit, room = trouble(report, notes, now), storage(team)
    full = room.disk.trouble if room.disk and room.is_low else ""
    verdict = full or _trouble(parts, audit, lines, late, alerts)
    return StatusPage(
        verdict=verdict or "All well",
        is_well=not verdict,
        late=late,
        parts=parts,
        connections=lines,
        archives=tuple(_archives(team)),
        pulse=_pulse(notes, queued or {}, now),
        requests=workload.requests(team, now),
        alerts=alerts,
        audit=audit_view(report, now),
        storage=room,
        version=running_version(),
    )


def _trouble(
    parts: Iterable[PartLine],
    audit: Trouble | None,
    lines: tuple[ConnectionLine, ...],
    late: LateJobs,
    alerts: AlertCounts,
) -> str:
    """The one sentence about what is wrong, the cause before its effects; "" when nothing is."""
    silent = [part.trouble or part.name for part in parts if not part.is_well]
    bad = sum(not line.is_well for line in lines)
    if silent:
        return f"Not seen: {', '.join(silent).lower()}."
    if audit:
        return audit.gravest
    if bad:
        need = "needs" if bad == 1 else "need"
        return f"{bad} of {words.counted(len(lines), 'connection')} {need} a look."
    if late.behind:
        return f"{words.counted(late.behind, 'job is', 'jobs are')} overdue."
    if alerts.given_up:
        number = words.counted(alerts.given_up, "alert was", "alerts were")
        return f"{number} given up."
    return ""


def _parts(notes: list[Heartbeat], now: datetime, *, has_broker: bool) -> Iterator[PartLine]:
    """The database answered, or there would be no page."""
    by_part = {crew.part: crew for crew in crews(notes, now)}
    is_covered = has_standby(notes, now)
    if is_covered:
        swept = next(note for note in notes if note.part == Heartbeat.Part.SWEEP)
        yield PartLine("Sweep without broker", True, swept.at, "Well")
    for part in (Heartbeat.Part.POLL, Heartbeat.Part.ALERTS, Heartbeat.Part.BEAT):
        if part in by_part:
            yield _crew_line(by_part[part])
        elif not is_covered:
            yield _unseen_line(str(part.label), now)
    word = "Answers" if has_broker else "Does not answer"
    yield PartLine("Broker", has_broker, now if has_broker else None, word)
    kind = connection.vendor.replace("sqlite", "SQLite").replace("postgresql", "PostgreSQL")
    yield PartLine(f"Database ({kind})", True, now, "Answers")


def _unseen_line(name: str, now: datetime) -> PartLine:
    is_new = is_starting(now)
    return PartLine(name, is_new, None, "Starting" if is_new else "Never seen", is_new)


def _crew_line(crew: Crew) -> PartLine:
    known, newest = len(crew.well) + len(crew.silent), crew.newest
    alone = SILENT if crew.silent else AT_WORK if newest.is_busy else WELL
    lines = list(_worker_lines(crew))
    is_alone = len(lines) == 1
    return PartLine(
        name=str(crew.part.label),
        is_well=not crew.silent,
        seen_at=newest.at,
        detail=alone if known == 1 else _count(crew),
        trouble=crew.share_silent,
        workers=() if is_alone else tuple(lines[:WORKERS_SHOWN]),
        more=max(len(lines) - WORKERS_SHOWN, 0),
    )


def _count(crew: Crew) -> str:
    known = len(crew.well) + len(crew.silent)
    if not crew.silent:
        return f"{known} workers"
    return f"{len(crew.silent)} of {known} not seen"


def _worker_lines(crew: Crew) -> Iterator[WorkerLine]:
    for note in crew.silent:
        yield WorkerLine(note.worker, SILENT, "failed", note.at)
    for note in sorted(crew.well, key=lambda note: note.worker):
        yield WorkerLine(note.worker, AT_WORK if note.is_busy else WELL, "succeeded", note.at)
    for note in crew.gone:
        yield WorkerLine(note.worker, "Gone", "cancelled", note.at)


def _connection_line(row: Connection, now: datetime) -> ConnectionLine:
    target_s = round(schedule.sweep_interval_s(row))
    lag = now - (row.last_good_at or row.created_at)
    is_pacing = row.paced_until is not None and row.paced_until > now
    is_resting = row.is_paused or is_pacing or row.health == Health.LIMITED
    is_stale = lag > STALE_AFTER_POLLS * timedelta(seconds=target_s) + timedelta(seconds=5)
    return ConnectionLine(
        slug=row.slug,
        name=row.name,
        word=_word(row, is_stale=is_stale),
        is_well=is_resting or (row.health not in TROUBLED and not is_stale),
        is_resting=is_resting,
        last_good_at=row.last_good_at,
        full_list_at=row.last_full_sweep_at,
        next_at=None if row.is_paused else next_try_at(row, now),
        target_s=target_s,
    )


def _word(row: Connection, *, is_stale: bool) -> str:
    if row.is_paused:
        return "Paused"
    return (
        "Stale" if is_stale and row.health in {Health.OK, Health.NEW} else row.get_health_display()
    )


def _archives(team: Team) -> Iterator[ArchiveLine]:
    under_way = Backfill.objects.for_team(team).exclude(state=Backfill.State.DONE)
    for row in under_way.filter(connection__archived_at=None).select_related("connection"):
        yield ArchiveLine(
            slug=row.connection.slug,
            name=row.connection.name,
            is_paused=row.state == Backfill.State.PAUSED,
            listed=row.listed_count,
            trouble=row.trouble,
        )


def _pulse(notes: Iterable[Heartbeat], queued: dict[str, int], now: datetime) -> Pulse:
    counts = workload.counts()
    return Pulse(
        swept_at=swept_at(notes),
        since=workload.since(now),
        lateness=workload.lateness(now),
        stale_writes=counts.get(ledger.STALE_WRITES, 0),
        hints_failed=counts.get(hints.FAILED, 0),
        queues=queued,
    )


def _alert_counts(team: Team, now: datetime) -> AlertCounts:
    pending, dead = Q(state=Delivery.State.PENDING), Q(state=Delivery.State.DEAD)
    held = Q(quiet_until__gt=now) | Q(
        channel__in=held_channels(Channel.objects.for_team(team), now)
    )
    # Both states are named: without statistics SQLite would read all of the team's.
    named = Delivery.objects.for_team(team).unsent().filter(state__in=["pending", "dead"])
    rows = named.filter(dismissed_at=None)
    counts: dict[str, Any] = rows.aggregate(
        waiting=Count("pk", filter=pending),
        held=Count("pk", filter=pending & held),
        oldest_at=Min("created_at", filter=pending),
        given_up=Count("pk", filter=dead),
    )
    return AlertCounts(**counts)
