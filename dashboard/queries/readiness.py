"""Whether the site is fit to be used (/readyz): the facts, and the words for what is wrong."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from django.db import Error as DatabaseTrouble
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from alerts.models import Channel, Delivery
from dashboard.broker import broker_answers
from dashboard.crews import crews
from dashboard.models import BUSY_PATIENCE, Heartbeat
from dashboard.queries import overdue
from jobs.models import Connection, Health, Transition

TROUBLED = (Health.OUT_OF_QUOTA, Health.REJECTED, Health.UNREADABLE, Health.UNREACHABLE)
START_GRACE = timedelta(seconds=60)
SWEEP_PATIENCE = timedelta(seconds=60)
ANNOUNCE_PATIENCE = timedelta(seconds=30)
DELIVERY_PATIENCE = timedelta(seconds=60)
STARTED_AT = (
    timezone.now()
)  # gunicorn loads the site before it forks, so this is the start of the set


@dataclass(frozen=True, slots=True)
class Readiness:
    """`reasons`: why not ready, one word each. `degraded`: what is wrong elsewhere, with counts and no names."""

    reasons: tuple[str, ...]
    degraded: dict[str, int]


def readiness(now: datetime) -> Readiness:
    """The time-based reasons count only a minute after the start, when everything had its first turn."""
    try:
        if _misses_migrations():
            return Readiness(("migrations_missing",), {})
        reasons = () if is_starting(now) else _late_work(now)
        return Readiness(reasons, _degraded(now))
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


def _late_work(now: datetime) -> tuple[str, ...]:
    checks = {
        "sweep_late": _is_sweep_late(now),
        "poll_overdue": overdue.is_behind(now),
        "transition_unannounced": unannounced(now - ANNOUNCE_PATIENCE).exists(),
        "alert_overdue": _overdue_alerts(now).exists(),
    }
    return tuple(reason for reason, is_wrong in checks.items() if is_wrong)


def _is_sweep_late(now: datetime) -> bool:
    """A sweep that hangs at slow providers is at work, not late."""
    at_work = Q(part=Heartbeat.Part.POLL, is_busy=True, at__gt=now - BUSY_PATIENCE)
    swept = Q(part=Heartbeat.Part.SWEEP, at__gt=now - SWEEP_PATIENCE)
    return not Heartbeat.objects.filter(at_work | swept).exists()


def unannounced(before: datetime) -> QuerySet[Transition]:
    return Transition.objects.filter(announced_at=None, recorded_at__lt=before)


def _overdue_alerts(now: datetime) -> QuerySet[Delivery]:
    waiting = Delivery.objects.pending().filter(next_attempt_at__lt=now - DELIVERY_PATIENCE)
    return waiting.filter(channel__is_enabled=True, channel__failures=0)


def _degraded(now: datetime) -> dict[str, int]:
    troubled = Q(health__in=TROUBLED)
    counts = Connection.objects.polled().aggregate(
        connections_troubled=Count("pk", filter=troubled)
    )
    counts["channels_failing"] = Channel.objects.enabled().filter(failures__gt=0).count()
    counts["parts_silent"] = sum(len(crew.silent) for crew in crews(Heartbeat.objects.all(), now))
    counts["broker_down"] = 0 if broker_answers() else 1
    return {name: number for name, number in counts.items() if number}
