"""Records answers that could not be used. They change a connection's health, never a job's state."""

from datetime import datetime, timedelta

from django.db import transaction

from jobs import health, schedule
from jobs.claims import Claim, hold
from jobs.health import Condition
from jobs.models import Connection, Job, Transition
from jobs.record import announce_later, give_back, note_change, record_absence, touch_team
from providers.errors import BadRequest, Conflict, Missing, ProviderError

MISSING_AFTER = 3  # polls in a row
MISSING_FOR = timedelta(minutes=10)  # and at least this long
FRESH = timedelta(seconds=3)  # how exact `last_good_at` is kept, to spare writes
POISONOUS_CLAIMS = 5  # claims in a row that ended without any result

# These speak of one job; the connection is well.
ABOUT_THE_JOB = (Missing, BadRequest, Conflict)


def record_error(job_id: int, claim: Claim, error: ProviderError) -> None:
    """A retrieve that brought no job. Raises StaleClaim."""
    with transaction.atomic():
        job = hold(Job.objects.filter(pk=job_id), claim.token)
        version = job.version
        if isinstance(error, ABOUT_THE_JOB):
            _note_trouble(job, error.message, claim.request_at)
            job.next_poll_at = schedule.after_trouble(job, claim.request_at)
        else:  # the connection waits; when it is back its jobs must not lag behind
            job.next_poll_at = schedule.next_poll(job, claim.request_at)
        if isinstance(error, Missing):
            _note_absence(job, error, claim.request_at)
        give_back(job)
        if job.version != version:
            touch_team(job.team_id)
    if not isinstance(error, ABOUT_THE_JOB):
        record_outcome(job.connection_id, error, claim.request_at)


def quarantine(job_id: int, claim: Claim, reason: str) -> None:
    """Puts a job off for an hour that our own code cannot digest, so that the others go on."""
    with transaction.atomic():
        job = hold(Job.objects.filter(pk=job_id), claim.token)
        _note_trouble(job, reason, claim.request_at)
        job.next_poll_at = claim.request_at + schedule.QUARANTINE
        give_back(job)
        touch_team(job.team_id)


def _note_trouble(job: Job, reason: str, now: datetime) -> None:
    job.trouble_count += 1
    if job.trouble != reason:
        job.trouble = reason
        note_change(job, now)


def _note_absence(job: Job, error: Missing, now: datetime) -> None:
    job.missing_count += 1
    job.missing_since = job.missing_since or now
    is_confirmed = job.missing_count >= MISSING_AFTER and now - job.missing_since >= MISSING_FOR
    if is_confirmed and not job.is_missing:
        record_absence(job, is_missing=True, now=now, reason=error.message)


def record_outcome(connection_id: int, error: ProviderError | None, now: datetime) -> None:
    """What an answer, good (None) or not, says about the connection. `now`: when it was asked."""
    with transaction.atomic():
        connection = Connection.objects.select_for_update().filter(pk=connection_id).first()
        if connection is None or (error is None and _is_plainly_well(connection, now)):
            return
        known = condition_of(connection)
        interval_s = schedule.interval_s(connection)
        came = (
            health.after_error(known, error, now, interval_s)
            if error
            else health.after_good(known, now)
        )
        connection.last_poll_at = now
        if error is None:
            connection.last_good_at = now
        if came != known:
            _apply(connection, known, came, now)
        connection.save(update_fields=_WRITTEN)
        if came != known:
            touch_team(connection.team_id)


def _is_plainly_well(connection: Connection, now: datetime) -> bool:
    """Nothing to write: one good answer among many."""
    fresh = connection.last_good_at is not None and now - connection.last_good_at < FRESH
    settled = connection.health == health.OK and connection.good_count >= health.GOOD_TO_RECOVER
    return fresh and settled and not connection.health_reason


_WRITTEN = (
    *("health", "health_reason", "health_since", "trouble_count", "good_count"),
    *("wait_until", "last_poll_at", "last_good_at"),
)


def condition_of(connection: Connection) -> Condition:
    return Condition(
        connection.health,
        connection.health_reason,
        connection.trouble_count,
        connection.good_count,
        connection.wait_until,
    )


def _apply(connection: Connection, known: Condition, came: Condition, now: datetime) -> None:
    connection.health, connection.health_reason = came.health, came.reason
    connection.trouble_count, connection.good_count = came.trouble_count, came.good_count
    connection.wait_until = came.wait_until
    if came.health == known.health:
        return
    connection.health_since = now
    rings = health.rings(known.health, came.health)
    Transition.objects.create(
        connection=connection,
        kind=Transition.Kind.HEALTH,
        from_state=known.health,
        to_state=came.health,
        reason=came.reason,
        rings=rings,
        announced_at=None if rings else now,
    )
    if rings:
        announce_later()


def record_refusals(connection_id: int, refusals: dict[str, str]) -> None:
    """Capabilities this key does not have: they are not asked for again, the rest goes on."""
    if not refusals:
        return
    with transaction.atomic():
        connection = Connection.objects.select_for_update().filter(pk=connection_id).first()
        if connection is None or refusals.keys() <= connection.refused.keys():
            return
        connection.refused = {**connection.refused, **refusals}
        connection.save(update_fields=["refused"])
        touch_team(connection.team_id)
