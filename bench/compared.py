"""Pure: what was measured of us and of peers in one run -> a line of the table, with ratio and verdict."""

from dataclasses import dataclass, field
from statistics import median

from bench.table import SMALL, Row, figures

OURS = "TuneBell"


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds of each turn, and what else is told beside them."""

    ms: list[float]
    beside: str = ""

    @property
    def said(self) -> str:
        return "; ".join(filter(None, (figures(self.ms, " ms"), self.beside)))


@dataclass(frozen=True, slots=True)
class Goal:
    """Milliseconds at most, and at most `ratio` times what the peer `than` takes, where it was measured."""

    ms: float
    ratio: float | None = None
    than: str = ""

    @property
    def said(self) -> str:
        times = [f"<= {self.ratio:g} x {self.than}"] if self.ratio is not None else []
        return ", ".join([f"<= {self.ms:g} ms", *times])


@dataclass(frozen=True, slots=True)
class Limits:
    """What is counted and not timed, each with its most; without one it is only told."""

    counts: dict[str, tuple[float, float | None]] = field(
        default_factory=dict
    )  # unit -> found, most

    @property
    def found(self) -> str:
        return ", ".join(f"{_short(found)} {unit}" for unit, (found, _) in self.counts.items())

    @property
    def asked(self) -> str:
        limits = ((unit, most) for unit, (_, most) in self.counts.items() if most is not None)
        return ", ".join(f"<= {_short(most)} {unit}" for unit, most in limits)

    @property
    def hold(self) -> bool:
        return all(most is None or found <= most for found, most in self.counts.values())


def compared(
    name: str, what: str, sides: dict[str, Measured], goal: Goal, limits: Limits | None = None
) -> Row:
    """`sides`: ours under OURS, and the peers of this run, whose names begin with `goal.than`."""
    limits = limits or Limits()
    ratio = ratio_of(sides, goal)
    ours = Measured(sides[OURS].ms, limits.found)
    holds = median(ours.ms) <= goal.ms and limits.hold
    return Row(
        name,
        what,
        ours.said,
        "; ".join(f"{peer} {one.said}" for peer, one in sides.items() if peer != OURS),
        "" if ratio is None else f"{ratio:.3g} x",
        ", ".join(filter(None, (goal.said, limits.asked))),
        holds and (ratio is None or goal.ratio is None or ratio <= goal.ratio),
    )


def ratio_of(sides: dict[str, Measured], goal: Goal) -> float | None:
    """Of the medians; None where the peer of the goal was not measured."""
    peer = next((side for side in sides if goal.than and side.startswith(goal.than)), None)
    return median(sides[OURS].ms) / median(sides[peer].ms) if peer else None


def _short(number: float) -> str:
    """Whole where it is whole or large, else with digits enough to be told from a limit."""
    if number == int(number) or number >= SMALL:
        return f"{number:,.0f}"
    return f"{number:.3g}" if number < 1 else f"{number:.1f}"
