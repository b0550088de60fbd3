"""A long curve -> the points of it that a screen can show. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from math import isnan

from dashboard.traces import PointAt, Trace

COLUMNS = 450  # pixel columns kept of a long run: two points each


def downsample(points: Sequence[PointAt], columns: int = COLUMNS) -> Trace:
    """The first minimum and maximum of each pixel column in their order, and both ends. Gaps stay gaps.

    At most two points a column beside the ends, and a gap wherever there was one between two of
    them; never an average. `points`: sorted by x.
    """
    trace = Trace.of(points)
    return trace.take(kept_places(trace, columns))


def kept_places(trace: Trace, columns: int = COLUMNS) -> Sequence[int]:
    """The places of what `downsample` keeps, for other values over the same x."""
    last = len(trace) - 1
    if last < 2 * columns:
        return range(last + 1)
    gaps = [i for i, y in enumerate(trace.ys) if isnan(y)] if trace.has_gaps else []
    kept = [0]
    for start, end in _columns(trace, columns):
        kept += _extremes(trace, start, end, is_solid=not gaps)
    return _with_gaps([*kept, last], gaps)


def _columns(trace: Trace, columns: int) -> Iterator[tuple[int, int]]:
    """From where to where each column reaches, without the ends of the curve."""
    low, high, last = trace.xs[0], trace.xs[-1], len(trace) - 1
    start = 1
    for number in range(1, columns + 1):
        edge = low + (high - low) * number / columns
        end = last if number == columns else bisect_left(trace.xs, edge, start, last)
        if end > start:
            yield start, end
            start = end


def _extremes(trace: Trace, start: int, end: int, *, is_solid: bool) -> list[int]:
    values: Sequence[float] = trace.ys[start:end]
    if is_solid:
        places: Sequence[int] = range(start, end)
    else:
        places = [i for i in range(start, end) if not isnan(trace.ys[i])]
        values = [trace.ys[i] for i in places]
        if not values:
            return []
    return sorted({places[values.index(min(values))], places[values.index(max(values))]})


def _with_gaps(kept: list[int], gaps: list[int]) -> list[int]:
    """`kept` with the first gap between each two of them, so that no line is drawn across one."""
    if not gaps:
        return kept
    found = []
    for left, right in zip(kept, [*kept[1:], kept[-1]], strict=True):
        found.append(left)
        next_gap = bisect_right(gaps, left)
        if next_gap < len(gaps) and gaps[next_gap] < right:
            found.append(gaps[next_gap])
    return found
