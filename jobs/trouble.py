"""Records answers that could not be used. They change a connection's health, never a job's state."""

import random
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from jobs import health, manners, schedule
from jobs.claims import Claim, hold
from jobs.health import Condition
from jobs.models import Connection, Job, Transition
from jobs.record import announce_later, give_back, note_change, record_absence, touch_team
from providers.errors import BadRequest, Conflict, Missing, NotReadable, ProviderError

MISSING_AFTER = 3  # polls in a row
MISSING_FOR = timedelta(minutes=10)  # and at least this long
FRESH = timedelta(seconds=3)  # how exact `last_good_at` is kept, to spare writes
POISONOUS_CLAIMS = 5  # claims in a row that ended without any result

LONGER = 0.1  # waits are up to so much longer, so that connections do not come back in step
NO_LIST = "This server has no list of jobs."

# These speak of one job; the connection is well.
ABOUT_THE_JOB = (Missing, BadRequest, Conflict)


def record_error(job_id: int, claim: Claim, error: ProviderError) -> None:
    """A retrieve that brought no job. Raises StaleClaim."""
    with transaction.atomic():
        job = hold(Job.objects.filter(pk=job_id), claim.token)
        version = job.version
        if _is_of_the_job(job, error):
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


def _is_of_the_job(job: Job, error: ProviderError) -> bool:
    """Where the rest of a connection is read, an answer that is not says something of its job.

    It is told there, and an archive does not ask for it for ever.
    """
    is_alone = isinstance(error, NotReadable) and job.connection.health == health.OK
    return is_alone or isinstance(error, ABOUT_THE_JOB)


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
    if error is None and _is_plainly_well(connection_id, now):
        return
    with transaction.atomic():
        connection = (
            Connection.objects.select_for_update(no_key=True).filter(pk=connection_id).first()
        )
        if connection is None:
            return
        known = condition_of(connection)
        interval_s = schedule.interval_s(connection)
        came = (
            health.after_error(known, error, now, interval_s, longer=_jitter())
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


def record_good(connection_ids: Iterable[int], now: datetime) -> None:
    """One good answer of each: those that are plainly well take a few statements together."""
    ids = set(connection_ids)
    well = dict(_plainly_well(ids).values_list("pk", "last_good_at"))
    if any(at and at <= now - FRESH for at in well.values()):
        with transaction.atomic():
            older = _plainly_well(well).filter(last_good_at__lte=now - FRESH)
            free = older.select_for_update(no_key=True, skip_locked=True)  # its holder writes it
            found = list(free.values_list("pk", flat=True))
            Connection.objects.filter(pk__in=found).update(last_poll_at=now, last_good_at=now)
    for pk in sorted(ids - well.keys()):
        record_outcome(pk, None, now)


def _jitter() -> float:
    return random.uniform(0, LONGER)  # noqa: S311 - spreads load only


def _is_plainly_well(connection_id: int, now: datetime) -> bool:
    """Nothing to write: one good answer among many. Read without a lock, for most answers are."""
    return _plainly_well([connection_id]).filter(last_good_at__gt=now - FRESH).exists()


def _plainly_well(connection_ids: Iterable[int]) -> QuerySet[Connection]:
    """Those whose condition a further good answer leaves as it is."""
    return Connection.objects.filter(
        pk__in=list(connection_ids),
        health=health.OK,
        health_reason="",
        trouble_count=0,
        wait_until=None,
        good_count__gte=health.GOOD_TO_RECOVER,
        last_good_at__isnull=False,
    )


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


def record_refusals(connection_id: int, refusals: dict[str, str], now: datetime) -> None:
    """Capabilities this key does not have: they are asked for again in a day, the rest goes on."""
    if not refusals:
        return
    with transaction.atomic():
        connection = (
            Connection.objects.select_for_update(no_key=True).filter(pk=connection_id).first()
        )
        known = manners.refused_now(connection.refused, now) if connection else frozenset()
        if connection is None or refusals.keys() <= known:
            return
        _store_refused(connection, manners.with_refusals(connection.refused, refusals, now))


def forget_refusals(connection_id: int, capabilities: Iterable[str]) -> None:
    """What was refused is answered now."""
    with transaction.atomic():
        connection = (
            Connection.objects.select_for_update(no_key=True).filter(pk=connection_id).first()
        )
        if connection is not None:
            _store_refused(connection, manners.without(connection.refused, capabilities))


def record_list(connection_id: int, now: datetime, *, is_there: bool) -> None:
    """A server without a list is looked at rarely, and its jobs are each retrieved."""
    if is_there:
        forget_refusals(connection_id, [manners.LIST])
    else:
        record_refusals(connection_id, {manners.LIST: NO_LIST}, now)


def _store_refused(connection: Connection, refused: dict[str, object]) -> None:
    connection.refused = refused
    connection.save(update_fields=["refused"])
    touch_team(connection.team_id)
