"""Whether the monitor itself is well: the facts behind /status/ and /readyz, and the verdict on them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import redis
from django.conf import settings
from django.db import Error as DatabaseTrouble
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone

from accounts.models import Team
from alerts.models import Channel, Delivery
from dashboard import heartbeats, words
from dashboard.context import running_version
from dashboard.models import BUSY_PATIENCE, Heartbeat
from jobs.models import Connection, Health, Job, Transition

TROUBLED = (Health.OUT_OF_QUOTA, Health.REJECTED, Health.UNREADABLE, Health.UNREACHABLE)
GIVEN_UP_SHOWN = timedelta(days=7)
START_GRACE = timedelta(seconds=60)
SWEEP_PATIENCE = timedelta(seconds=60)
POLL_PATIENCE = timedelta(seconds=60)
ANNOUNCE_PATIENCE = timedelta(seconds=30)
DELIVERY_PATIENCE = timedelta(seconds=60)
BROKER_PATIENCE_S = 0.5
STALE_AFTER_POLLS = 3
STARTED_AT = (
    timezone.now()
)  # gunicorn loads the site before it forks, so this is the start of the set


@dataclass(frozen=True, slots=True)
class Readiness:
    """`reasons`: why not ready, one word each. `degraded`: what is wrong elsewhere, with counts and no names."""

    reasons: tuple[str, ...]
    degraded: dict[str, int]


@dataclass(frozen=True, slots=True)
class PartLine:
    name: str
    is_well: bool
    seen_at: datetime | None
    detail: str
    is_starting: bool = False  # not seen yet, and too early to call that trouble


@dataclass(frozen=True, slots=True)
class ConnectionLine:
    slug: str
    name: str
    word: str
    is_well: bool
    is_resting: bool
    last_good_at: datetime | None
    lag: str
    next_at: datetime | None
    target_s: int


@dataclass(frozen=True, slots=True)
class StatusPage:
    verdict: str
    is_well: bool
    parts: tuple[PartLine, ...]
    connections: tuple[ConnectionLine, ...]
    oldest_waiting_at: datetime | None
    waiting: int
    given_up: int
    version: str


def readiness(now: datetime) -> Readiness:
    """The time-based reasons count only a minute after the start, when everything had its first turn."""
    try:
        if _misses_migrations():
            return Readiness(("migrations_missing",), {})
        reasons = _late_work(now) if now - STARTED_AT > START_GRACE else ()
        return Readiness(reasons, _degraded(now))
    except DatabaseTrouble:
        return Readiness(("database_unusable",), {})


@cache
def _migrated() -> list[bool]:
    return []


def _misses_migrations() -> bool:
    """Applied migrations stay applied, so a good answer is remembered; the database is asked each time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    if not _migrated():
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return True
        _migrated().append(True)
    return False


def _late_work(now: datetime) -> tuple[str, ...]:
    checks = {
        "sweep_late": _is_sweep_late(now),
        "poll_overdue": _has_overdue_poll(now),
        "transition_unannounced": _has_unannounced(now),
        "alert_overdue": _overdue(now).exists(),
    }
    return tuple(reason for reason, is_wrong in checks.items() if is_wrong)


def _is_sweep_late(now: datetime) -> bool:
    """A sweep that hangs at slow providers is at work, not late."""
    at_work = Q(part=Heartbeat.Part.POLL, is_busy=True, at__gt=now - BUSY_PATIENCE)
    swept = Q(part=Heartbeat.Part.SWEEP, at__gt=now - SWEEP_PATIENCE)
    return not Heartbeat.objects.filter(at_work | swept).exists()


def _has_overdue_poll(now: datetime) -> bool:
    latest = now - timedelta(seconds=settings.POLL_INTERVAL_SECONDS) - POLL_PATIENCE
    free = Q(wait_until=None) | Q(wait_until__lt=latest)
    watched = Connection.objects.polled().filter(free)
    jobs = Job.objects.filter(next_poll_at__lt=latest, is_paused=False, archived_at=None)
    return (
        watched.filter(next_sweep_at__lt=latest).exists()
        or jobs.filter(connection__in=watched).exists()
    )


def _has_unannounced(now: datetime) -> bool:
    return Transition.objects.filter(
        announced_at=None, recorded_at__lt=now - ANNOUNCE_PATIENCE
    ).exists()


def _overdue(now: datetime) -> QuerySet[Delivery]:
    waiting = Delivery.objects.filter(
        state=Delivery.State.PENDING, next_attempt_at__lt=now - DELIVERY_PATIENCE
    )
    return waiting.filter(channel__is_enabled=True, channel__failures=0)


