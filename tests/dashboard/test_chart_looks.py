"""A panel smoothed, on a logarithmic scale, zoomed into, and with its best point."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import charts
from dashboard.axes import Scale, ticks
from dashboard.charts import Curve, Look
from dashboard.smoothing import smoothed
from dashboard.x_axes import by_tokens

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TRAIN = Curve("train_loss", tuple((float(step), 2.0 + step % 3) for step in range(1, 31)))
VALID = Curve("valid_loss", ((10.0, 3.0), (20.0, 2.5), (30.0, 2.7)))
PLAIN = Look()


def panel(*curves: Curve, look: Look = PLAIN):
    (made,) = charts.panels(curves, now=NOW, look=look)
    return made


def test_a_smoothed_line_lies_over_its_faint_raw_one():
    raw, even = panel(TRAIN, look=Look(smooth=0.5)).series
    assert (raw.faint, even.faint, raw.line) == (True, False, even.line)
    assert even.label == "Training loss, smoothed"
    assert even.values == pytest.approx(smoothed([value for _, value in TRAIN.points], 0.5))


def test_a_zoom_does_not_bend_the_smoothed_line():
    look = Look(smooth=0.8)
    whole = dict(panel(TRAIN, look=look).rows)
    part = dict(panel(TRAIN, look=replace(look, low=10, high=20)).rows)
    assert part == {step: whole[step] for step in part}
    assert list(part) == [float(step) for step in range(10, 21)]


def test_a_zoom_shows_points_that_the_whole_left_out():
    long = Curve("train_loss", tuple((float(step), step % 7) for step in range(50_000)))
    whole, part = panel(long), panel(long, look=Look(low=1000, high=1500))
    assert len(whole.rows) < 1000
    assert [row[0] for row in part.rows] == [float(step) for step in range(1000, 1501)]
    assert part.x_range == (1000, 1500)
    assert part.sentence.startswith("From step 1\u2009000 to step 1\u2009500: training loss")


def test_panels_share_one_axis():
    accuracy = Curve("train_accuracy", ((5.0, 0.5), (40.0, 0.6)))
    made = charts.panels([TRAIN, accuracy], now=NOW)
    assert [one.x_range for one in made] == [(1, 40), (1, 40)]


def test_a_panel_without_a_value_in_the_zoom_is_left_out():
    made = charts.panels([TRAIN, Curve("train_mean_reward", ((1.0, 0.5),))], now=NOW,
                         look=Look(low=10))  # fmt: skip
    assert [one.name for one in made] == ["loss"]
    assert charts.panels([TRAIN], now=NOW, look=Look(low=100)) == ()


def test_on_a_logarithmic_scale_what_is_not_above_zero_is_a_counted_gap():
    curve = Curve("train_loss", ((1.0, 10.0), (2.0, 0.0), (3.0, -1.0), (4.0, 0.1)))
    made = panel(curve, look=Look(is_log=True))
    assert made.is_log
    assert [row for row, _ in made.rows] == [1.0, 4.0]
    assert made.sentence.endswith("2 values at or below 0 have no place on a log scale.")


def test_only_losses_are_drawn_on_a_logarithmic_scale():
    curves = [TRAIN, Curve("train_mean_reward", ((1.0, 0.1), (2.0, 0.5)))]
    made = charts.panels(curves, now=NOW, look=Look(is_log=True))
    assert [(one.name, one.is_log) for one in made] == [("loss", True), ("reward", False)]


def test_losses_that_are_never_above_zero_stay_on_the_plain_scale():
    curve = Curve("train_loss", ((1.0, -1.0), (2.0, 0.0)))
    assert not panel(curve, look=Look(is_log=True)).is_log


@given(st.floats(1e-12, 1e6), st.floats(1.1, 1e12))
def test_ticks_of_a_logarithmic_scale_lie_on_it_and_are_few(low, factor):
    scale = Scale(low, low * factor, is_log=True)
    found = ticks(scale, 5)
    assert 1 <= len(found) <= 15
    assert all(scale.low * 0.999 <= one <= scale.high * 1.001 for one in found)


def test_the_best_by_validation_is_marked_and_what_came_after_is_said():
    made = panel(TRAIN, VALID)
    assert (made.best.x, made.best.value) == (20.0, 2.5)
    assert "Best 2.5 at step 20; validation rose after." in made.sentence
    assert made.sentence.count("2.5") == 1


def test_the_best_point_of_the_whole_run_is_named_in_a_zoom_and_drawn_only_where_it_is():
    made = panel(TRAIN, VALID, look=Look(low=21))
    assert made.best is None
    assert "Best of the whole run 2.5 at step 20; validation rose after." in made.sentence
    assert "Best 2.5 at step 20" in panel(TRAIN, VALID, look=Look(low=15)).sentence


def test_validation_that_still_improves_has_not_turned():
    made = panel(Curve("valid_loss", ((1.0, 3.0), (2.0, 2.0))))
    assert made.sentence.endswith("Best 2 at step 2.")


@pytest.mark.parametrize(
    ("others", "marked"),
    [
        (("valid_accuracy", "valid_mean_reward"), "accuracy"),
        (("valid_mean_reward",), "reward"),
        (("train_mean_reward",), None),
    ],
)
def test_without_a_validation_loss_the_next_measure_decides(others, marked):
    curves = [Curve(name, ((1.0, 0.2), (2.0, 0.9), (3.0, 0.8))) for name in others]
    found = [one.name for one in charts.panels(curves, now=NOW) if one.best]
    assert found == ([marked] if marked else [])


def test_the_whole_validation_set_goes_before_a_sample_once_it_has_two_values():
    sample = Curve("valid_loss", ((1.0, 1.0), (2.0, 2.0)))
    once = Curve("full_valid_loss", ((2.0, 9.0),))
    twice = Curve("full_valid_loss", ((1.0, 9.0), (2.0, 8.0)))
    assert panel(sample, once).best.value == 1.0
    assert panel(sample, twice).best.value == 8.0


def test_along_tokens_the_sentence_and_the_table_speak_of_tokens():
    axis = by_tokens(None, 3_000_000, 30)
    made = panel(TRAIN, VALID, look=Look(axis=axis))
    assert made.x_label == "Tokens (estimate)"
    assert made.rows[0][0] == 100_000
    assert "at token 2\u2009000\u2009000" in made.sentence


def test_a_checkpoint_has_its_place_on_the_axis_in_view():
    made = charts.panels([TRAIN], now=NOW, checkpoints=[(10, "a"), (99, "b")], look=Look(low=5))
    assert [(mark.label, mark.x) for mark in made[0].marks] == [("a", 10)]


def test_what_the_browser_draws_is_what_the_table_lists():
    made = panel(TRAIN, VALID, look=Look(smooth=0.3))
    drawn = {}
    for place, one in enumerate(made.payload["series"]):
        for x, value in zip(one["steps"], one["values"], strict=True):
            drawn.setdefault(x, [None] * len(made.series))[place] = value
    assert {x: tuple(values) for x, values in drawn.items()} == dict(made.rows)


values = st.floats(allow_nan=True, allow_infinity=True)


@given(
    st.lists(st.one_of(st.none(), values), min_size=1, max_size=40),
    st.builds(
        Look,
        low=st.one_of(st.none(), st.floats(-10, 50)),
        smooth=st.sampled_from([0.0, 0.6, 0.99]),
        is_log=st.booleans(),
    ),
)
def test_no_values_and_no_look_break_a_panel(told, look):
    curve = Curve("valid_loss", [(float(step), value) for step, value in enumerate(told)])
    for made in charts.panels([curve], now=NOW, look=look):
        assert made.rows
        assert made.series
