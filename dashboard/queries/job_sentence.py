"""What a job does, in one sentence: its state, for how long, and how far it is."""

from datetime import datetime

from django.utils import timezone

from dashboard import words
from dashboard.markdown import visible
from dashboard.queries import history
from jobs.models import Job, Transition
from providers.states import State


def sentence(job: Job, past: history.History, now: datetime, last_event_at: datetime | None) -> str:
    """What it does now, for how long, and how far it is; the age of our look stands beside it.

    `last_event_at`: tells when a job ended of which the provider does not say it.
    """
    word = state_word(job)
    if job.is_over:
        return _ended(job, word, now, last_event_at)
    return " ".join(filter(None, (word, _lasting(job, past, now)))) + _step(job)


def state_word(job: Job) -> str:
    if job.state == State.UNKNOWN.value:
        return visible(job.raw_status) or "Unknown"
    return State(job.state).word


def _ended(job: Job, word: str, now: datetime, last_event_at: datetime | None) -> str:
    ended = job.ended_at
    if ended is None:
        seen = f", last event {_ago(last_event_at, now)}" if last_event_at else ""
        return f"{word}{seen}"
    took = f" after {words.clock(ended - job.created_at)}" if job.created_at else ""
    return f"{word} {_ago(ended, now)}{took}"


def _ago(moment: datetime, now: datetime) -> str:
    return words.ago(timezone.localtime(moment), now)


def _lasting(job: Job, past: history.History, now: datetime) -> str:
    """For how long it has been in its state, or at least, where it was first seen in it."""
    moves = [row for row in past.transitions if row.kind == Transition.Kind.STATE]
    since = moves[-1].at if moves else job.created_at
    if since is None:
        return ""
    is_late = len(moves) == 1 and moves[0].state in history.AT_WORK
    return f"for {'at least ' if is_late else ''}{words.clock(now - since)}"


def _step(job: Job) -> str:
    if not job.step:
        return ""
    total = f" of {words.thin(job.total_steps)}" if job.total_steps else ""
    return f", step {words.thin(job.step)}{total}"
