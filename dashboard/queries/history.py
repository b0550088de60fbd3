"""How a job came to be what it is: its states against the usual, and how its finish time moved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard import eta
from dashboard.state_bar import Segment, state_bar
from jobs import retention
from jobs.history import usual_on_the_way
from jobs.models import Condition, Estimate, Job, Snapshot, Transition
from providers.states import State

TRANSITIONS_SHOWN = 20  # on the page of a job; its timeline has all
ESTIMATES_READ = 2000


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
    found = stays(job, transitions, now)
    states = dict.fromkeys(state for state, _, _ in found)
    usual = usual_on_the_way(job.team_id, job.base_model, states) if states else {}
    return state_bar(found, usual, is_open=not job.is_over)


def stays(
    job: Job, transitions: Sequence[Transition], now: datetime
) -> list[tuple[str, datetime, datetime]]:
    """(state, from, until) of each stay before the end, in order; times never run backwards."""
    moves = [one for one in transitions if one.kind == Transition.Kind.STATE]
    if not moves:
        return []
    start = job.created_at or moves[0].recorded_at
    end = job.ended_at if job.is_over and job.ended_at else now
    edges = [start, *(max(moment_of(one), start) for one in moves[1:]), max(end, start)]
    found = []
    for move, since, until in zip(moves, edges, edges[1:], strict=False):
        if not State(move.to_state).is_over and until > since:
            found.append((move.to_state, since, until))
    return found


def moment_of(transition: Transition) -> datetime:
    return transition.happened_at or transition.recorded_at


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
        is_provider_time=transition.happened_at is not None,
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
    said = list(newest.values_list("seen_at", "estimated_finish")[:ESTIMATES_READ])[::-1]
    ended_at = job.ended_at if job.is_over else None
    return eta.drift(said, ended_at or now, ended_at)
