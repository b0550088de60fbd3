"""What the connections pages show."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts.models import Team
from dashboard import words
from dashboard.forms.connections import dialect_label, is_secret
from dashboard.queries.connection_words import (
    LOOKS,
    is_shaky,
    key_text,
    listed_names,
    look_of,
    origin_words,
    paused_words,
)
from dashboard.queries.kept import NO_JOBS, JobCounts, job_counts, kept_words
from dashboard.queries.traffic import Answered, Traffic, answered_share, traffic
from jobs import manners, schedule
from jobs.actions import Action
from jobs.models import Connection, Health, Job, Transition
from providers.states import State

HISTORY_SHOWN = 20
A_MOMENT = timedelta(seconds=5)
ACTIONS = frozenset(action.value for action in Action)
JOBS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    slug: str
    name: str
    provider: str
    origin: str
    base_url: str
    key: str
    look: str
    word: str
    reason: str
    health_since: datetime | None
    last_good_at: datetime | None
    next_at: datetime | None
    asked_to_wait: bool
    is_pacing: bool
    jobs: JobCounts
    answered: Answered | None  # of the last 24 hours; None: nothing was asked
    is_paused: bool
    is_archived: bool
    is_troubled: bool
    is_shaky: bool
    is_removable: bool
    is_editable: bool


@dataclass(frozen=True, slots=True)
class ConnectionList:
    verdict: str
    is_troubled: bool
    rows: tuple[ConnectionRow, ...]
    archived: tuple[ConnectionRow, ...]


@dataclass(frozen=True, slots=True)
class HealthChange:
    at: datetime
    look: str
    word: str
    reason: str


@dataclass(frozen=True, slots=True)
class JobLine:
    job_id: str
    name: str
    state: str
    raw_status: str
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A capability the key does not have. `again_at` None: with the next poll.

    `is_action`: of a job's page, so that only people ask for it again.
    """

    name: str
    said: str
    since: datetime | None
    again_at: datetime | None
    is_action: bool


@dataclass(frozen=True, slots=True)
class Pacing:
    """How fast it may be asked. `own` and `limit`: our cap and the provider's, None: there is none.

    `reason` says what is waited for until `until`; "" while nothing is.
    """

    own: int | None
    limit: int | None
    left: int | None
    said_at: datetime | None
    reason: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class HeaderLine:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ConnectionPage:
    row: ConnectionRow
    organization: str
    project: str
    auth_header: str
    extra_query: Mapping[str, str]
    extra_headers: tuple[HeaderLine, ...]
    poll_s: int
    has_own_pace: bool
    created_at: datetime
    last_poll_at: datetime | None
    first_sweep_at: datetime | None
    last_sweep_at: datetime | None
    trouble_count: int
    refused: tuple[RefusedLine, ...]
    has_list: bool
    pacing: Pacing
    traffic: Traffic
    notice: str
    unreadable_count: int
    history: tuple[HealthChange, ...]
    jobs: tuple[JobLine, ...]


def find_connection(team: Team, slug: str) -> Connection:
    """The team's connection, or Http404."""
    rows = Connection.objects.for_team(team).select_related("team", "inbound_endpoint")
    return get_object_or_404(rows, slug=slug)


def connection_list(team: Team) -> ConnectionList:
    counts, answered = job_counts(team), answered_share(team, timezone.now())
    found = Connection.objects.for_team(team).order_by("name", "pk")
    rows = [connection_row(row, counts.get(row.pk, NO_JOBS), answered.get(row.pk)) for row in found]
    live = tuple(row for row in rows if not row.is_archived)
    return ConnectionList(
        verdict=f"{health_words(live)}{kept_words(row.jobs for row in live)}.",
        is_troubled=bool(troubled(live)),
        rows=live,
        archived=tuple(row for row in rows if row.is_archived),
    )


def troubled(rows: Iterable[ConnectionRow]) -> list[str]:
    """The names of those that cannot be read, and should be."""
    return [row.name for row in rows if row.is_troubled and not row.is_paused]


def health_words(rows: tuple[ConnectionRow, ...]) -> str:
    """Whether those that are watched answer, and how many are not watched."""
    if not rows:
        return "No connection yet: nothing is watched"
    watched = [row for row in rows if not row.is_paused]
    if not watched:
        return "Every connection is paused: nothing is watched"
    paused = len(rows) - len(watched)
    if bad := troubled(watched):
        told = f"{len(bad)} of {len(rows)} cannot be read: {listed_names(bad)}"
    elif shaky := [row.name for row in watched if row.is_shaky]:
        told = f"Asked again after a bad answer: {listed_names(shaky)}"
    elif any(row.last_good_at is None for row in watched):
        told = "Waiting for the first answer"
    else:
        told = f"Every {'other ' if paused else ''}connection answers"
    return told + paused_words(paused)