def _degraded(now: datetime) -> dict[str, int]:
    troubled = Q(health__in=TROUBLED)
    counts = Connection.objects.polled().aggregate(
        connections_troubled=Count("pk", filter=troubled)
    )
    counts["channels_failing"] = Channel.objects.enabled().filter(failures__gt=0).count()
    counts["parts_silent"] = len(heartbeats.late_parts(Heartbeat.objects.all(), now))
    counts["broker_down"] = 0 if broker_answers() else 1
    return {name: number for name, number in counts.items() if number}


def broker_answers() -> bool:
    client = redis.Redis.from_url(
        settings.CELERY_BROKER_URL,
        socket_connect_timeout=BROKER_PATIENCE_S,
        socket_timeout=BROKER_PATIENCE_S,
        retry=None,
    )
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def status_page(team: Team, now: datetime) -> StatusPage:
    parts, connections = tuple(_parts(now)), tuple(_connections(team, now))
    counts = _delivery_counts(team)
    silent = [part.name for part in parts if not part.is_well]
    bad = [line for line in connections if not line.is_well]
    return StatusPage(
        verdict=_verdict(silent, bad, connections, counts["given_up"]),
        is_well=not silent and not bad and not counts["given_up"],
        parts=parts,
        connections=connections,
        oldest_waiting_at=counts["oldest"],
        waiting=counts["waiting"],
        given_up=counts["given_up"],
        version=running_version(),
    )


def _verdict(
    silent: list[str], bad: list[ConnectionLine], lines: tuple[ConnectionLine, ...], given_up: int
) -> str:
    if silent:
        return f"Not seen: {', '.join(silent).lower()}."
    if bad:
        return f"{len(bad)} of {words.counted(len(lines), 'connection')} need a look."
    if given_up:
        return f"{words.counted(given_up, 'alert was', 'alerts were')} given up in the last 7 days."
    return "All well."


def _parts(now: datetime) -> Iterator[PartLine]:
    """The database answered, or there would be no page."""
    notes = {note.part: note for note in Heartbeat.objects.all()}
    is_covered = heartbeats.has_standby(notes.values(), now)
    if is_covered:
        yield _part_line("Sweep without broker", notes[Heartbeat.Part.SWEEP], now)
    for part in (Heartbeat.Part.POLL, Heartbeat.Part.ALERTS, Heartbeat.Part.BEAT):
        if part in notes or not is_covered:
            yield _part_line(str(part.label), notes.get(part), now)
    broker = broker_answers()
    yield PartLine(
        "Broker", broker, now if broker else None, "Answers" if broker else "Does not answer"
    )
    yield PartLine(
        "Database",
        True,
        now,
        connection.vendor.replace("sqlite", "SQLite").replace("postgresql", "PostgreSQL"),
    )


def _part_line(name: str, note: Heartbeat | None, now: datetime) -> PartLine:
    if note is None:
        is_new = now - STARTED_AT <= START_GRACE
        return PartLine(name, is_new, None, "Starting" if is_new else "Never seen", is_new)
    if note.is_late(now):
        return PartLine(name, False, note.at, "Not seen lately")
    return PartLine(name, True, note.at, "At work" if note.is_busy else "Well")


def _connections(team: Team, now: datetime) -> Iterator[ConnectionLine]:
    for row in Connection.objects.for_team(team).live().order_by("name"):
        target_s = row.poll_interval_s or settings.POLL_INTERVAL_SECONDS
        lag = now - (row.last_good_at or row.created_at)
        is_resting = row.is_paused or row.health == Health.LIMITED
        is_stale = lag > STALE_AFTER_POLLS * timedelta(seconds=target_s) + timedelta(seconds=5)
        yield ConnectionLine(
            slug=row.slug,
            name=row.name,
            word=_word(row, is_stale=is_stale),
            is_well=is_resting or (row.health not in TROUBLED and not is_stale),
            is_resting=is_resting,
            last_good_at=row.last_good_at,
            lag=words.rough(max(lag.total_seconds(), 0)) if row.last_good_at else "",
            next_at=None if row.is_paused else later(row.next_sweep_at, row.wait_until),
            target_s=target_s,
        )


def _word(row: Connection, *, is_stale: bool) -> str:
    if row.is_paused:
        return "Paused"
    return (
        "Stale" if is_stale and row.health in {Health.OK, Health.NEW} else row.get_health_display()
    )


def later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(one, other) if one and other else one or other


def _delivery_counts(team: Team) -> dict[str, Any]:
    pending, dead = Q(state=Delivery.State.PENDING), Q(state=Delivery.State.DEAD)
    recent = Q(created_at__gt=timezone.now() - GIVEN_UP_SHOWN)
    return (
        Delivery.objects.for_team(team)
        .filter(pending | dead & recent)
        .aggregate(
            waiting=Count("pk", filter=pending),
            oldest=Min("created_at", filter=pending),
            given_up=Count("pk", filter=dead & recent),
        )
    )
