"""Curves of several jobs in one chart."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dashboard.charts import finite
from dashboard.drawing import Look
from dashboard.overlay import (
    LABEL_ROOM,
    best_at,
    can_be_log,
    main_metric,
    ordered,
    overlay,
    short_name,
    spread,
)
from dashboard.overlay_lines import Run, style
from dashboard.traces import Trace
from dashboard.x_axes import by_tokens

FALL = tuple((float(step), 3.0 - step / 50) for step in range(1, 101))


def runs(**curves) -> list[Run]:
    pairs = enumerate(curves.items())
    return [Run(place, name, Trace.of(points)) for place, (name, points) in pairs]


def test_eight_jobs_have_eight_styles_of_four_hues_and_two_dashes():
    styles = [style(place) for place in range(8)]
    assert len(set(styles)) == 8
    assert [line for line, _ in styles] == [1, 2, 3, 4] * 2
    assert [dash for _, dash in styles] == [""] * 4 + ["dashed"] * 4


def test_a_job_keeps_its_style_though_one_before_it_has_no_curve():
    chart = overlay("valid_loss", runs(v7=(), v8=FALL))
    assert [(one.label, one.line) for one in chart.series] == [("v8", 2)]


def test_jobs_without_the_metric_are_named():
    chart = overlay("valid_loss", runs(v7=FALL, rft=(), v9=()))
    assert chart.sentence.endswith(" Without validation loss: rft, v9.")


def test_the_sentence_tells_each_job_s_way_and_best_value():
    chart = overlay("valid_loss", runs(v7=((1, 2.0), (2, 0.4), (3, 0.5)), v8=((1, 1.5),)))
    assert chart.sentence == ("v7 2 → 0.5 at step 3, lowest 0.4 at step 2; v8 1.5 at step 1.")


def test_without_any_value_there_is_no_chart():
    assert overlay("valid_loss", runs(v7=(), v8=((1.0, math.nan),))) is None


def test_the_best_is_of_all_points_and_not_of_those_drawn():
    points = [(float(step), 1.0) for step in range(10_000)]
    points[4321] = (4321.0, 0.25)
    best = best_at("valid_loss", Trace.of(points))
    assert (best.value, best.step) == (0.25, 4321.0)


def test_what_has_no_good_direction_has_no_best():
    assert best_at("learning_rate", Trace.of(FALL)).value is None


def test_of_a_zoom_the_sentence_tells_what_is_seen_and_what_is_not():
    look = Look(low=20, high=60)
    chart = overlay("valid_loss", runs(V7=FALL, v8=FALL[:5], rft=()), look)
    assert chart.sentence == (
        "From step 20 to step 60: V7 2.6 → 1.8 at step 60."
        " Without validation loss: rft. Nothing to draw here of v8."
    )
    assert chart.x_range == (20, 60)
    assert [one.steps[0] for one in chart.series] == [20.0]


def test_a_zoom_to_where_nothing_is_draws_nothing():
    assert overlay("valid_loss", runs(v7=FALL), Look(low=200)) is None


def test_each_smoothed_line_lies_over_its_own_faint_one():
    chart = overlay("valid_loss", runs(v7=FALL, v8=FALL[::-1][::-1]), Look(smooth=0.9))
    told = [(one.label, one.faint, one.line) for one in chart.series]
    assert told[:2] == [("v7", True, 1), ("v7, smoothed", False, 1)]
    assert told[2:] == [("v8", True, 2), ("v8, smoothed", False, 2)]
    assert len(chart.ends) == 2


def test_smoothing_sees_the_whole_run_and_never_only_the_zoom():
    whole = overlay("valid_loss", runs(v7=FALL), Look(smooth=0.9)).series[1]
    part = overlay("valid_loss", runs(v7=FALL), Look(low=50, smooth=0.9)).series[1]
    assert part.values == whole.values[49:]


def test_a_logarithmic_scale_says_what_it_leaves_out():
    chart = overlay("valid_loss", runs(v7=((1, 2.0), (2, 0.0), (3, 0.5))), Look(is_log=True))
    assert chart.is_log
    assert chart.series[0].values == (2.0, None, 0.5)
    assert chart.sentence.endswith("1 value at or below 0 has no place on a log scale.")


def test_only_losses_above_zero_can_be_logarithmic():
    assert can_be_log("valid_loss", runs(v7=FALL))
    assert not can_be_log("valid_loss", runs(v7=((1, 0.0),), v8=()))
    assert not can_be_log("train_mean_reward", runs(v7=FALL))


def test_along_tokens_each_run_has_its_own_places():
    elapsed = Trace.of([(1.0, 10.0), (100.0, 1000.0)])
    counted, shared_out = by_tokens(elapsed, None, 100), by_tokens(None, 500, 100)
    trace = Trace.of(FALL)
    chart = overlay("valid_loss", [Run(0, "v7", trace, counted), Run(1, "v8", trace, shared_out)])
    assert [one.steps[-1] for one in chart.series] == [1000.0, 500.0]
    assert chart.x_label == "Tokens (estimate)"
    assert chart.direction == "Lower is better · tokens (estimate)"
    assert "v7 2.98 → 1 at token 1\u2009000" in chart.sentence


VALUES = st.floats(allow_nan=True, allow_infinity=True)
CURVES = st.lists(st.lists(VALUES, max_size=12), min_size=1, max_size=4)


@given(CURVES)
def test_any_numbers_make_a_chart_or_none(curves):
    stepped = [tuple(enumerate(map(float, values))) for values in curves]
    chart = overlay("train_loss", runs(**{f"v{n}": one for n, one in enumerate(stepped)}))
    drawn_ones = [one for one in stepped if finite(one)]
    assert (chart is None) == (not drawn_ones)
    assert chart is None or len(chart.series) == len(chart.ends) == len(drawn_ones)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8))
def test_names_at_the_ends_never_cover_each_other(wished):
    found = sorted(spread(wished, LABEL_ROOM))
    gaps = [after - before for before, after in pairwise(found)]
    assert all(gap >= LABEL_ROOM - 1e-9 for gap in gaps)
    assert max(found) <= 100


def test_a_name_alone_stands_at_the_end_of_its_line():
    chart = overlay("valid_loss", runs(v7=((0, 0.0), (1, 1.0))))
    (end,) = chart.ends
    assert end.label == end.title == "v7"
    assert end.at < 10


def test_a_long_name_keeps_both_its_ends():
    assert short_name("support-bot-nightly-12") == "suppo…t-nightly-12"


def test_the_metric_that_most_jobs_have_is_drawn_first():
    loss, reward = {"train_loss", "valid_loss"}, {"train_mean_reward"}
    assert main_metric([reward, loss, loss]) == "valid_loss"
    assert main_metric([reward, reward, loss]) == "train_mean_reward"
    assert main_metric([{"grad_norm"}, {"grad_norm", "lr"}]) == "grad_norm"
    assert main_metric([set(), set()]) == ""


def test_metrics_are_offered_with_the_telling_ones_first_and_each_once():
    names = ["scores/graders/a/mean", "grad_norm", "train_loss", "valid_loss", "train_loss", "zeta"]
    assert ordered(names) == [
        "valid_loss",
        "train_loss",
        "grad_norm",
        "zeta",
        "scores/graders/a/mean",
    ]
