"""Pure: what we knew of a job and what came -> what changes. No database, no clock of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from providers import wire
from providers.states import State

CLOCK_TOLERANCE = timedelta(minutes=5)  # between the provider's clock and ours
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


@dataclass(frozen=True, slots=True)
class Change:
    """A change of state. `from_state` None: the job is new to us."""

    from_state: State | None
    to_state: State
    rings: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """`columns`: new values of Job's columns by name; `change`: the transition, if there is one."""

    columns: Mapping[str, object]
    change: Change | None


def observe(known: Known, job: wire.Job, now: datetime) -> Changes:
    """What one fresh answer changes. `now`: the database's time when it was asked for."""
    state, reopened_count = _believed_state(known, job.state)
    change = _change(known, job, state)
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
    return Changes(columns, change)


def _believed_state(known: Known, came: State) -> tuple[State, int]:
    """An end stands until two reads in a row say otherwise."""
    if known.state is None or not known.state.is_over or came is known.state:
        return came, 0
    reads = known.reopened_count + 1
    return (came, 0) if reads >= READS_TO_REOPEN else (known.state, reads)


def _change(known: Known, job: wire.Job, state: State) -> Change | None:
    if state is known.state:
        return None
    reopened = known.state is not None and known.state.is_over
    reason = "Reopened by the provider" if reopened else error_text(job.error)
    return Change(known.state, state, state.is_over and _rings(known, job), reason)


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
