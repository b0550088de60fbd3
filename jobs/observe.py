"""Pure: what we knew of a job and what came -> what changes. No database, no clock of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from providers import wire
from providers.states import State

CLOCK_TOLERANCE = timedelta(minutes=5)  # between the provider's clock and ours
WAITING = frozenset({State.QUEUED, State.VALIDATING})
READS_TO_REOPEN = 2  # an end is taken back only by this many fresh reads in a row


@dataclass(frozen=True, slots=True)
class Known:
    """What was known before. `ringing_since`: a job created later rings even if first seen over."""

    state: State | None = None  # None: never seen
    was_seen_alive: bool = False
    reopened_count: int = 0
    requested: Mapping[str, object] = field(default_factory=dict)
    ended_at: datetime | None = None
    ringing_since: datetime | None = None
    seen_at: datetime | None = None  # our last look
    state_since: datetime | None = None
    is_since_exact: bool = False
    patience: timedelta = CLOCK_TOLERANCE  # a longer time between two looks leaves a stay unknown


@dataclass(frozen=True, slots=True)
class Change:
    """A change of state. `from_state` None: the job is new to us.

    `stayed_s`: how long it was in `from_state`, None where we did not see it enter or leave.
    """

    from_state: State | None
    to_state: State
    rings: bool
    reason: str = ""
    stayed_s: float | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """`columns`: new values of Job's columns by name; `change`: the transition, if there is one."""

    columns: Mapping[str, object]
    change: Change | None


def observe(known: Known, job: wire.Job, now: datetime) -> Changes:
    """What one fresh answer changes. `now`: the database's time when it was asked for."""
    state, reopened_count = _believed_state(known, job.state)
    change = _change(known, job, state, now)
    was_seen_alive = known.was_seen_alive or not job.state.is_over
    columns = {
        **_as_said(job),
        **_restart(job),
        "state": state.value,
        "reopened_count": reopened_count,
        "was_seen_alive": was_seen_alive,
        "requested": {**job.hyperparameters, **known.requested},
        "ended_at": _end(known, job, state, now),
    }
    if change:
        columns |= _entry(known, job, state, now)
    return Changes(columns, change)


def _believed_state(known: Known, came: State) -> tuple[State, int]:
    """An end stands until two reads in a row say otherwise."""
    if known.state is None or not known.state.is_over or came is known.state:
        return came, 0
    reads = known.reopened_count + 1
    return (came, 0) if reads >= READS_TO_REOPEN else (known.state, reads)


def _change(known: Known, job: wire.Job, state: State, now: datetime) -> Change | None:
    if state is known.state:
        return None
    reopened = known.state is not None and known.state.is_over
    reason = "Reopened by the provider" if reopened else error_text(job.error)
    rings = state.is_over and _rings(known, job)
    return Change(known.state, state, rings, reason, _stayed_s(known, now))


def _rings(known: Known, job: wire.Job) -> bool:
    """History rings nobody: a job must have been seen alive, or born since we watch."""
    if known.was_seen_alive:
        return True
    if known.state is not None or known.ringing_since is None or job.created_at is None:
        return False
    return job.created_at >= known.ringing_since - CLOCK_TOLERANCE


def _end(known: Known, job: wire.Job, state: State, now: datetime) -> datetime | None:
    """Failed jobs come without `finished_at`: then it is when we first saw them over."""
    if not state.is_over:
        return None
    first_seen_over = now if _rings(known, job) else None  # of history nobody knows
    return job.finished_at or known.ended_at or first_seen_over


def _entry(known: Known, job: wire.Job, state: State, now: datetime) -> dict[str, object]:
    """When it entered the new state, as far as we know, and whether that is exact.

    A job that is first seen waiting has waited since it was created. One first seen at work may
    have begun at any time since then: what we saw of it counts, and its stay stays unknown.
    """
    if state.is_over:
        return {"state_since": job.finished_at or now, "is_since_exact": False}
    if known.state is not None:
        return {"state_since": now, "is_since_exact": _looked_lately(known, now)}
    born = min(job.created_at, now) if job.created_at else None
    is_exact = born is not None and now - born <= known.patience
    since = born if born and state in WAITING else now
    return {"state_since": since, "is_since_exact": is_exact}


def _stayed_s(known: Known, now: datetime) -> float | None:
    if not known.is_since_exact or known.state_since is None or not _looked_lately(known, now):
        return None
    return max((now - known.state_since).total_seconds(), 0.0)


def _looked_lately(known: Known, now: datetime) -> bool:
    return known.seen_at is not None and now - known.seen_at <= known.patience


def _as_said(job: wire.Job) -> dict[str, object]:
    error = job.error or wire.JobError(None, None, None, {})
    return {
        "raw_status": job.raw_status[:80],
        "base_model": (job.model or "")[:200],
        "fine_tuned_model": job.fine_tuned_model,
        "suffix": job.suffix,
        "method": job.method,
        "training_file": job.training_file,
        "validation_file": job.validation_file,
        "result_files": list(job.result_files),
        "seed": job.seed,
        "organization_id": job.organization_id,
        "trained_tokens": job.trained_tokens,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
        "estimated_finish": job.estimated_finish,
        "error_code": error.code,
        "error_message": error.message,
        "error_param": error.param,
        "error_extra": dict(error.extra),
        "hyperparameters": dict(job.hyperparameters),
        "method_details": dict(job.method_details),
        "metadata": dict(job.metadata),
        "integrations": [dict(integration) for integration in job.integrations],
        "unreadable": list(job.unreadable),
    }


def _restart(job: wire.Job) -> dict[str, object]:
    """Said in a list or by an early event, and not in every answer: what was said once stays."""
    is_other = job.predecessor is not None and job.predecessor != job.id
    return {"restarted_from": job.predecessor} if is_other else {}


def error_text(error: wire.JobError | None) -> str:
    """`code: message`, whichever of the two there are."""
    if error is None:
        return ""
    return ": ".join(part for part in (error.code, error.message) if part)