def connection_row(
    row: Connection, counts: JobCounts, answered: Answered | None = None
) -> ConnectionRow:
    is_site = row.origin == Connection.Origin.SITE
    look, word = look_of(row)
    waits = row.wait_until is not None and (
        row.next_sweep_at is None or row.wait_until >= row.next_sweep_at
    )
    return ConnectionRow(
        slug=row.slug,
        name=row.name,
        provider=dialect_label(row.dialect),
        origin=origin_words(row),
        base_url=row.base_url,
        key=key_text(row),
        look=look,
        word=word,
        reason=row.health_reason if row.health != Health.OK or row.trouble_count else "",
        health_since=row.health_since,
        last_good_at=row.last_good_at,
        next_at=None if row.is_paused or row.archived_at else _next_at(row),
        asked_to_wait=waits and row.health == Health.LIMITED,
        is_pacing=is_pacing(row),
        jobs=counts,
        answered=answered,
        is_paused=row.is_paused,
        is_archived=row.archived_at is not None,
        is_troubled=look == State.FAILED.value,
        is_shaky=is_shaky(row),
        is_removable=row.origin != Connection.Origin.ENVIRONMENT,
        is_editable=is_site,
    )


def _next_at(row: Connection) -> datetime | None:
    return _later(
        _later(row.next_sweep_at, row.wait_until), row.paced_until if is_pacing(row) else None
    )


def is_pacing(row: Connection) -> bool:
    """Whether we wait of our own accord, longest for that, and for more than a moment."""
    gate = row.paced_until
    if gate is None or gate <= timezone.now() + A_MOMENT or row.is_paused or row.archived_at:
        return False
    if manners.is_on_trial(row.health, row.trouble_count):  # closed for the one that tries
        return False
    return row.wait_until is None or row.wait_until < gate


def pacing(row: Connection) -> Pacing:
    limit = row.limit_requests or None
    reason = _pacing_reason(row) if is_pacing(row) else ""
    return Pacing(
        own=row.requests_per_minute,
        limit=limit,
        left=row.remaining_requests if limit else None,
        said_at=row.limits_said_at,
        reason=reason,
        until=row.paced_until if reason else None,
    )


def _pacing_reason(row: Connection) -> str:
    limit, left = row.limit_requests, row.remaining_requests
    if limit and left is not None and left <= manners.spare(limit):
        return f"Pacing itself: {left} of {limit} requests left."
    if row.requests_per_minute:
        return (
            f"Pacing itself: at most {words.counted(row.requests_per_minute, 'request')} a minute."
        )
    return "Pacing itself: the provider's limit was nearly used up."


def _refused(row: Connection) -> tuple[RefusedLine, ...]:
    return tuple(
        RefusedLine(one.capability, one.said, one.since, one.again_at, one.capability in ACTIONS)
        for one in manners.read_refusals(row.refused)
        if one.capability != manners.LIST
    )


def _headers(row: Connection) -> tuple[HeaderLine, ...]:
    """Values only of those that cannot be a secret: older connections may hold one."""
    return tuple(
        HeaderLine(name, "hidden" if is_secret(name, str(value)) else str(value))
        for name, value in sorted(row.extra_headers.items())
    )


def connection_page(row: Connection) -> ConnectionPage:
    counts = job_counts(row.team).get(row.pk, NO_JOBS)
    return ConnectionPage(
        row=connection_row(row, counts),
        organization=row.organization,
        project=row.project,
        auth_header=row.auth_header,
        extra_query=row.extra_query,
        extra_headers=_headers(row),
        poll_s=round(schedule.interval_s(row)),
        has_own_pace=row.poll_interval_s is not None,
        created_at=row.created_at,
        last_poll_at=row.last_poll_at,
        first_sweep_at=row.first_sweep_at,
        last_sweep_at=row.last_sweep_at,
        trouble_count=row.trouble_count,
        refused=_refused(row),
        has_list=schedule.has_list(row),
        pacing=pacing(row),
        traffic=traffic(row, timezone.now()),
        notice=row.notice,
        unreadable_count=row.unreadable_count,
        history=_history(row),
        jobs=_newest_jobs(row),
    )


def _history(row: Connection) -> tuple[HealthChange, ...]:
    changes = Transition.objects.filter(connection=row, kind=Transition.Kind.HEALTH).order_by("-pk")
    return tuple(_change(change) for change in changes[:HISTORY_SHOWN])


def _change(change: Transition) -> HealthChange:
    try:
        health = Health(change.to_state)
    except ValueError:
        return HealthChange(change.recorded_at, State.UNKNOWN.value, change.to_state, change.reason)
    return HealthChange(change.recorded_at, LOOKS[health].value, str(health.label), change.reason)


def _newest_jobs(row: Connection) -> tuple[JobLine, ...]:
    jobs = Job.objects.filter(connection=row, archived_at=None).order_by("-created_at", "-pk")[
        :JOBS_SHOWN
    ]
    return tuple(
        JobLine(job.provider_id, job.name, job.state, job.raw_status, job.last_seen_at)
        for job in jobs
    )


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(one, other) if one and other else one or other


def find_tracked_job(team: Team, connection: str, job_id: str) -> Job:
    """The team's job under its two names, or Http404."""
    jobs = Job.objects.for_team(team).select_related("connection")
    return get_object_or_404(jobs, connection__slug=connection, provider_id=job_id)
