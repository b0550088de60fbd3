"""The only writer of observed facts: one transaction for snapshot, job row and transitions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson
from django.db import transaction
from django.db.models import F

from accounts.models import Team
from jobs import enrich, schedule
from jobs.claims import Claim, hold
from jobs.failpoints import failpoint
from jobs.fetch import Answer
from jobs.models import Estimate, Job, Snapshot, Transition
from jobs.observe import Change, Known, observe
from jobs.signals import transition_recorded
from providers import wire
from providers.states import State


@dataclass(frozen=True, slots=True)
class Sighting:
    """One job in one good answer. `now`: the database's time when the request began."""

    element: wire.Element
    job: wire.Job
    source: Snapshot.Source
    now: datetime


def record_answer(job_id: int, claim: Claim, answer: Answer) -> None:
    """Writes what a retrieve and its companions brought. Raises StaleClaim; writes nothing then."""
    if answer.element is None or answer.job is None:
        return
    with transaction.atomic():
        job = hold(Job.objects.filter(pk=job_id), claim.token)
        version = job.version
        sighting = Sighting(answer.element, answer.job, Snapshot.Source.RETRIEVE, claim.request_at)
        if apply(job, sighting):
            if enrich.store(job, answer, claim.request_at):
                note_change(job, claim.request_at)
            if answer.events_cut is not None:
                job.events_cut = answer.events_cut
            schedule.after_answer(job, answer, claim.request_at)
        failpoint("record.mid")
        give_back(job)
        if job.version != version:
            touch_team(job.team_id)
    failpoint("record.committed")


def apply(job: Job, sighting: Sighting) -> bool:
    """Brings the row up to date with one sighting, unless a later one was applied already.

    Call it inside a transaction, with the row locked, and save the job afterwards.
    """
    if job.applied_request_at and sighting.now <= job.applied_request_at:
        _store_snapshot(job, sighting, is_late=True)
        return False
    _store_estimate(job, sighting)
    changes = observe(_known(job), sighting.job, sighting.now)
    is_new = _store_snapshot(job, sighting)
    for name, value in _fitting(changes.columns).items():
        setattr(job, name, value)
    _forget_absence(job, sighting.now)
    job.applied_request_at = job.last_seen_at = sighting.now
    if sighting.job.step is not None:
        job.step, job.total_steps = sighting.job.step, sighting.job.total_steps
    if changes.change:
        _store_transition(job, changes.change, sighting)
    if is_new or changes.change:
        note_change(job, sighting.now)
    return True


def _known(job: Job) -> Known:
    connection = job.connection
    is_new = job.applied_request_at is None
    return Known(
        state=None if is_new else State(job.state),
        was_seen_alive=job.was_seen_alive,
        reopened_count=job.reopened_count,
        requested=job.requested,
        ended_at=job.ended_at,
        ringing_since=schedule.ringing_since(connection),
    )


def _fitting(columns: Mapping[str, object]) -> dict[str, object]:
    """Provider text cut to the width of its column: PostgreSQL refuses what SQLite lets pass."""
    widths = {f.name: f.max_length for f in Job._meta.concrete_fields if f.max_length}  # noqa: SLF001 - Django's public way to its fields
    return {
        name: value[: widths[name]] if name in widths and isinstance(value, str) else value
        for name, value in columns.items()
    }


def _store_snapshot(job: Job, sighting: Sighting, *, is_late: bool = False) -> bool:
    """True when the content is new. An unchanged answer only moves the newest row of its source."""
    newest = Snapshot.objects.filter(job=job, source=sighting.source, is_newest=True)
    if not is_late:
        same = newest.filter(fingerprint=sighting.element.fingerprint)
        if same.update(last_seen_at=sighting.now, seen_count=F("seen_count") + 1):
            return False
        newest.update(is_newest=False)
    Snapshot.objects.create(
        job=job,
        source=sighting.source,
        body=orjson.dumps(sighting.element.raw).decode(),
        fingerprint=sighting.element.fingerprint,
        first_seen_at=sighting.now,
        last_seen_at=sighting.now,
        is_newest=not is_late,
        is_late=is_late,
    )
    return True


def _store_estimate(job: Job, sighting: Sighting) -> None:
    """A drift of the finish time alone is no snapshot, but a row of its own."""
    came = sighting.job.estimated_finish
    if came != job.estimated_finish and (came or job.estimated_finish):
        Estimate.objects.create(job=job, estimated_finish=came, seen_at=sighting.now)
        note_change(job, sighting.now)


def _store_transition(job: Job, change: Change, sighting: Sighting) -> None:
    Transition.objects.create(
        connection=job.connection,
        job=job,
        from_state=change.from_state.value if change.from_state else "",
        to_state=change.to_state.value,
        raw_status=job.raw_status,
        reason=change.reason[:8192],
        happened_at=_told_time(sighting.job, change),
        rings=change.rings,
        announced_at=None if change.rings else sighting.now,
    )
    job.settled_at = None
    if change.rings:
        announce_later()


def _told_time(job: wire.Job, change: Change) -> datetime | None:
    if change.to_state.is_over:
        return job.finished_at
    return job.created_at if change.from_state is None else None


def _forget_absence(job: Job, now: datetime) -> None:
    if job.is_missing:
        record_absence(job, is_missing=False, now=now, reason="")
    if job.trouble:
        note_change(job, now)
    job.missing_count, job.missing_since = 0, None
    job.trouble, job.trouble_count = "", 0


def record_absence(job: Job, *, is_missing: bool, now: datetime, reason: str) -> None:
    """The provider stopped, or began again, to know the job. Its state stays as it was."""
    job.is_missing = is_missing
    Transition.objects.create(
        connection=job.connection,
        job=job,
        kind=Transition.Kind.MISSING,
        from_state=job.state,
        to_state="missing" if is_missing else job.state,
        reason=reason,
        rings=is_missing,
        announced_at=None if is_missing else now,
    )
    note_change(job, now)
    if is_missing:
        announce_later()


def note_change(job: Job, now: datetime) -> None:
    """Something that a page shows is different now; the caller saves the job.

    Reading more of a history we never saw alive is no change of the job.
    """
    is_history = job.is_over and not job.was_seen_alive
    job.changed_at = (job.ended_at or job.created_at or now) if is_history else now
    job.version += 1


def give_back(job: Job) -> None:
    """Saves the job and ends the claim on it."""
    job.lease_until = job.lease_token = None
    job.claims = 0
    job.save()


def announce_later() -> None:
    """A hint for those who tell people, after COMMIT; losing it costs one sweep."""
    transaction.on_commit(lambda: transition_recorded.send(sender=Transition))


def touch(job_id: int) -> None:
    """Makes open pages of the job fetch it again."""
    Job.objects.filter(pk=job_id).update(version=F("version") + 1)


def touch_team(team_id: int) -> None:
    """Makes open lists of the team fetch again. Last in a transaction: it locks the team's row."""
    Team.objects.filter(pk=team_id).update(version=F("version") + 1)
