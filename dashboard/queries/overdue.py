"""Which jobs are looked at too late, and why. /status/ lists them, /readyz and /metrics judge by the same rule."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Case, CharField, Count, Q, QuerySet, Value, When, Window

from dashboard import words
from dashboard.models import Heartbeat
from jobs.claims import POLL_LEASE
from jobs.models import Connection, Health, Job

PATIENCE = timedelta(seconds=60)
SHOWN = 20
WAITING, PACING, CLAIMED, BEHIND = CAUSES = ("waiting", "pacing", "claimed", "behind")
OURS = (CLAIMED, BEHIND)  # no provider and no cap holds these back
WHY_WAITING = {
    Health.LIMITED: "The provider asked us to wait",
    Health.OUT_OF_QUOTA: "The connection is out of quota",
    Health.REJECTED: "The key is rejected",
    Health.UNREADABLE: "Its answers cannot be read",
    Health.UNREACHABLE: "The provider is unreachable",
}


@dataclass(frozen=True, slots=True)
class LateJob:
    """`why` is followed by `at` where there is one: "The key is rejected; next try", in 20 min."""

    job_id: str
    name: str
    slug: str
    connection: str
    seen_at: datetime | None
    why: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class LateJobs:
    """Up to 20 lines. `total`: of all; `behind`: of those that nothing but us holds back."""

    lines: tuple[LateJob, ...]
    total: int
    behind: int

    @property
    def more(self) -> int:
        return self.total - len(self.lines)


def cuts() -> dict[int | None, timedelta]:
    """How long after its due time a poll is overdue, by the interval of its connection (None: the default)."""
    own = Connection.objects.polled().values_list("poll_interval_s", flat=True).distinct()
    return {seconds: patience(seconds) for seconds in own.order_by()}


def patience(interval_s: int | None) -> timedelta:
    return timedelta(seconds=interval_s or settings.POLL_INTERVAL_SECONDS) + PATIENCE


def overdue_jobs(now: datetime, by_interval: dict[int | None, timedelta]) -> QuerySet[Job]:
    """Watched jobs due for longer than their connection's interval and a minute."""
    late, shortest = Q(pk__in=[]), min(by_interval.values(), default=PATIENCE)
    for seconds, wait in by_interval.items():
        late |= Q(connection__poll_interval_s=seconds, next_poll_at__lt=now - wait)
    return Job.objects.filter(
        late,
        next_poll_at__lt=now - shortest,  # what the index is searched by
        connection__is_paused=False,
        connection__archived_at=None,
        is_paused=False,
        archived_at=None,
    )


def causes(now: datetime, by_interval: dict[int | None, timedelta]) -> dict[str, int]:
    """How many overdue jobs each cause holds; all causes are named."""
    rows = overdue_jobs(now, by_interval).annotate(cause=_cause(now)).order_by()
    return dict.fromkeys(CAUSES, 0) | dict(rows.values_list("cause").annotate(Count("pk")))


def is_behind(now: datetime) -> bool:
    """Whether a list or a job is overdue that no provider and no cap holds back."""
    by_interval = cuts()
    jobs = overdue_jobs(now, by_interval).annotate(cause=_cause(now)).filter(cause__in=OURS)
    return overdue_lists(now, by_interval).exists() or jobs.exists()


def overdue_lists(now: datetime, by_interval: dict[int | None, timedelta]) -> QuerySet[Connection]:
    """Connections whose list is as late, and that wait for nothing. A list that is being read is not late."""
    late = Q(pk__in=[])
    for seconds, wait in by_interval.items():
        late |= Q(poll_interval_s=seconds, next_sweep_at__lt=now - wait)
    return (
        Connection.objects.polled()
        .filter(late)
        .exclude(_lately("wait_until", now) | _lately("paced_until", now) | Q(lease_until__gt=now))
    )


def abandoned(now: datetime) -> int:
    """Lists and jobs that a worker claimed and left, that nobody took since, and that wait for nothing."""
    run_out = Q(lease_until__lt=now - 2 * POLL_LEASE)
    lists = Connection.objects.polled().filter(run_out, next_sweep_at__lte=now)
    jobs = Job.objects.filter(
        run_out,
        next_poll_at__lte=now,
        connection__is_paused=False,
        connection__archived_at=None,
        is_paused=False,
        archived_at=None,
    )
    waiting, pacing = (
        _lately("connection__wait_until", now),
        _lately("connection__paced_until", now),
    )
    free_lists = lists.exclude(_lately("wait_until", now) | _lately("paced_until", now))
    return free_lists.count() + jobs.exclude(waiting | pacing).count()


