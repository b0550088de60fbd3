"""How long a job stayed in each state, to scale, against what is usual. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard import words
from jobs.conditions import Usual

UNSEEN = "unseen"  # in place of a state: what it did before we looked
LEAST = 1.5  # percent of the bar: a short stay beside a long one can still be seen
FAR = 2.0  # times the usual, from where a stay is far beyond it


@dataclass(frozen=True, slots=True)
class Segment:
    """A stay in one state. `x`, `width` and `mark` in percent of the bar.

    `usual`: "usual 18 min over 14 jobs", "" when not known. `mark`: where the usual ends, if the bar
    reaches so far. `excess`: says that it is far beyond. `is_ahead`: what the usual leaves of a stay
    that lasts.
    """

    state: str
    word: str
    x: float
    width: float
    elapsed: str
    usual: str = ""
    mark: float | None = None
    excess: str = ""
    is_ahead: bool = False


def state_bar(
    stays: Sequence[tuple[str, datetime, datetime]],
    usual: Mapping[str, Usual] | None = None,
    *,
    is_open: bool = False,
) -> tuple[Segment, ...]:
    """How the time was spent. `stays`: (state, from, until) in order; empty when no time has passed.

    `usual`: by state. `is_open`: the last stay lasts, so the bar goes on to where its usual ends.
    """
    known = usual or {}
    lengths = [max((until - since).total_seconds(), 0.0) for _, since, until in stays]
    if sum(lengths) <= 0:
        return ()
    ahead_s = _ahead(stays[-1][0], lengths[-1], known) if is_open else 0.0
    widths = shares([*lengths, ahead_s] if ahead_s else lengths)
    starts = [round(sum(widths[:place]), 2) for place in range(len(widths))]
    found = [
        _segment(stay[0], length, x, width, known.get(stay[0]))
        for stay, length, x, width in zip(stays, lengths, starts, widths, strict=False)
    ]
    if ahead_s:
        left = words.rough(ahead_s)
        found.append(Segment("ahead", "Usually left", starts[-1], widths[-1], left, is_ahead=True))
    return tuple(found)


def shares(lengths: Sequence[float]) -> list[float]:
    """Percents of the sum, none below `LEAST`; the longer ones give what the short ones lack.

    >>> shares([1, 1]), shares([0, 1])
    ([50.0, 50.0], [1.5, 98.5])
    """
    total = sum(lengths) or 1.0
    least = min(LEAST, 100 / len(lengths))
    plain = [length / total * 100 for length in lengths]
    lack = sum(least - share for share in plain if share < least)
    spare = sum(share - least for share in plain if share > least) or 1.0
    return [
        round(least if share <= least else share - (share - least) / spare * lack, 2)
        for share in plain
    ]


def _ahead(state: str, length_s: float, usual: Mapping[str, Usual]) -> float:
    known = usual.get(state)
    return max(known.median_s - length_s, 0.0) if known else 0.0


def _segment(state: str, length_s: float, x: float, width: float, known: Usual | None) -> Segment:
    return Segment(
        state=state,
        word="Not seen" if state == UNSEEN else state.capitalize(),
        x=x,
        width=width,
        elapsed=words.clock(timedelta(seconds=length_s)),
        usual=usual_words(known) if known else "",
        mark=_mark(length_s, x, width, known),
        excess=excess(length_s, known) if known else "",
    )


def _mark(length_s: float, x: float, width: float, known: Usual | None) -> float | None:
    """Within the stay itself: beyond its end the bar shows another state."""
    if known is None or not 0 < known.median_s <= length_s:
        return None
    return round(x + width * known.median_s / length_s, 2)


def usual_words(known: Usual) -> str:
    among = "" if known.is_of_model else " of all base models"
    return f"usual {words.rough(known.median_s)} over {words.counted(known.count, 'job')}{among}"


def excess(length_s: float, known: Usual) -> str:
    """How far beyond the usual, "" while it is not: nine in ten were shorter, and half as long."""
    if known.median_s <= 0 or length_s <= max(known.p90_s, FAR * known.median_s):
        return ""
    times = length_s / known.median_s
    return f"{times:.0f} times the usual" if times >= 10 else f"{times:.1f} times the usual"  # noqa: PLR2004 - one digit says enough
