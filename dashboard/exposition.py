"""What Prometheus reads at /metrics.

The site, the workers and beat are processes apart, often machines apart. So nothing is counted in
memory: each figure is read from the database when it is asked for, into a registry of that one
answer. It does not matter who answers, and a restart loses no count. No label carries a name, but
for the slugs that an operator's token opens.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db import connection
from django.db.models import Count, Sum
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector, CollectorRegistry

from accounts.models import Team
from alerts import hints
from dashboard import alert_families, disk, latency
from dashboard.broker import broker_answers
from dashboard.context import running_version
from dashboard.crews import crews
from dashboard.families import add_histogram, age_s, counter, gauge, gauges
from dashboard.models import Heartbeat
from dashboard.queries import overdue, readiness, workload
from jobs import ledger, totals
from jobs.claims import database_now
from jobs.models import Backfill, Connection, Health, Job, LatenessTally, RequestTally
from providers.states import State

FRESH_S = 2.0  # scrapes closer together than this get the same figures


def exposition(accept: str, team: Team | None = None) -> tuple[bytes, str]:
    """The page in the format that `accept` asks for, and its content type. `team`: whose slugs are told."""
    registry = CollectorRegistry()
    registry.register(_Shelved(shelf.families(team)))
    try:
        encode, content_type = choose_encoder(accept)
    except (TypeError, ValueError):  # it compares a version that is no number
        encode, content_type = choose_encoder("")
    return encode(registry), content_type


class _Shelved(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self.families = families

    def collect(self) -> Iterable[Metric]:
        return self.families


class Shelf:
    """The last reading of this process, so that many readers cost what one does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: dict[int | None, tuple[float, list[Metric]]] = {}

    def families(self, team: Team | None) -> list[Metric]:
        key = team.pk if team else None
        with self._lock:
            read_at, families = self._read.get(key, (0.0, []))
            if not families or time.monotonic() - read_at > FRESH_S:
                families = list(collect(team))
                self._read[key] = (time.monotonic(), families)
        return families

    def clear(self) -> None:
        self._read.clear()


shelf = Shelf()


def collect(team: Team | None = None) -> Iterator[Metric]:
    """All families. Raises django.db.Error when the database cannot be read."""
    now = database_now()
    build = {"version": running_version(), "database": connection.vendor}
    yield InfoMetricFamily("tunebell_build", "Version of TuneBell and its database.", build)
    for read in READERS:
        yield from read(now)
    if team:
        yield from _connections_of(team, now)


def _jobs(_now: datetime) -> Iterator[Metric]:
    numbers = dict(Job.objects.order_by().values_list("state").annotate(Count("pk")))
    states = ((state.value, numbers.get(state.value, 0)) for state in State)
    yield gauges("jobs", "Jobs known, put away ones included, by state.", "state", states)
    backfills = dict(Backfill.objects.order_by().values_list("state").annotate(Count("pk")))
    lines = ((state.value, backfills.get(state.value, 0)) for state in Backfill.State)
    yield gauges("archives", "Archives of connections by state.", "state", lines)


def _connections(_now: datetime) -> Iterator[Metric]:
    rows = Connection.objects.live().order_by().values_list("is_paused", "health")
    numbers = {(paused, health): n for paused, health, n in rows.annotate(Count("pk"))}
    watched = ((health.value, numbers.get((False, health.value), 0)) for health in Health)
    yield gauges("connections", "Connections that are polled, by health.", "health", watched)
    paused = sum(number for (is_paused, _), number in numbers.items() if is_paused)
    yield gauge("connections_paused", "Connections whose polling is paused here.", paused)


def _polling(now: datetime) -> Iterator[Metric]:
    by_interval = overdue.cuts()
    yield gauges(
        "overdue_jobs",
        "Jobs due for longer than their connection's interval and a minute, by what holds them.",
        "reason",
        overdue.causes(now, by_interval).items(),
    )
    lists = overdue.overdue_lists(now, by_interval).count()
    yield gauge(
        "overdue_lists", "Connections whose list is as late, and that wait for nothing.", lists
    )
    yield gauge(
        "oldest_due_poll_seconds",
        "Age of the oldest job poll that is due and waits for no provider.",
        age_s(overdue.oldest_due(now), now),
    )
    yield _lateness()