def oldest_due(now: datetime) -> datetime | None:
    """When the longest-waiting watched job was due that no provider and no cap holds back."""
    due = Job.objects.filter(next_poll_at__lte=now, is_paused=False, archived_at=None)
    watched = due.filter(connection__is_paused=False, connection__archived_at=None)
    free = watched.annotate(cause=_cause(now)).filter(cause__in=OURS)
    return free.order_by("next_poll_at").values_list("next_poll_at", flat=True).first()


def _cause(now: datetime) -> Case:
    return Case(
        When(_lately("connection__wait_until", now), then=Value(WAITING)),
        When(_lately("connection__paced_until", now), then=Value(PACING)),
        When(lease_until__gt=now, then=Value(CLAIMED)),
        default=Value(BEHIND),
        output_field=CharField(),
    )


def _lately(until: str, now: datetime) -> Q:
    """That wait lasts, or ended a moment ago, so that the turn of a job cannot have come yet."""
    return Q(**{f"{until}__gt": now - PATIENCE})


def late_jobs(
    connections: Iterable[Connection], notes: Iterable[Heartbeat], now: datetime
) -> LateJobs:
    """The late jobs of these connections: overdue ones first, then those put off after a trouble of their own."""
    known = {row.pk: row for row in connections if not row.is_paused}
    by_interval = {row.poll_interval_s: patience(row.poll_interval_s) for row in known.values()}
    due = overdue_jobs(now, by_interval).filter(connection__in=known)
    overdue = _shown(due.annotate(cause=_cause(now)))
    put_off = _shown(_put_off(known, now))
    silence = poll_silence(notes, now)
    lines = [
        *(_overdue_line(job, known[job["connection_id"]], silence, now) for job in overdue),
        *(_put_off_line(job, known[job["connection_id"]]) for job in put_off),
    ]
    total = sum(rows[0]["total"] for rows in (overdue, put_off) if rows)
    behind = overdue[0]["behind"] if overdue else 0
    return LateJobs(tuple(lines[:SHOWN]), total, behind)


def _put_off(connections: Iterable[int], now: datetime) -> QuerySet[Job]:
    """Not due, because the last polls of this job alone went wrong; quarantined ones among them."""
    waiting = Job.objects.filter(connection__in=connections, next_poll_at__gt=now)
    live = waiting.filter(is_paused=False, archived_at=None, settled_at=None)
    return live.exclude(trouble="").annotate(cause=Value(""))


def _shown(rows: QuerySet[Job]) -> list[dict[str, Any]]:
    """The first rows by due time, each with the counts of all."""
    is_behind = Case(When(cause=BEHIND, then=1))
    counted = rows.annotate(total=Window(Count("pk")), behind=Window(Count(is_behind)))
    return list(counted.order_by("next_poll_at", "pk").values(*_COLUMNS)[:SHOWN])


_COLUMNS = (
    *("provider_id", "suffix", "connection_id", "last_seen_at", "next_poll_at", "lease_until"),
    *("trouble", "cause", "total", "behind"),
)


def _overdue_line(
    job: dict[str, Any], connection: Connection, silence: str, now: datetime
) -> LateJob:
    if job["cause"] == WAITING:
        why = WHY_WAITING.get(Health(connection.health), "The connection waits after a bad answer")
        return _line(job, connection, f"{why}; next try", connection.wait_until)
    if job["cause"] == PACING:
        why = "The connection keeps to its rate; next request"
        return _line(job, connection, why, connection.paced_until)
    if silence:
        return _line(job, connection, silence)
    if job["cause"] == CLAIMED:
        return _line(job, connection, "Held by a worker since", job["lease_until"] - POLL_LEASE)
    late_s = (now - job["next_poll_at"]).total_seconds()
    return _line(job, connection, f"The workers are {words.rough(late_s)} behind")


def _put_off_line(job: dict[str, Any], connection: Connection) -> LateJob:
    why = f"Put off: {job['trouble'].rstrip(' .')}; next try"
    return _line(job, connection, why, job["next_poll_at"])


def _line(
    job: dict[str, Any], connection: Connection, why: str, at: datetime | None = None
) -> LateJob:
    return LateJob(
        job_id=job["provider_id"],
        name=job["suffix"] or job["provider_id"],
        slug=connection.slug,
        connection=connection.name,
        seen_at=job["last_seen_at"],
        why=why,
        at=at,
    )


def poll_silence(notes: Iterable[Heartbeat], now: datetime) -> str:
    """Since when nobody polls, in words; "" while somebody does."""
    pollers = [note for note in notes if note.part in {Heartbeat.Part.POLL, Heartbeat.Part.SWEEP}]
    if not pollers:
        return "No poll worker was ever seen"
    if not all(note.is_late(now) for note in pollers):
        return ""
    last = max(note.at for note in pollers)
    return f"No poll worker was seen for {words.rough((now - last).total_seconds())}"
