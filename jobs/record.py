"""The only writer of observed facts: one transaction for snapshot, job row and transitions."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import orjson
from django.db import transaction
from django.db.models import F

from accounts.models import Team
from jobs import costing, enrich, progress, schedule, searching
from jobs.claims import Claim, StaleClaim, hold_all, save_all_changes, save_changes
from jobs.failpoints import failpoint
from jobs.fetch import Answer
from jobs.models import Connection, Estimate, Job, Snapshot, Transition
from jobs.observe import WAITING, Change, Known, observe
from jobs.signals import transition_recorded
from providers import wire
from providers.states import State

# All that recording a job needs of its connection; the rest would double the row.
_READ = {"id", "dialect", "refused", "poll_interval_s", "created_at", "first_sweep_at"}
_UNREAD = [f"connection__{f.name}" for f in Connection._meta.concrete_fields if f.name not in _READ]  # noqa: SLF001 - Django's public way to its fields
WIDTHS = {field.name: field.max_length for field in Job._meta.concrete_fields if field.max_length}  # noqa: SLF001 - Django's public way to its fields


@dataclass(frozen=True, slots=True)
class Sighting:
    """One job in one good answer. `now`: the database's time when the request began."""

    element: wire.Element
    job: wire.Job
    source: Snapshot.Source
    now: datetime


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest snapshot of a job from one source: its row, and what its content was."""

    pk: int
    fingerprint: str


@dataclass(slots=True)
class History:
    """The rows that some sightings add, written at once: a page of jobs takes the statements of one.

    `newest`: the newest snapshot of each job from their source, by the job's key; `now`: theirs.
    """

    newest: Mapping[int, Newest]
    now: datetime
    seen_again: list[int] = field(default_factory=list)
    outdated: list[int] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    estimates: list[Estimate] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)

    def write(self) -> None:
        if self.seen_again:
            note_seen_again(self.seen_again, self.now)
        if self.outdated:
            Snapshot.objects.filter(pk__among=self.outdated).update(is_newest=False)
        Snapshot.objects.bulk_create(self.snapshots)
        Estimate.objects.bulk_create(self.estimates)
        Transition.objects.bulk_create(self.transitions)
        if any(transition.rings for transition in self.transitions):
            announce_later()


def record_answer(job_id: int, claim: Claim, answer: Answer) -> None:
    """Writes what a retrieve and its companions brought. Raises StaleClaim; writes nothing then."""
    if record_answers(claim, {job_id: answer}):
        raise StaleClaim


def record_answers(claim: Claim, answers: Mapping[int, Answer]) -> set[int]:
    """The same for jobs of one claim, by their keys, at once: a batch takes the statements of one.

    Gives the jobs that the claim no longer holds; of them nothing is written.
    """
    with transaction.atomic():
        held = Job.objects.select_related("connection").defer(*_UNREAD).filter(pk__among=answers)
        jobs = hold_all(held, claim.token)
        versions = {job.pk: job.version for job in jobs}
        history = History(newest_snapshots(versions, Snapshot.Source.RETRIEVE), claim.request_at)
        crowded = schedule.crowded_among(jobs)
        for job in jobs:
            _note_answer(history, job, answers[job.pk], crowded)
        history.write()
        failpoint("record.mid")
        changed = [job for job in jobs if job.version != versions[job.pk]]
        costing.refresh(changed, history.now)
        for job in jobs:
            _end_claim(job)
        save_all_changes(jobs)
        searching.refresh(
            [job.pk for job in jobs if answers[job.pk].files or searching.is_outdated(job)]
        )
        for team_id in sorted({job.team_id for job in changed}):
            touch_team(team_id)
    failpoint("record.committed")
    return answers.keys() - versions.keys()


def _note_answer(history: History, job: Job, answer: Answer, crowded: Collection[int]) -> None:
    if answer.element is None or answer.job is None:
        return
    sighting = Sighting(answer.element, answer.job, Snapshot.Source.RETRIEVE, history.now)
    if not note(history, job, sighting):
        return
    if enrich.store(job, answer, history.now):
        note_change(job, history.now)
    if answer.events_cut is not None:
        job.events_cut = answer.events_cut
    schedule.after_answer(job, answer, history.now, crowded)


def apply(job: Job, sighting: Sighting) -> bool:
    """Brings the row up to date with one sighting, unless a later one was applied already.

    Call it inside a transaction, with the row locked, and save the job afterwards.
    """
    history = History(newest_snapshots([job.pk], sighting.source), sighting.now)
    is_fresh = note(history, job, sighting)
    history.write()
    costing.refresh([job], sighting.now)
    return is_fresh


def newest_snapshots(job_ids: Iterable[int], source: Snapshot.Source) -> dict[int, Newest]:
    rows = Snapshot.objects.filter(job_id__in=list(job_ids), source=source, is_newest=True)
    found = rows.values_list("job_id", "pk", "fingerprint")
    return {job_id: Newest(pk, fingerprint) for job_id, pk, fingerprint in found}


def note_seen_again(snapshot_ids: list[int], now: datetime) -> None:
    """An unchanged answer adds no row; it moves the newest snapshot of its source."""
    Snapshot.objects.filter(pk__among=snapshot_ids).update(
        last_seen_at=now, seen_count=F("seen_count") + 1
    )


def note(history: History, job: Job, sighting: Sighting) -> bool:
    """What `apply` does, with the new rows put into `history` for the caller to write."""
    if job.applied_request_at and sighting.now <= job.applied_request_at:
        history.snapshots.append(_snapshot(job, sighting, is_late=True))
        return False
    _note_estimate(history, job, sighting)
    had = (job.step, job.trained_tokens)
    changes = observe(_known(job), sighting.job, sighting.now)
    is_new = _note_snapshot(history, job, sighting)
    for name, value in _fitting(changes.columns).items():
        setattr(job, name, value)
    _forget_absence(job, sighting.now)
    job.applied_request_at = job.last_seen_at = sighting.now
    if sighting.job.step is not None:
        job.step, job.total_steps = sighting.job.step, sighting.job.total_steps
    if changes.change:
        progress.begin_stay(job)
    if (job.step, job.trained_tokens) != had:
        progress.note(job, sighting.now)
    progress.note_plan(job)
    if changes.change:
        history.transitions.append(_transition(job, changes.change, sighting))
        job.settled_at = None
    if is_new or changes.change:
        note_change(job, sighting.now)
    return True


def _known(job: Job) -> Known:
    is_new = job.applied_request_at is None
    return Known(
        state=None if is_new else State(job.state),
        was_seen_alive=job.was_seen_alive,
        reopened_count=job.reopened_count,
        requested=job.requested,
        ended_at=job.ended_at,
        ringing_since=schedule.ringing_since(job.connection),
        seen_at=job.last_seen_at,
        state_since=job.state_since,
        is_since_exact=job.is_since_exact,
        patience=progress.patience(job.connection),
    )


def _fitting(columns: Mapping[str, object]) -> dict[str, object]:
    """Provider text cut to the width of its column: PostgreSQL refuses what SQLite lets pass."""
    return {
        name: value[: WIDTHS[name]] if name in WIDTHS and isinstance(value, str) else value
        for name, value in columns.items()
    }


def _note_snapshot(history: History, job: Job, sighting: Sighting) -> bool:
    """True when the content is new."""
    newest = history.newest.get(job.pk)
    if newest and newest.fingerprint == sighting.element.fingerprint:
        history.seen_again.append(newest.pk)
        return False
    if newest:
        history.outdated.append(newest.pk)
    history.snapshots.append(_snapshot(job, sighting))
    return True


def _snapshot(job: Job, sighting: Sighting, *, is_late: bool = False) -> Snapshot:
    return Snapshot(
        job_id=job.pk,
        source=sighting.source,
        body=orjson.dumps(sighting.element.raw).decode(),
        fingerprint=sighting.element.fingerprint,
        first_seen_at=sighting.now,
        last_seen_at=sighting.now,
        is_newest=not is_late,
        is_late=is_late,
    )


def _note_estimate(history: History, job: Job, sighting: Sighting) -> None:
    """A drift of the finish time alone is no snapshot, but a row of its own."""
    came = sighting.job.estimated_finish
    if came != job.estimated_finish and (came or job.estimated_finish):
        history.estimates.append(
            Estimate(job_id=job.pk, estimated_finish=came, seen_at=sighting.now)
        )
        note_change(job, sighting.now)


def _transition(job: Job, change: Change, sighting: Sighting) -> Transition:
    return Transition(
        connection_id=job.connection_id,
        job_id=job.pk,
        from_state=change.from_state.value if change.from_state else "",
        to_state=change.to_state.value,
        raw_status=job.raw_status,
        reason=change.reason[:8192],
        stayed_s=change.stayed_s,
        base_model="" if change.stayed_s is None else job.base_model,
        happened_at=_told_time(sighting.job, change),
        rings=change.rings,
        announced_at=None if change.rings else sighting.now,
    )


def _told_time(job: wire.Job, change: Change) -> datetime | None:
    """Of a move as the provider dates it. A job waits from its creation on; when one that is first seen
    at work began to, nobody tells.
    """
    if change.to_state.is_over:
        return job.finished_at
    is_born_so = change.from_state is None and change.to_state in WAITING
    return job.created_at if is_born_so else None


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
        job_id=job.pk,
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
    _end_claim(job)
    save_changes(job)


def _end_claim(job: Job) -> None:
    job.lease_until = job.lease_token = None
    job.claims = 0


def announce_later() -> None:
    """A hint for those who tell people, after COMMIT; losing it costs one sweep."""
    transaction.on_commit(lambda: transition_recorded.send(sender=Transition))


def touch(job_id: int) -> None:
    """Makes open pages of the job fetch it again."""
    Job.objects.filter(pk=job_id).update(version=F("version") + 1)


def touch_team(team_id: int) -> None:
    """Makes open lists of the team fetch again. Last in a transaction: it locks the team's row."""
    Team.objects.filter(pk=team_id).update(version=F("version") + 1)
