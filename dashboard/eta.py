"""How the provider moved the finish time it announced: a sentence, a line and its table. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard import words

WIDTH, HEIGHT = 600, 120  # the units of the drawing; the page stretches it
MARGIN = 0.1  # of the height, so that the line never lies on the frame
MOST_ROWS = 60
LEAST_MOVE = timedelta(minutes=1)  # what the sentence, which tells minutes, can tell

Said = tuple[
    datetime, datetime | None
]  # (when we saw it, the finish it announced; None: withdrawn)


@dataclass(frozen=True, slots=True)
class Move:
    """A change of the announced finish. `by`: "+30 min" against the one before, "" for the first."""

    seen_at: datetime
    finish: datetime | None
    by: str


@dataclass(frozen=True, slots=True)
class Drift:
    """`path`: an SVG path in a 600 x 120 box, "" where there is nothing to draw.

    `moves`: oldest first, the table twin of the line. `top`, `bottom`: the finish times at the edges.
    `zone`: that of all clock times.
    """

    sentence: str
    moves: tuple[Move, ...]
    path: str
    top: str
    bottom: str
    start: str
    end: str
    zone: str


def drift(said: Sequence[Said], until: datetime, ended_at: datetime | None = None) -> Drift | None:
    """What became of the estimates up to `until`; None when none was ever given.

    `said`: oldest first. `ended_at`: when the job ended, None while it is not over. Moves below a
    minute do not count; where there are very many, the smallest are left out of line and table. Times
    are told in the zone they come in.
    """
    if not any(finish for _, finish in said):
        return None
    told = _told(said, LEAST_MOVE)
    drawn, least = told, LEAST_MOVE
    while len(drawn) > MOST_ROWS:
        least *= 2
        drawn = _told(said, least)
        if least > timedelta(days=365):  # it is withdrawn and given again all the time
            drawn = drawn[-MOST_ROWS:]
    end = max(until, drawn[-1][0])
    return Drift(
        sentence=sentence(told, ended_at),
        moves=tuple(
            Move(at, finish, _by(drawn[place - 1][1] if place else None, finish))
            for place, (at, finish) in enumerate(drawn)
        ),
        zone=f"{end:%Z}",
        **_drawing(drawn, end),
    )


def _told(said: Sequence[Said], least: timedelta) -> list[Said]:
    """Without what moved by less than `least` since the last one kept; the newest always stands."""
    kept: list[Said] = []
    for at, finish in said:
        before = kept[-1][1] if kept else None
        is_move = not kept or (finish is None) != (before is None)
        if is_move or (finish and before and abs(finish - before) >= least):
            kept.append((at, finish))
    return kept


def sentence(told: Sequence[Said], ended_at: datetime | None = None) -> str:
    """ETA 14:20 UTC, was 13:50; moved 3 times, +30 min in all."""
    finishes = [finish for _, finish in told if finish]
    first, last = finishes[0], finishes[-1]
    moves = len(finishes) - 1
    if ended_at:
        told_at = f"The provider's last estimate was {_clock(last, ended_at)} {last:%Z}"
        text = f"{told_at}; the job ended {_beside(ended_at, last)}"
    elif told[-1][1] is None:
        text = f"The provider withdrew its estimate; the last was {_clock(last, last)} {last:%Z}"
    else:
        was = f", was {_clock(finishes[-2], last)}" if moves else ""
        text = f"ETA {_clock(last, told[-1][0])} {last:%Z}{was}"
    if not moves:
        return f"{text}; it never moved." if not ended_at else f"{text}."
    return f"{text}; moved {words.counted(moves, 'time')}, {signed(last - first)} in all."


def _beside(ended_at: datetime, last: datetime) -> str:
    span = ended_at - last
    if abs(span) < LEAST_MOVE:
        return "then"
    return (
        f"{words.rough(abs(span.total_seconds()))} {'later' if span > timedelta() else 'earlier'}"
    )


def signed(span: timedelta) -> str:
    """A move in one number.

    >>> signed(timedelta(minutes=30)), signed(timedelta(hours=-2)), signed(timedelta(seconds=5))
    ('+30 min', '−2 h', '±0 min')
    """
    if abs(span) < LEAST_MOVE:
        return "±0 min"
    return f"{'+' if span > timedelta() else '−'}{_span(abs(span))}"


def _span(span: timedelta) -> str:
    """Two units: a finish that moved by 1 h 50 min is not one that moved by an hour."""
    hours, rest = divmod(int(span.total_seconds()), 3600)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (rest // 60, "min")]
    return " ".join([f"{number} {unit}" for number, unit in parts if number][:2])


def _by(before: datetime | None, finish: datetime | None) -> str:
    if finish is None:
        return "withdrawn"
    return signed(finish - before) if before else ""


def _clock(moment: datetime, beside: datetime) -> str:
    """The time of day, with the date where it is another day."""
    is_same_day = moment.date() == beside.date()
    return f"{moment:%H:%M}" if is_same_day else f"{moment:%Y-%m-%d %H:%M}"


def _drawing(drawn: Sequence[Said], end: datetime) -> dict[str, str]:
    """A staircase: a finish stands until the next is announced; a withdrawn one is a gap."""
    finishes = [finish for _, finish in drawn if finish]
    low, high = min(finishes), max(finishes)
    start = drawn[0][0]
    across, up = (end - start).total_seconds(), (high - low).total_seconds()
    edges = {
        "top": _clock(high, low),
        "bottom": _clock(low, high),
        "start": _clock(start, end),
        "end": _clock(end, start),
    }
    if across <= 0 or up <= 0:
        return {"path": "", **edges}

    def x(at: datetime) -> float:
        return round((at - start).total_seconds() / across * WIDTH, 1)

    def y(finish: datetime) -> float:
        share = (finish - low).total_seconds() / up
        return round(HEIGHT * (1 - MARGIN - share * (1 - 2 * MARGIN)), 1)

    parts, is_down = [], False
    for (at, finish), (until, _) in zip(drawn, [*drawn[1:], (end, None)], strict=True):
        if finish is not None:
            parts.append(f"{'V' if is_down else f'M{x(at)} '}{y(finish)}H{x(until)}")
        is_down = finish is not None
    return {"path": "".join(parts), **edges}
