"""Quartiles and axes: the arithmetic behind the insight page."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.distributions import distribution, quantile
from dashboard.plots import Axis, axis_of, bars_of, percent, ticks, time_boxes, time_ticks
from dashboard.words import figure
from jobs.conditions.words import span

NUMBERS = st.floats(min_value=-1e299, max_value=1e299, allow_nan=False)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7], (1, 7, 7, 7, 7, 7, 7)),
        ([4, 1], (2, 1, 1.75, 2.5, 3.25, 3.7, 4)),  # a quarter of the way from 1 to 4 is 1.75
        (list(range(11)), (11, 0, 2.5, 5, 7.5, 9, 10)),
        ([3, 3, 3, 3], (4, 3, 3, 3, 3, 3, 3)),
    ],
)
def test_quartiles_lie_between_neighbours_in_proportion(values, expected):
    found = distribution(values)
    told = (found.least, found.q1, found.median, found.q3, found.ninth, found.most)
    assert (found.n, *told) == pytest.approx(expected)


def test_of_nothing_there_is_no_distribution():
    assert distribution([]) is None


@pytest.mark.parametrize(("n", "is_telling"), [(1, False), (4, False), (5, True)])
def test_five_values_make_a_usual_one(n, is_telling):
    assert distribution([1.0] * n).is_telling is is_telling


@given(st.lists(NUMBERS, min_size=1, max_size=40))
def test_quantiles_rise_and_stay_within_the_values(values):
    found = distribution(values)
    assert math.isfinite(found.median)
    assert quantile(sorted(values), 0) == pytest.approx(found.least)
    ordered = [found.q1, found.median, found.q3, found.ninth]
    assert all(a <= b or a == pytest.approx(b) for a, b in pairwise(ordered))


@given(st.lists(NUMBERS, min_size=1, max_size=20))
def test_every_value_has_a_place_on_its_axis(values):
    axis = axis_of(values)
    assert axis.low < axis.high
    assert all(0 <= axis.place(value) <= 100 for value in values)
    assert all(0 <= tick.at <= 100 for tick in ticks(axis, 5, figure))


@given(st.lists(st.floats(min_value=1, max_value=1e11), min_size=1, max_size=20))
def test_an_axis_of_seconds_has_few_marks_in_order(values):
    found = [tick.at for tick in time_ticks(axis_of(values), span)]
    assert len(found) <= 8
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("values", "is_log"),
    [([1, 19], False), ([1, 20], True), ([0, 1000], False), ([-1, 1000], False), ([0.01, 5], True)],
)
def test_an_axis_is_logarithmic_where_positive_values_span_widely(values, is_log):
    assert axis_of(values).is_log is is_log


def test_ten_times_as_much_is_the_same_way_on_a_logarithmic_axis():
    axis = Axis(0.1, 1000, is_log=True)
    assert [axis.place(value) for value in (0.1, 1, 10, 100, 1000)] == [0, 25, 50, 75, 100]


def test_a_bar_stands_to_the_scale_of_the_tallest():
    half, full, none = bars_of([("a", 1, 5), ("b", 10, 10), ("c", 0, 0)])
    assert (half.part_height, half.rest_height, half.part_y) == (10, 40, 50)
    assert (full.part_height, full.rest_height, full.part_y) == (100, 0, 0)
    assert (none.part_height, none.rest_height, none.share) == (0, 0, "–")


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (0, 3, "0\u00a0%"),
        (1, 3, "33\u00a0%"),
        (1, 500, "under 1\u00a0%"),
        (499, 500, "over 99\u00a0%"),
        (3, 3, "100\u00a0%"),
    ],
)
def test_a_share_never_hides_the_last_one(part, whole, words):
    assert percent(part, whole) == words.replace(" %", "\u00a0%")


def a_row(name, values):
    return name, values, distribution(values)


def test_few_stays_are_dots_and_make_no_median():
    few, many = time_boxes("n", "t", [a_row("a", [60, 70, 80]), a_row("b", [60] * 5)], span).rows
    assert few.words == "3 jobs: too few for a median"
    assert len(few.dots) == 3
    assert few.figures == ("1 min", "–", "–", "–", "–", "1 min")
    assert many.words == "median 1 min, nine of ten within 1 min (5 jobs)"
    assert many.dots == ()


def test_boxes_name_the_smallest_and_the_largest_median():
    rows = [a_row("fast", [60] * 5), a_row("slow", [7200] * 5), a_row("few", [1])]
    assert time_boxes("n", "t", rows, span).sentence == "Medians from 1 min (fast) to 2 h (slow)."
    assert time_boxes("n", "t", rows[2:], span).sentence == "Too few jobs for a median yet."
    assert time_boxes("n", "t", [], span) is None


def test_no_time_at_all_is_drawn_as_a_second_and_told_as_it_is():
    (row,) = time_boxes("n", "t", [a_row("a", [0, 0, 0, 0, 0, 3600])], span).rows
    assert row.figures[0] == "0 s"
    assert 0 <= row.low < row.high <= 100
