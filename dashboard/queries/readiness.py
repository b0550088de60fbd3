"""Whether the site is fit to be used (/readyz): the facts, and the words for what is wrong."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from django.db import Error as DatabaseTrouble
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from alerts.models import Channel
from dashboard.broker import broker_answers
from dashboard.crews import crews
from dashboard.models import Heartbeat
from dashboard.queries import overdue, waiting
from jobs.models import Connection, Health, Transition

TROUBLED = (Health.OUT_OF_QUOTA, Health.REJECTED, Health.UNREADABLE, Health.UNREACHABLE)
START_GRACE = timedelta(seconds=60)
SWEEP_PATIENCE = timedelta(seconds=60)
ANNOUNCE_PATIENCE = timedelta(seconds=30)
STARTED_AT = (
    timezone.now()
)  # gunicorn loads the site before it forks, so this is the start of the set


@dataclass(frozen=True, slots=True)
class Readiness:
    """`reasons`: why not ready, one word each. `degraded`: what is wrong elsewhere, with counts and no names.

    `ages`: seconds, 0 where nothing waits; no sweep yet is None.
    """

    reasons: tuple[str, ...]
    degraded: dict[str, int]
    ages: dict[str, float | None] = field(default_factory=dict)


def readiness(now: datetime) -> Readiness:
    """The time-based reasons count only a minute after the start, when everything had its first turn."""
    try:
        if _misses_migrations():
            return Readiness(("migrations_missing",), {})
        notes = list(Heartbeat.objects.all())
        alert_lag = waiting.longest_overdue(waiting.queues(now), now)
        reasons = () if is_starting(now) else _late_work(notes, alert_lag, now)
        return Readiness(reasons, _degraded(notes, now), _ages(notes, alert_lag, now))
    except DatabaseTrouble:
        return Readiness(("database_unusable",), {})


def is_starting(now: datetime) -> bool:
    return now - STARTED_AT <= START_GRACE


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


def _late_work(notes: Iterable[Heartbeat], alert_lag: timedelta, now: datetime) -> tuple[str, ...]:
    checks = {
        "sweep_late": is_sweep_late(notes, now),
        "poll_overdue": overdue.is_behind(now),
        "transition_unannounced": unannounced(now - ANNOUNCE_PATIENCE).exists(),
        "alert_overdue": alert_lag > waiting.PATIENCE,
    }
    return tuple(reason for reason, is_wrong in checks.items() if is_wrong)


def is_sweep_late(notes: Iterable[Heartbeat], now: datetime) -> bool:
    """A sweep that hangs at slow providers is at work, not late."""
    parts = Heartbeat.Part
    return not any(
        (note.part == parts.SWEEP and now - note.at < SWEEP_PATIENCE)
        or (note.part == parts.POLL and note.is_busy and not note.is_late(now))
        for note in notes
    )


def unannounced(before: datetime | None = None) -> QuerySet[Transition]:
    """Changes no alert was made of yet. `before`: those that were recorded earlier."""
    rows = Transition.objects.filter(announced_at=None)
    return rows.filter(recorded_at__lt=before) if before else rows


def swept_at(notes: Iterable[Heartbeat]) -> datetime | None:
    return next((note.at for note in notes if note.part == Heartbeat.Part.SWEEP), None)


def _ages(
    notes: Iterable[Heartbeat], alert_lag: timedelta, now: datetime
) -> dict[str, float | None]:
    swept, due = swept_at(notes), overdue.oldest_due(now)
    return {
        "oldest_unsent_alert_s": _seconds(alert_lag),
        "sweep_age_s": _seconds(now - swept) if swept else None,
        "poll_lag_s": _seconds(now - due) if due else 0.0,
    }


def _seconds(span: timedelta) -> float:
    return max(round(span.total_seconds(), 1), 0.0)


def _degraded(notes: Iterable[Heartbeat], now: datetime) -> dict[str, int]:
    troubled = Q(health__in=TROUBLED)
    counts = Connection.objects.polled().aggregate(
        connections_troubled=Count("pk", filter=troubled)
    )
    counts["channels_failing"] = Channel.objects.enabled().filter(failures__gt=0).count()
    counts["parts_silent"] = sum(len(crew.silent) for crew in crews(notes, now))
    counts["broker_down"] = 0 if broker_answers() else 1
    return {name: number for name, number in counts.items() if number}
