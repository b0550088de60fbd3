"""Points -> what a chart shows."""

import re
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dashboard import charts, words
from dashboard.charts import Curve, Scale
from dashboard.state_bar import state_bar

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FALL = Curve("train_loss", tuple((float(step), 3.0 - step / 50) for step in range(1, 101)))


def test_the_sentence_tells_start_end_and_best() -> None:
    curve = Curve("train_loss", ((1, 2.31), (600, 0.4), (1200, 0.41)))
    valid = Curve("valid_loss", ((300, 0.6), (900, 0.47), (1200, 0.5)))
    text = charts.sentence([curve, valid], NOW, NOW - timedelta(seconds=40))
    assert text == (
        "Training loss 2.31 → 0.41 over 1\u2009200 steps, lowest 0.4 at step 600; "
        "validation loss 0.6 → 0.5, lowest 0.47 at step 900. Last point 40 s ago."
    )


def test_the_sentence_counts_what_is_not_finite() -> None:
    curve = Curve("train_loss", ((1, 2.0), (2, float("nan")), (3, None), (4, 1.0)))
    assert "2 values were not finite" in charts.sentence([curve], NOW, None)


def test_a_reward_is_best_when_highest() -> None:
    (chart,) = charts.panels([Curve("train_mean_reward", ((1, 0.1), (2, 0.9), (3, 0.5)))], now=NOW)
    assert chart.direction == "Higher is better"
    assert "highest 0.9 at step 2" in chart.sentence


def test_losses_share_a_panel_and_unrelated_metrics_do_not() -> None:
    points = ((1.0, 1.0), (2.0, 2.0))
    names = ["grad_norm", "valid_loss", "train_accuracy", "train_loss", "learning_rate"]
    made = charts.panels([Curve(name, points) for name in names], now=NOW)
    assert [(one.name, len(one.series)) for one in made] == [
        ("loss", 2),
        ("accuracy", 1),
        ("grad_norm", 1),
        ("learning_rate", 1),
    ]


def test_training_is_solid_and_validation_dashed() -> None:
    points = ((1.0, 1.0), (2.0, 2.0))
    names = ("full_valid_loss", "valid_loss", "train_loss")
    (chart,) = charts.panels([Curve(name, points) for name in names], now=NOW)
    styles = [(one.metric, one.line, one.dash) for one in chart.series]
    assert styles == [
        ("train_loss", 1, ""),
        ("valid_loss", 2, "dashed"),
        ("full_valid_loss", 3, "dotted"),
    ]


@pytest.mark.parametrize("points", [(), ((1, None),), ((1, float("inf")),)])
def test_a_curve_without_a_value_has_no_panel(points) -> None:
    assert charts.panels([Curve("train_loss", points)], now=NOW) == ()


def test_a_panel_that_is_zero_throughout_is_named_and_left_out() -> None:
    none = Curve("errors/graders/exact/train_other_error_count", ((1, 0.0), (2, 0.0), (3, None)))
    one = Curve("errors/graders/exact/train_sample_error_count", ((1, 0.0), (2, 1.0)))
    assert [chart.title for chart in charts.panels([none, one], now=NOW)] == [
        "Exact: training sample errors"
    ]
    assert charts.zero_panels([none, one]) == ("Exact: training other errors",)


def test_a_single_point_is_a_dot() -> None:
    (chart,) = charts.panels([Curve("valid_loss", ((5, 0.5),))], now=NOW)
    assert (chart.series[0].path, len(chart.series[0].dots)) == ("", 1)
    assert chart.sentence == "Validation loss 0.5 at step 5."


def test_a_gap_splits_the_line() -> None:
    points = ((1, 1.0), (2, 2.0), (3, None), (4, 1.0), (5, 2.0))
    (chart,) = charts.panels([Curve("train_loss", points)], now=NOW)
    assert chart.series[0].path.count("M") == 2


def test_the_table_holds_the_points_of_the_drawing() -> None:
    (chart,) = charts.panels([FALL, Curve("valid_loss", ((50, 1.5), (101, 1.2)))], now=NOW)
    assert chart.rows[0] == (1.0, (2.98, None))
    assert chart.rows[-1] == (101, (None, 1.2))
    assert len(chart.rows) == len({*chart.series[0].steps, *chart.series[1].steps})


def test_downsampling_keeps_a_spike_and_both_ends() -> None:
    points = [(float(step), 1.0) for step in range(100_000)]
    points[44_444] = (44_444.0, 9.0)
    kept = charts.downsample(points)
    assert (44_444.0, 9.0) in kept
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert len(kept) <= 2 * charts.COLUMNS + 2


finite = st.floats(-1e9, 1e9)


@given(st.lists(finite, min_size=1, max_size=400), st.integers(1, 50))
def test_downsampling_keeps_the_extremes_in_order(values, columns) -> None:
    points = [(float(step), value) for step, value in enumerate(values)]
    kept = charts.downsample(points, columns)
    shown = [value for _, value in kept]
    assert (min(shown), max(shown)) == (min(values), max(values))
    assert [step for step, _ in kept] == sorted({step for step, _ in kept})
    assert set(kept) <= set(points)


@given(finite, st.floats(1e-6, 1e9), st.integers(2, 8))
def test_ticks_lie_on_the_axis_and_are_few(low, span, about) -> None:
    scale = Scale(low, low + span)
    if scale.high - scale.low <= abs(low) * 1e-9:
        return
    found = charts.ticks(scale, about)
    assert len(found) <= 3 * about
    assert all(scale.low - span / 100 <= one <= scale.high + span / 100 for one in found)


@example([1e308, -1e308, 0.0])
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=60))
def test_a_sparkline_stays_in_its_box(values) -> None:
    spark = charts.sparkline(values)
    numbers = [int(part) for part in re.findall(r"-?[0-9]+", spark.path)]
    across, down = accumulate(numbers[::2]), accumulate(numbers[1::2])
    assert all(0 <= place <= 192 for place in across)
    assert all(0 <= place <= 40 for place in down)


def test_the_state_bar_shares_out_the_time() -> None:
    stays = [
        ("queued", NOW - timedelta(minutes=4), NOW - timedelta(minutes=3)),
        ("running", NOW - timedelta(minutes=3), NOW),
    ]
    bar = state_bar(stays)
    assert [(one.state, one.x, one.width, one.elapsed) for one in bar] == [
        ("queued", 0, 25, "1:00"),
        ("running", 25, 75, "3:00"),
    ]


def test_no_time_is_no_bar() -> None:
    assert state_bar([]) == ()
    assert state_bar([("queued", NOW, NOW)]) == ()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "now"),
        (40, "40 s ago"),
        (720, "12 min ago"),
        (3 * 3600 + 59, "3 h ago"),
        (2 * 86_400, "2 d ago"),
        (8 * 86_400, "2026-11-14"),
        (-1200, "in 20 min"),
    ],
)
def test_an_age_is_one_number_and_a_unit(seconds, text) -> None:
    assert words.ago(NOW - timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.41234, "0.4123"),
        (1234.5, "1234"),
        (9999.7, "10\u2009000"),
        (6e-05, "6e-05"),
        (123456.0, "123\u2009456"),
    ],
)
def test_a_figure_keeps_its_size(value, text) -> None:
    assert words.figure(value) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(950, "950"), (12_400, "12.4_k"), (999_499, "999_k"), (999_600, "1_M"), (1_204_000, "1.2_M")],
)
def test_a_count_has_three_digits_on_both_sides_of_a_unit(number, text) -> None:
    assert words.short_count(number).replace(words.THIN_SPACE, "_") == text
