"""Nested numbers become curves by the rules of docs/metrics.md, and never more than it says."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers.metrics import (
    DETAILED_STEPS,
    MAX_FLAT,
    MAX_NAME,
    MAX_NESTED,
    flattened,
    is_detailed,
)
from providers.results import read_result_file
from providers.wire import Event, read_checkpoint, read_event
from tests.providers.wire_json import a_checkpoint, an_event

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(
            st.sampled_from(["name", "step", "a", "b/c", "", "\x00", "x" * 300]), inner
        )
    ),
    max_leaves=60,
)


def test_a_nested_number_is_named_by_its_path():
    assert flattened({"timing": {"step": {"eval": 6.5}}}) == {"timing/step/eval": 6.5}


def test_elements_of_a_list_are_named_by_their_name_else_by_their_place():
    graders = [{"name": "exact", "mean": 1}, {"name": " ", "mean": 2}, 3, {"mean": 4}]
    assert flattened({"graders": graders}) == {
        "graders/exact/mean": 1.0,
        "graders/1/mean": 2.0,
        "graders/2": 3.0,
        "graders/3/mean": 4.0,
    }


def test_the_same_names_come_out_as_in_a_result_file():
    nested = {"errors": {"graders": [{"name": "my grader", "train_other_error_count": 2}]}}
    column = "errors/graders/my grader/train_other_error_count"
    (point,) = read_result_file(f"step,{column}\n1,0\n".encode()).points
    assert list(flattened(nested)) == [point.metric] == [column]


def test_a_name_that_is_too_long_is_cut_where_a_column_is():
    long = "x" * 150
    (name,) = flattened({long: {long: 1}})
    (point,) = read_result_file(f"step,{long}/{long}\n1,0\n".encode()).points
    assert name == point.metric
    assert len(name) == MAX_NAME


def test_of_two_numbers_with_one_name_the_first_counts_and_the_top_before_the_rest():
    twins = [{"name": "g", "mean": 1}, {"name": "g", "mean": 2}]
    assert flattened({"a": {"g": {"mean": 8}}, "a/g/mean": 9}) == {"a/g/mean": 9.0}
    assert flattened({"graders": twins}) == {"graders/g/mean": 1.0}


@pytest.mark.parametrize("value", [True, None, "7", "", math.nan, math.inf, 10**400, [], {}])
def test_only_finite_numbers_count(value):
    assert flattened({"a": {"b": value}}) == {}


def test_steps_are_no_measurement_at_any_depth():
    assert flattened({"step": 1, "total_steps": 9, "a": {"step": 1, "total_steps": 9}}) == {}


def test_minus_one_is_no_loss_and_a_real_reward():
    assert flattened({"a": {"valid_loss": -1, "reward": -1}}) == {"a/reward": -1.0}


def test_what_lies_deepest_is_left_out_before_it_costs_anything():
    deep: object = {"n": 1}
    for _ in range(200):
        deep = {"d": deep}
    assert flattened({"deep": deep, "near": {"n": 2}}) == {"near/n": 2.0}


def test_a_long_list_does_not_push_out_what_lies_less_deep():
    many = {"graders": [{"name": f"g{n}", "mean": n} for n in range(10_000)]}
    found = flattened({"usage": many, "scores": {"train_reward_mean": 0.5}, "reward": 1})
    assert list(found)[:2] == ["reward", "scores/train_reward_mean"]
    assert len(found) == 1 + MAX_NESTED


def test_ten_thousand_numbers_in_one_event_are_bounded_and_the_event_stays_whole():
    data = {"step": 1, **{f"m{n}": n for n in range(10_000)}, "list": list(range(10_000))}
    event = read_event(an_event(data=data))
    assert isinstance(event, Event)
    assert len(event.points) == MAX_FLAT + MAX_NESTED
    assert event.data == data


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.text(max_size=6), JSON, max_size=8))
def test_no_tree_raises_and_every_count_is_bounded(data):
    found = flattened(data)
    assert len(found) <= MAX_FLAT + MAX_NESTED
    assert all(0 < len(name) <= MAX_NAME and "\x00" not in name for name in found)
    assert all(type(value) is float and math.isfinite(value) for value in found.values())


@pytest.mark.parametrize(
    ("step", "total", "is_kept"),
    [
        (1, 100, True),
        (77, 100, True),
        (200, 200, True),
        (1, 1000, True),  # every fifth from the first on, and the last
        (5, 1000, False),
        (6, 1000, True),
        (1000, 1000, True),
        (150, None, True),  # without a total as if this step were the last
        (401, None, False),
        (0, None, True),
    ],
)
def test_a_long_run_keeps_the_nested_numbers_of_some_steps(step, total, is_kept):
    assert is_detailed(float(step), total) is is_kept


@pytest.mark.parametrize("total", [1, 200, 777, 10_000, 100_000])
def test_however_long_the_run_the_detailed_steps_are_few(total):
    kept = sum(is_detailed(float(step), total) for step in range(1, total + 1))
    assert min(total, DETAILED_STEPS // 2) <= kept <= DETAILED_STEPS + 1


def test_a_run_of_unknown_length_thins_out_as_it_goes():
    assert sum(is_detailed(float(step), None) for step in range(1, 100_001)) < 10 * DETAILED_STEPS


def test_between_the_detailed_steps_the_flat_numbers_stay():
    data = {"step": 7, "total_steps": 2000, "reward": 1, "errors": {"mean": 0.5}}
    assert [point.metric for point in read_event(an_event(data=data)).points] == ["reward"]


def test_a_checkpoint_keeps_its_flat_numbers_only():
    metrics = {"step": 1, "full_valid_loss": 0.5, "scores": {"mean": 1}}
    checkpoint = read_checkpoint(a_checkpoint(metrics=metrics))
    assert dict(checkpoint.metrics) == {"full_valid_loss": 0.5}
