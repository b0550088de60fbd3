"""A line small enough for a row of a table. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from dashboard.downsampling import downsample
from dashboard.traces import finite

COLUMNS = 8


@dataclass(frozen=True, slots=True)
class Sparkline:
    """An SVG path in a 192 x 40 box; its end is where a dot belongs."""

    path: str


def sparkline(values: Sequence[float]) -> Sparkline:
    """A line of evenly spaced values in half pixels; without a path for fewer than two finite ones.

    Whole numbers and relative moves: a list of fifty of these is a good part of its page's bytes.
    """
    points = downsample(list(enumerate(values)), COLUMNS)
    shown = finite(points)
    if not shown[1:]:
        return Sparkline("")
    (first, _), (last, _) = shown[0], shown[-1]
    low, high = min(value for _, value in shown), max(value for _, value in shown)
    height = (high - low) or 1.0
    places = [
        (4 + round((at - first) * 184 / (last - first)), 35 - round((value - low) / height * 30))
        for at, value in shown
    ]
    moves = (f"{x - left} {y - top}" for (left, top), (x, y) in pairwise(places))
    return Sparkline(f"M{places[0][0]} {places[0][1]}l{' '.join(moves)}".replace(" -", "-"))