def _lateness() -> Metric:
    family = HistogramMetricFamily(
        "tunebell_poll_lateness_seconds",
        "How long after it was due work began: reading a list (sweep) or a job (retrieve).",
        labels=["work"],
    )
    rows = LatenessTally.objects.order_by().values_list("work", "upper_s")
    found: dict[str, dict[float, tuple[int, float]]] = {work: {} for work in LatenessTally.Work}
    for work, upper_s, number, total_s in rows.annotate(Sum("number"), Sum("total_s")):
        found[work][upper_s] = (number, total_s)
    bounds = {*ledger.BOUNDS_S, *(upper_s for sums in found.values() for upper_s in sums)}
    for work in LatenessTally.Work:
        add_histogram(family, [work.value], found[work], bounds)
    return family


def _parts(now: datetime) -> Iterator[Metric]:
    notes = list(Heartbeat.objects.all())
    parts = crews(notes, now)
    yield gauges(
        "part_up",
        "1 while a worker of a part (poll, alerts, beat) is seen at work; missing if none ever was.",
        "part",
        ((crew.part, float(bool(crew.well))) for crew in parts),
    )
    yield gauges(
        "part_workers",
        "Workers of a part that are seen at work.",
        "part",
        ((crew.part, len(crew.well)) for crew in parts),
    )
    yield gauges(
        "part_workers_silent",
        "Workers of a part that are not seen any more, and not yet taken for gone.",
        "part",
        ((crew.part, len(crew.silent)) for crew in parts),
    )
    yield gauges(
        "heartbeat_age_seconds",
        "Age of the newest sign of life of a part, of whichever worker it came from.",
        "part",
        ((crew.part, age_s(crew.newest.at, now)) for crew in parts),
    )
    swept = [age_s(note.at, now) for note in notes if note.part == Heartbeat.Part.SWEEP]
    yield gauge("sweep_age_seconds", "Age of the last sweep that ended.", next(iter(swept), None))
    yield gauge("broker_up", "1 while the broker answers.", float(broker_answers()))


def _room(_now: datetime) -> Iterator[Metric]:
    below = disk.of_database()
    text = "Free bytes of the disk below the SQLite file; missing where the database is elsewhere."
    yield gauge("disk_free_bytes", text, below.free if below else None)
    yield gauge("disk_bytes", "Size of that disk.", below.total if below else None)
    text = "Size of the database, without its log that is written ahead."
    yield gauge("database_bytes", text, disk.database_bytes())


def _requests(_now: datetime) -> Iterator[Metric]:
    labels = ["capability", "outcome"]
    number = CounterMetricFamily("tunebell_requests", "Requests to all providers.", labels=labels)
    seconds = CounterMetricFamily(
        "tunebell_request_seconds", "Time they took to be answered.", labels=labels
    )
    for key, sums in sorted(totals.requests().items()):
        number.add_metric(key, sums.number)
        seconds.add_metric(key, sums.elapsed_ms / 1000)
    yield number
    yield seconds


def _counts(_now: datetime) -> Iterator[Metric]:
    numbers = workload.counts()
    for name, text in COUNTERS.items():
        yield counter(name, text, numbers.get(name, 0))


COUNTERS = {
    ledger.STALE_WRITES: "Results dropped because another worker had taken over the row.",
    latency.DIGESTS_SENT: "Messages that carried several alerts at once.",
    hints.FAILED: "Wake-ups of the alert worker that the broker did not take; no alert is lost by it.",
}


READERS = (
    *(_jobs, _connections, _polling, _parts, _room, _requests),
    *(alert_families.alerts, alert_families.latency, alert_families.audit, alert_families.rings),
    _counts,
)


def _connections_of(team: Team, now: datetime) -> Iterator[Metric]:
    """By slug, which is unique within a team only: so of one team at a time."""
    rows = list(Connection.objects.for_team(team).polled().order_by("slug"))
    yield gauges(
        "connection_up",
        "0 while a connection cannot be seen: unreachable, unreadable, rejected or out of quota.",
        "connection",
        ((row.slug, float(row.health not in readiness.TROUBLED)) for row in rows),
    )
    yield gauges(
        "connection_last_good_answer_age_seconds",
        "Age of the last answer of a connection that could be used; missing before the first.",
        "connection",
        ((row.slug, age_s(row.last_good_at, now)) for row in rows if row.last_good_at),
    )
    asked = CounterMetricFamily(
        "tunebell_connection_requests",
        "Requests to the provider of a connection.",
        labels=["connection", "outcome"],
    )
    tallies = RequestTally.objects.for_team(team).order_by()
    sums = tallies.values_list("connection__slug", "outcome").annotate(Sum("number"))
    for slug, outcome, number in sums:
        asked.add_metric([slug, outcome], number)
    yield asked
