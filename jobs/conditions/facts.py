"""Pure: what is known of a job, and what is decided about it. Times are the database's, aware."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from math import isfinite

from providers.states import State

MOST_DOUBLINGS = 20  # beyond it a threshold is longer than any job


class Kind(StrEnum):
    """The same words as jobs.models.Condition.Kind, less what is not about a job."""

    STUCK = "stuck"
    NO_PROGRESS = "no_progress"
    DIVERGING = "diverging"
    OVERFITTING = "overfitting"
    ETA_SLIPPED = "eta_slipped"


class Step(StrEnum):
    RAISE = "raise"
    TELL = "tell"  # it was raised without a word, and is news by now
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Usual:
    """How long it took before, in seconds. Not `is_of_model`: over all base models of the team."""

    median_s: float
    p90_s: float
    count: int
    is_of_model: bool = True


@dataclass(frozen=True, slots=True)
class Open:
    """A condition that holds. `facts`: the numbers it was raised with."""

    since: datetime | None
    facts: Mapping[str, object] = field(default_factory=dict)
    is_told: bool = True

    def number(self, name: str, otherwise: float) -> float:
        """A fact that is a finite number; whatever else stands there counts as `otherwise`."""
        value = self.facts.get(name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if is_number and isfinite(value) else otherwise  # type: ignore[arg-type]  # as just checked


@dataclass(frozen=True, slots=True)
class Facts:
    """One job as it is known.

    `seen_at`: when we last looked at the job, `read_at`: at its events and points. Nothing is judged
    by a time after these: what nobody saw is no evidence. `is_seen` False: the connection is in
    trouble or the job cannot be read. `is_watched` False: somebody archived it. Losses are oldest
    first and may hold anything. `raised`: how often each kind was raised and resolved before.
    """

    state: State
    seen_at: datetime
    read_at: datetime
    first_seen_at: datetime
    is_seen: bool = True
    is_watched: bool = True
    created_at: datetime | None = None
    state_since: datetime | None = None
    progressed_at: datetime | None = None
    longest_gap_s: float | None = None
    step: float | None = None
    total_steps: int | None = None
    is_rewarded: bool = False
    train_losses: Sequence[float] = ()
    valid_losses: Sequence[float] = ()
    planned_finish: datetime | None = None
    estimated_finish: datetime | None = None
    usual: Usual | None = None
    open: Mapping[Kind, Open] = field(default_factory=dict)
    raised: Mapping[Kind, int] = field(default_factory=dict)

    def factor(self, kind: Kind) -> float:
        """What the threshold is multiplied with: it doubles with each time the kind was raised."""
        return 2.0 ** min(max(self.raised.get(kind, 0), 0), MOST_DOUBLINGS)


@dataclass(frozen=True, slots=True)
class Finding:
    """A condition that holds now. Not `is_news`: it began before we watched, so it rings nobody."""

    since: datetime | None
    reason: str
    facts: Mapping[str, object]
    is_news: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be written about one kind."""

    kind: Kind
    step: Step
    reason: str
    facts: Mapping[str, object] = field(default_factory=dict)
    since: datetime | None = None
    rings: bool = True


def seconds(later: datetime, earlier: datetime) -> float:
    return (later - earlier).total_seconds()
