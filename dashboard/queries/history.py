"""How a job came to be what it is: its states against the usual, and how its finish time moved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from dashboard import eta
from dashboard.state_bar import UNSEEN, Segment, state_bar
from jobs import retention
from jobs.history import usual_on_the_way
from jobs.models import Condition, Estimate, Job, Snapshot, Transition
from jobs.models.job import OVER
from providers.states import State

TRANSITIONS_SHOWN = 20  # on the page of a job; its timeline has all
ESTIMATES_READ = 2000
AT_WORK = (State.RUNNING.value, State.PAUSED.value)  # in which no job is born


@dataclass(frozen=True, slots=True)
class TransitionRow:
    state: str
    word: str
    raw_status: str
    kind: str
    at: datetime
    is_provider_time: bool
    reason: str
    flag: str = ""  # the kind of condition that begins here


@dataclass(frozen=True, slots=True)
class History:
    """`transitions`: oldest first. `snapshots`: how many contents differed."""

    segments: tuple[Segment, ...]
    transitions: tuple[TransitionRow, ...]
    snapshots: int
    drift: eta.Drift | None
    thinned_after_days: int | None = None  # by the team's retention

    @property
    def latest(self) -> tuple[TransitionRow, ...]:
        return self.transitions[-TRANSITIONS_SHOWN:]

    @property
    def earlier(self) -> int:
        return max(len(self.transitions) - TRANSITIONS_SHOWN, 0)

    @property
    def has_bar(self) -> bool:
        """One stay alone says no more than the job's age, but for how long it lasts as a rule."""
        return len(self.segments) > 1 or any(one.usual for one in self.segments)

    @property
    def has_usual(self) -> bool:
        return any(one.mark is not None for one in self.segments)


def history(job: Job, now: datetime) -> History:
    transitions = list(Transition.objects.filter(job=job).order_by("pk"))
    return History(
        segments=segments(job, transitions, now),
        transitions=tuple(_transition_row(one) for one in transitions),
        snapshots=Snapshot.objects.filter(job=job).count(),
        drift=_drift(job, now),
        thinned_after_days=retention.thinned_snapshots([job], now).get(job.pk),
    )


def segments(job: Job, transitions: Sequence[Transition], now: datetime) -> tuple[Segment, ...]:
    """Of a stay whose beginning nobody saw, nobody knows what is left."""
    found = stays(job, transitions, now)
    states = dict.fromkeys(state for state, _, _ in found if state != UNSEEN)
    usual = usual_on_the_way(job.team_id, job.base_model, states) if states else {}
    is_begun = len(states) > 1 or not any(state == UNSEEN for state, _, _ in found)
    return state_bar(found, usual, is_open=is_begun and not job.is_over)


def stays(
    job: Job, transitions: Sequence[Transition], now: datetime
) -> list[tuple[str, datetime, datetime]]:
    """(state, from, until) of each stay before the end, in order; times never run backwards.

    What a job did before it was first seen at work nobody knows: that is a stay of its own.
    """
    moves = [one for one in transitions if one.kind == Transition.Kind.STATE]
    if not moves:
        return []
    start = job.created_at or moves[0].recorded_at
    end = job.ended_at if job.is_over and job.ended_at else now
    names = [move.to_state for move in moves]
    edges = [start, *(max(moment_of(one), start) for one in moves[1:]), max(end, start)]
    if is_late(moves[0]):
        names, edges = [UNSEEN, *names], [start, max(moment_of(moves[0]), start), *edges[1:]]
    return [
        (name, since, until)
        for name, since, until in zip(names, edges, edges[1:], strict=False)
        if until > since and name not in OVER
    ]


def is_late(move: Transition) -> bool:
    """Whether the job was first seen at work: since when, nobody knows."""
    is_first = move.kind == Transition.Kind.STATE and not move.from_state
    return is_first and move.to_state in AT_WORK


def moment_of(transition: Transition) -> datetime:
    """When the provider says it was, else when we saw it."""
    told = None if is_late(transition) else transition.happened_at
    return told or transition.recorded_at


def _transition_row(transition: Transition) -> TransitionRow:
    known = {state.value for state in State}
    is_state = transition.to_state in known
    is_condition = transition.kind == Transition.Kind.CONDITION
    return TransitionRow(
        state=transition.to_state if is_state else State.UNKNOWN.value,
        word=State(transition.to_state).word if is_state else _word(transition),
        raw_status=transition.raw_status,
        kind=transition.kind,
        at=moment_of(transition),
        is_provider_time=transition.happened_at is not None and not is_late(transition),
        reason=transition.reason,
        flag=transition.to_state if is_condition and not transition.from_state else "",
    )


def _word(transition: Transition) -> str:
    """An end is named after what ends: "Recovered: stuck in a state"."""
    if transition.kind != Transition.Kind.CONDITION:
        return transition.to_state
    labels = {str(kind): label for kind, label in Condition.Kind.choices}
    ended = labels.get(transition.from_state, transition.from_state)
    return f"Recovered: {ended.lower()}" if ended else transition.to_state


def _drift(job: Job, now: datetime) -> eta.Drift | None:
    newest = Estimate.objects.filter(job=job).order_by("-pk")
    found = list(newest.values_list("seen_at", "estimated_finish")[:ESTIMATES_READ])[::-1]
    said = [(timezone.localtime(at), _local(finish)) for at, finish in found]
    ended_at = _local(job.ended_at) if job.is_over else None
    return eta.drift(said, ended_at or timezone.localtime(now), ended_at)


def _local(moment: datetime | None) -> datetime | None:
    """As the clock of who looks shows it."""
    return timezone.localtime(moment) if moment else None
