"""Runs in one drawing: at which points they are drawn, and what the pointer says of each."""

import math
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dashboard.drawing import PLAIN, Look
from dashboard.overlay_lines import COLUMNS, COLUMNS_APART, Run, apart, drawn_runs, held
from dashboard.traces import Trace
from dashboard.x_axes import by_time, by_tokens

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def run(place: int, steps, axis=None, value=lambda step: step / 10) -> Run:
    trace = Trace.of([(float(step), value(step)) for step in steps])
    return Run(place, f"v{place}", trace, axis) if axis else Run(place, f"v{place}", trace)


def told(runs, look: Look = PLAIN) -> dict[float, tuple[float | None, ...]]:
    """What the pointer says at each x."""
    drawn = drawn_runs("valid_loss", runs, look)
    at = sorted({x for one in drawn for line in one.lines for x in line.trace.xs})
    own = [line.trace.values for one in drawn for line in one.lines]
    return dict(zip(at, zip(*(held(drawn) or own), strict=True), strict=True))


def test_by_step_one_step_tells_the_values_of_all_runs():
    runs = [
        run(place, range(10_000), value=lambda step, period=period: math.sin(step / period))
        for place, period in enumerate((7, 11, 13))
    ]
    drawn = drawn_runs("train_loss", runs, PLAIN)
    assert len({tuple(one.lines[0].trace.xs) for one in drawn}) == 1
    assert len(drawn[0].lines[0].trace) <= 2 * COLUMNS + 2
    assert held(drawn) == ()


def test_along_tokens_a_page_holds_no_more_for_many_runs():
    runs = [
        run(n, range(1, 10_001), by_tokens(None, 1_000_000 + n * 997, 10_000)) for n in range(8)
    ]
    drawn = drawn_runs("train_loss", runs, PLAIN)
    places = {x for one in drawn for x in one.lines[0].trace.xs}
    assert 8 * 2 < len(places) <= 2 * COLUMNS_APART + 2 * 8


def test_a_run_logged_more_seldom_says_its_last_value_before():
    said = told([run(0, range(1, 41)), run(1, range(10, 41, 10))])
    assert said[10] == (1.0, 1.0)
    assert said[19] == (1.9, 1.0)
    assert said[20] == (2.0, 2.0)


def test_nothing_is_said_before_the_first_value_nor_long_after_the_last():
    said = told([run(0, range(1, 61)), run(1, range(10, 41, 10))])
    assert said[9] == (0.9, None)
    assert said[50] == (5.0, 4.0)
    assert said[51] == (5.1, None)


def test_nothing_is_said_in_a_hole():
    steps = [*range(0, 60, 5), *range(120, 180, 5)]
    said = told([run(0, range(180)), run(1, steps)])
    assert [said[step][1] for step in (54, 59, 60)] == [5.0, 5.5, 5.5]
    assert {said[step][1] for step in range(61, 120)} == {None}


def test_a_smoothed_line_says_its_smoothed_value():
    runs = [run(0, range(1, 9)), run(1, (2, 4, 6, 8), value=float)]
    said = told(runs, Look(smooth=0.5))
    assert said[3][2] == 2.0  # as measured
    assert said[3][3] == 2.0  # the first value of an average is itself
    assert said[5][2:] == (4.0, 10 / 3)


def test_along_time_values_are_told_by_the_clock_of_each_run():
    slow = by_time({float(step): NOON + timedelta(minutes=4 * step) for step in range(11)})
    fast = by_time({float(step): NOON + timedelta(minutes=step + 0.5) for step in range(11)})
    said = told([run(0, range(11), slow), run(1, range(11), fast)])
    assert said[4.0] == (0.1, 0.4)
    assert said[6.0] == (0.1, 0.6)
    assert said[40.0] == (1.0, None)


def test_a_view_along_an_axis_is_of_the_points_that_lie_in_it():
    axis = by_tokens(None, 1000, 100)
    (one,) = drawn_runs("valid_loss", [run(0, range(1, 101), axis)], Look(low=200, high=300))
    assert list(one.seen.xs) == [float(step) for step in range(20, 31)]
    assert one.lines[0].trace.xs[0] == 200


def test_a_step_without_a_place_is_not_drawn():
    axis = by_time({2.0: NOON, 4.0: NOON + timedelta(minutes=1)})
    (one,) = drawn_runs("valid_loss", [run(0, range(1, 6), axis)], PLAIN)
    assert list(one.lines[0].trace.xs) == [0.0, 0.5, 1.0]


def test_a_single_point_is_apart_from_nothing():
    assert (apart([]), apart([5.0])) == (0.0, 0.0)


STEPS = st.lists(st.integers(0, 300), min_size=1, max_size=40, unique=True).map(sorted)


@given(STEPS, STEPS)
def test_the_pointer_never_says_what_was_not_measured_then_or_before(first, second):
    runs = [run(0, first), run(1, second)]
    for x, values in told(runs).items():
        for one, steps, value in zip(runs, (first, second), values, strict=True):
            before = [step for step in steps if step <= x]
            if x in steps:
                assert value == x / 10
            elif value is not None:
                assert value == before[-1] / 10
                assert x - before[-1] <= apart(one.points.xs)
