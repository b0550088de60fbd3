"""Nested numbers: which become lines of the main charts, and how the rest is listed."""

from dashboard import charts
from dashboard.charts import Curve
from dashboard.nested import FAMILY, MOST_ROWS, OWN_PANELS, nested, split

POINTS = ((1.0, 3.0), (2.0, 1.0), (3.0, 2.0))


def curves(*names):
    return [Curve(name, POINTS) for name in names]


def names(found):
    return [curve.metric for curve in found]


def test_headline_metrics_are_charts_and_nested_ones_are_rows():
    main, rest = split(curves("train_loss", "errors/graders/exact/train_other_error_count"))
    assert (names(main), names(rest)) == (
        ["train_loss"],
        ["errors/graders/exact/train_other_error_count"],
    )


def test_each_grader_has_a_line_in_a_panel_of_their_own_and_each_phase_one_in_timing():
    graders = [f"scores/graders/{name}/train_reward_mean" for name in ("exact", "style")]
    main, rest = split(curves("train_mean_reward", *graders, "timing/step/sampling"))
    made = [(chart.title, len(chart.series)) for chart in charts.panels(main, now=None)]
    assert rest == []
    assert made == [
        ("Reward", 1),
        ("Graders: training mean reward", 2),
        ("Timing, seconds", 1),
    ]


def test_too_many_graders_to_tell_apart_are_rows():
    many = [f"scores/graders/g{n}/train_reward_mean" for n in range(FAMILY + 1)]
    assert split(curves(*many[:-1]))[1] == []
    assert names(split(curves(*many))[1]) == many


def test_an_old_result_file_with_a_slash_in_a_column_keeps_its_chart():
    assert names(split(curves("classification/accuracy"))[0]) == ["classification/accuracy"]


def test_a_flood_of_unknown_metrics_makes_no_flood_of_charts():
    told = curves("train_loss", *(f"custom_{n}" for n in range(100)))
    main, rest = split(told)
    assert (len(main), len(rest)) == (1 + OWN_PANELS, 100 - OWN_PANELS)


def test_rows_are_grouped_by_the_first_part_and_name_their_owner():
    found = nested(curves("usage/graders/exact/train_prompt_tokens_mean", "scores/valid_x", "odd"))
    assert [group.title for group in found.groups] == ["Other", "Scores", "Token usage"]
    row = found.groups[2].rows[0]
    assert (row.name, row.owner) == ("Training prompt tokens mean", "exact")
    assert (row.values, row.last, row.least, row.most) == ((3.0, 1.0, 2.0), 2.0, 1.0, 3.0)


def test_rows_are_bounded_and_the_rest_is_counted():
    found = nested(curves(*(f"a/{n}" for n in range(MOST_ROWS + 5))))
    assert (found.number, found.left_out) == (MOST_ROWS, 5)


def test_a_curve_without_a_value_is_no_row():
    assert nested([Curve("a/b", ((1.0, None),)), Curve("a/c", ())]).groups == ()


def test_no_name_breaks_the_listing():
    found = nested(curves("/", "//", "a/", "/b", "x" * 200 + "/y"))
    assert found.number == 5
