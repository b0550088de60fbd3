"""How long a job stayed in each state, as parts of one bar. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard import words


@dataclass(frozen=True, slots=True)
class Segment:
    """A stay in one state. `x` and `width` in percent of the bar."""

    state: str
    word: str
    x: float
    width: float
    elapsed: str


def state_bar(stays: Sequence[tuple[str, datetime, datetime]]) -> tuple[Segment, ...]:
    """How the time was spent. `stays`: (state, from, until) in order; empty when no time has passed."""
    if not stays:
        return ()
    start = stays[0][1]
    total = (stays[-1][2] - start).total_seconds()
    if total <= 0:
        return ()
    return tuple(
        Segment(
            state=state,
            word=state.capitalize(),
            x=round((since - start).total_seconds() / total * 100, 2),
            width=round(max((until - since).total_seconds(), 0) / total * 100, 2),
            elapsed=words.clock(until - since),
        )
        for state, since, until in stays
    )
