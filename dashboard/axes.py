"""Scales and their round numbers. Pure; shares are from 0 at the low end to 1 at the high one."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from dashboard.traces import Trace

MARGIN = 0.06  # of the height, so that a line never lies on the frame
_MOST_LOG_TICKS = 7
_HIGHEST = 1e305
_LEAST_ROOM = 1e-9  # so that the ends of a scale differ


@dataclass(frozen=True, slots=True)
class Tick:
    """`at` in percent of the axis, from the start or the top; `value` where it stands."""

    at: float
    label: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """`is_log`: both ends are above zero, and equal factors are equal ways."""

    low: float
    high: float
    is_log: bool = False

    def share(self, value: float) -> float:
        """Where the value lies, 0 at `low`, 1 at `high`."""
        if self.is_log:
            whole = math.log(self.high) - math.log(self.low)
            return (math.log(value) - math.log(self.low)) / whole
        return (value - self.low) / (self.high - self.low)


def x_scale_of(traces: Iterable[Trace]) -> Scale:
    """From the first to the last of all points. `traces`: none of them is empty."""
    ends = [(trace.xs[0], trace.xs[-1]) for trace in traces]
    return wide(min(low for low, _ in ends), max(high for _, high in ends))


def wide(low: float, high: float) -> Scale:
    """A scale that has some width, even where all lies in one place."""
    return Scale(low, high if high > low else low + max(1.0, abs(low) * 1e-9))


def y_scale_of(traces: Iterable[Trace], *, is_log: bool = False) -> Scale:
    """A little more than from the lowest to the highest value. `traces`: none without a value."""
    solid = [trace.solid().ys for trace in traces]
    low, high = min(min(ys) for ys in solid), max(max(ys) for ys in solid)
    if is_log:
        span = math.log(high) - math.log(low)
        room = math.exp(max(span * MARGIN, _LEAST_ROOM)) if span else 1 + MARGIN
        return Scale(low / room, min(high * room, _HIGHEST), is_log=True)
    span = (high - low) * MARGIN or abs(high) * MARGIN or 1.0
    # A loss never goes below zero, and an axis that does would suggest it might.
    floor = max(low - span, 0.0) if low >= 0 else low - span
    return Scale(floor, high + span)


def ticks(scale: Scale, about: int, *, whole: bool = False) -> list[float]:
    """Round numbers inside the scale, about `about` of them.

    >>> ticks(Scale(0, 2.3), 5)
    [0.0, 0.5, 1.0, 1.5, 2.0]
    >>> ticks(Scale(0.02, 3, is_log=True), 5)
    [0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0]
    """
    if scale.is_log and len(found := _log_ticks(scale)) > 1:
        return found
    raw = (scale.high - scale.low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.75)
    if whole:
        step = max(step, 1.0)
    first = math.ceil(scale.low / step)
    last = math.floor(scale.high / step + 1e-9)
    return [float(f"{place * step:.12g}") for place in range(first, last + 1)]


def _log_ticks(scale: Scale) -> list[float]:
    """1, 2 and 5 of each power of ten; of a long scale the powers, or every so many of them."""
    powers = range(math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high)) + 1)
    inside = [
        float(f"{factor}e{power}")
        for power in powers
        for factor in (1, 2, 5)
        if scale.low <= float(f"{factor}e{power}") <= scale.high
    ]
    if len(inside) <= _MOST_LOG_TICKS:
        return inside
    stride = -(-len(powers) // _MOST_LOG_TICKS)
    tens = [float(f"1e{power}") for power in powers if power % stride == 0]
    return [ten for ten in tens if scale.low <= ten <= scale.high]
