"""What becomes of a long curve on its way to the screen: packed, thinned, smoothed."""

from bisect import bisect_left
from itertools import pairwise
from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.downsampling import downsample
from dashboard.smoothing import MOST, smoothed
from dashboard.traces import Trace, finite

plain = st.floats(-1e9, 1e9)
gappy = st.lists(st.one_of(st.none(), plain), min_size=1, max_size=300)
weights = st.floats(0, MOST)


def trace(values) -> Trace:
    return Trace.of([(float(step), value) for step, value in enumerate(values)])


@given(st.lists(st.tuples(plain, st.one_of(st.none(), plain)), max_size=50))
def test_a_packed_curve_says_what_it_was_made_of(points):
    packed = Trace.of(points)
    assert list(packed) == points
    assert list(packed[1:3]) == points[1:3]
    assert finite(packed.solid()) == [point for point in points if point[1] is not None]


@pytest.mark.parametrize("value", [nan, float("inf"), -float("inf"), 1e300, None])
def test_what_cannot_be_drawn_is_a_gap(value):
    assert Trace.of([(1.0, value), (2.0, 3.0)]).values == (None, 3.0)


def test_a_part_of_a_curve_has_both_its_ends():
    whole = trace([5, 6, 7, 8])
    assert list(whole.between(1, 2)) == [(1.0, 6.0), (2.0, 7.0)]
    assert list(whole.between(None, 0.5)) == [(0.0, 5.0)]
    assert whole.between(None, None) is whole


@given(gappy, st.integers(1, 40))
def test_no_column_keeps_more_than_its_first_lowest_and_highest(values, columns):
    kept = finite(downsample(trace(values), columns))
    last = len(values) - 1
    edges = [last * number / columns for number in range(columns + 1)]
    for place, (low, high) in enumerate(pairwise(edges)):
        is_last = place == columns - 1
        column = [x for x, _ in kept if low <= x and (x < high or is_last) and 0 < x < last]
        assert len(column) <= 2 or len(values) <= 2 * columns


@given(gappy, st.integers(1, 40))
def test_no_line_is_drawn_across_a_gap(values, columns):
    kept = list(downsample(trace(values), columns))
    gaps = [step for step, value in enumerate(values) if value is None]
    for (left, first), (right, second) in pairwise(kept):
        is_broken = bisect_left(gaps, right) > bisect_left(gaps, left)
        assert first is None or second is None or not is_broken


@given(gappy, st.integers(1, 40))
def test_what_is_kept_was_there_and_holds_the_extremes(values, columns):
    whole = trace(values)
    kept = list(downsample(whole, columns))
    assert set(kept) <= set(whole)
    if known := [value for value in values if value is not None]:
        shown = [value for _, value in kept if value is not None]
        assert (min(shown), max(shown)) == (min(known), max(known))


@given(gappy, weights)
def test_smoothing_is_the_weighted_mean_of_what_came_before(values, weight):
    even = smoothed([nan if value is None else value for value in values], weight)
    known: list[float] = []
    for value, shown in zip(values, even, strict=True):
        if value is None:
            assert isnan(shown)
            continue
        known.append(value)
        parts = [weight**age for age in range(len(known))]
        told = sum(part * one for part, one in zip(parts, reversed(known), strict=True))
        assert shown == pytest.approx(told / sum(parts), rel=1e-6, abs=1e-3)


@given(st.lists(plain, min_size=2, max_size=100), weights)
def test_smoothing_never_looks_ahead(values, weight):
    assert smoothed(values, weight)[:-1] == smoothed(values[:-1], weight)


def test_a_smoothed_line_starts_at_its_first_value():
    assert smoothed([4.0, 8.0], 0.99)[0] == pytest.approx(4.0)
    assert list(smoothed([4.0, 8.0], 0)) == [4.0, 8.0]
