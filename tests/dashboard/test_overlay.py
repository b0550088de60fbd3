"""Curves of several jobs in one chart."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dashboard.charts import finite
from dashboard.overlay import (
    COLUMNS,
    LABEL_ROOM,
    Drawn,
    Line,
    drawn,
    main_metric,
    ordered,
    overlay,
    short_name,
    spread,
    style,
)

FALL = tuple((float(step), 3.0 - step / 50) for step in range(1, 101))


def lines(**curves) -> list[Line]:
    made = drawn("valid_loss", list(curves.values()))
    return [Line(place, *pair) for place, pair in enumerate(zip(curves, made, strict=True))]


def test_eight_jobs_have_eight_styles_of_four_hues_and_two_dashes():
    styles = [style(place) for place in range(8)]
    assert len(set(styles)) == 8
    assert [line for line, _ in styles] == [1, 2, 3, 4] * 2
    assert [dash for _, dash in styles] == [""] * 4 + ["dashed"] * 4


def test_a_job_keeps_its_style_though_one_before_it_has_no_curve():
    chart = overlay("valid_loss", lines(v7=(), v8=FALL))
    assert [(one.label, one.line) for one in chart.series] == [("v8", 2)]


def test_jobs_without_the_metric_are_named():
    chart = overlay("valid_loss", lines(v7=FALL, rft=(), v9=()))
    assert chart.sentence.endswith(" Without validation loss: rft, v9.")


def test_the_sentence_tells_each_job_s_way_and_best_value():
    chart = overlay("valid_loss", lines(v7=((1, 2.0), (2, 0.4), (3, 0.5)), v8=((1, 1.5),)))
    assert chart.sentence == ("v7 2 → 0.5 at step 3, lowest 0.4 at step 2; v8 1.5 at step 1.")


def test_without_any_value_there_is_no_chart():
    assert overlay("valid_loss", lines(v7=(), v8=((1.0, math.nan),))) is None


def test_one_step_tells_the_values_of_all_jobs():
    waves = [
        tuple((float(step), math.sin(step / period)) for step in range(10_000))
        for period in (7, 11, 13)
    ]
    made = drawn("train_loss", waves)
    assert len({tuple(step for step, _ in one.points) for one in made}) == 1
    assert len(made[0].points) <= 2 * COLUMNS + 2


def test_the_best_is_of_all_points_and_not_of_those_drawn():
    points = [(float(step), 1.0) for step in range(10_000)]
    points[4321] = (4321.0, 0.25)
    (one,) = drawn("valid_loss", [points])
    assert (one.best, one.best_step) == (0.25, 4321.0)


def test_what_has_no_good_direction_has_no_best():
    (one,) = drawn("learning_rate", [FALL])
    assert (one.best, one.best_step) == (None, None)


VALUES = st.floats(allow_nan=True, allow_infinity=True)
CURVES = st.lists(st.lists(VALUES, max_size=12), min_size=1, max_size=4)


@given(CURVES)
def test_any_numbers_make_a_chart_or_none(curves):
    stepped = [tuple(enumerate(map(float, values))) for values in curves]
    chart = overlay("train_loss", lines(**{f"v{n}": one for n, one in enumerate(stepped)}))
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
    chart = overlay("valid_loss", [Line(0, "v7", Drawn(((0, 0.0), (1, 1.0))))])
    (end,) = chart.ends
    assert end.label == end.title == "v7"
    assert end.at < 10


def test_a_long_name_keeps_both_its_ends():
    assert short_name("support-bot-nightly-12") == "suppo…ghtly-12"


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
