"""Curves along steps, tokens and time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.traces import Trace
from dashboard.x_axes import BY_STEP, by_time, by_tokens

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FALL = Trace.of([(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)])


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def test_along_the_steps_a_curve_is_as_it_was():
    assert BY_STEP.place(FALL) is FALL
    assert (BY_STEP.spot(900), BY_STEP.length(1)) == ("step 900", "1 step")


def test_counted_tokens_are_taken_as_they_are():
    axis = by_tokens(Trace.of([(1.0, 1000.0), (3.0, 3000.0)]), None, 3)
    assert list(axis.place(FALL)) == [(1000.0, 3.0), (2000.0, 2.0), (3000.0, 1.0)]
    assert (axis.label, axis.note) == ("Tokens", "")


def test_tokens_shared_out_are_called_an_estimate():
    axis = by_tokens(None, 6000, 3)
    assert list(axis.place(FALL).xs) == [2000.0, 4000.0, 6000.0]
    assert "estimate" in axis.label
    assert "estimate" in axis.note


@pytest.mark.parametrize(("tokens", "last"), [(None, 3), (0, 3), (6000, 0)])
def test_unknown_tokens_are_no_axis(tokens, last):
    assert by_tokens(None, tokens, last) is None


def test_time_counts_from_the_first_point():
    axis = by_time({1.0: after(0), 2.0: after(1.5), 3.0: after(4)})
    assert list(axis.place(FALL).xs) == [0.0, 1.5, 4.0]
    assert axis.spot(1.5) == "minute 1.5"


def test_time_counts_from_the_beginning_where_that_is_told():
    times = {1.0: after(0), 2.0: after(1.5)}
    axis = by_time(times, begun=after(-3))
    assert [axis.at(step) for step in (1.0, 2.0)] == [3.0, 4.5]
    assert axis.label == "Minutes since it began running"
    late = by_time(times, begun=after(1))
    assert [late.at(step) for step in (1.0, 2.0)] == [0.0, 1.5]


def test_the_inverse_leads_from_places_to_steps():
    axis = by_tokens(None, 6000, 3)
    assert [axis.inverse().at(place) for place in (0.0, 2000.0, 6000.0)] == [0.0, 1.0, 3.0]
    assert BY_STEP.inverse().at(7.0) == 7.0


def test_one_moment_is_no_time():
    assert by_time({}) is None
    assert by_time({1.0: NOON, 2.0: NOON}) is None


def test_a_step_without_a_time_lies_between_its_neighbours_and_outside_nowhere():
    axis = by_time({2.0: after(0), 4.0: after(2)})
    assert [axis.at(step) for step in (1.0, 2.0, 3.0, 4.0, 5.0)] == [None, 0.0, 1.0, 2.0, None]


def test_a_pause_is_a_gap():
    axis = by_time({1.0: after(0), 2.0: after(10), 3.0: after(11)}, [(after(2), after(9))])
    broken = axis.broken(axis.place(FALL))
    assert list(broken) == [(0.0, 3.0), (5.5, None), (10.0, 2.0), (11.0, 1.0)]


def test_a_pause_before_or_after_the_curve_breaks_nothing():
    axis = by_time({1.0: after(0), 3.0: after(2)}, [(after(-9), after(-5)), (after(3), after(4))])
    placed = axis.place(FALL)
    assert list(axis.broken(placed)) == list(placed)


@given(st.lists(st.integers(0, 30), min_size=2, max_size=60))
def test_every_step_has_a_place_of_its_own_in_the_order_of_the_steps(minutes):
    axis = by_time({float(step): after(minute) for step, minute in enumerate(minutes)})
    if axis is None:
        assert len(set(minutes)) == 1
        return
    places = [axis.at(float(step)) for step in range(len(minutes))]
    assert None not in places
    assert places == sorted(set(places))
