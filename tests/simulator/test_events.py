from __future__ import annotations

import math

import pytest

from simulator import editing, metrics, render
from simulator.scenarios import GRADERS
from tests.simulator.makers import START, a_spec

LONG_AFTER = START + 9000


def events(spec, now=LONG_AFTER):
    return [render.event(spec, beat) for beat in render.beats(spec, now)]


def test_events_come_newest_first():
    moments = [each["created_at"] for each in events(a_spec())]
    assert moments == sorted(moments, reverse=True)
    assert moments[0] > moments[-1]


def test_event_ids_are_unique():
    ids = [each["id"] for each in events(a_spec())]
    assert len(set(ids)) == len(ids) > 100


def test_events_that_were_served_never_change():
    early, late = events(a_spec(), START + 200), events(a_spec())
    assert late[-len(early) :] == early


def test_events_that_were_served_survive_a_cancel():
    spec = a_spec()
    early = events(spec, START + 200)
    late = events(editing.finish(spec, START + 200.5, "cancelled"))
    assert late[1:] == early
    assert late[0]["message"] == "Fine-tuning job cancelled"


def test_a_step_says_its_number_and_loss():
    spec = a_spec()
    step = next(
        each for each in events(spec) if each["type"] == "metrics" and each["data"]["step"] == 360
    )
    assert step["message"].startswith("Step 360/360: training loss=")
    assert set(step["data"]) == {
        "step",
        "total_steps",
        "train_loss",
        "train_mean_token_accuracy",
        "valid_loss",
        "valid_mean_token_accuracy",
        "full_valid_loss",
        "full_valid_mean_token_accuracy",
    }


def test_without_a_validation_file_nothing_is_validated():
    spec = a_spec(validation_file=None)
    assert not any("valid_loss" in (each["data"] or {}) for each in events(spec))


def test_a_failure_is_the_last_event_and_tells_the_reason():
    spec = a_spec(outcome="failed", ends_in="validating", error={"message": "Example 6174 is bad"})
    told = events(spec)
    assert (told[0]["level"], told[0]["message"]) == ("error", "Example 6174 is bad")
    assert len(told) == 3


def test_a_diverging_run_warns():
    levels = {each["level"] for each in events(a_spec(curve="diverge"))}
    assert levels == {"info", "warn"}


@pytest.mark.parametrize("grader", sorted(GRADERS))
def test_a_reinforcement_step_has_flat_numbers_beside_nested_parts(grader):
    spec = a_spec(method="reinforcement", grader=GRADERS[grader])
    step = metrics.at_step(spec, 18)
    flat = {name for name, value in step.items() if isinstance(value, int | float)}
    assert {"train_mean_reward", "full_valid_mean_reward", "reasoning_tokens_mean"} <= flat
    assert all(math.isfinite(step[name]) for name in flat)
    assert set(step) - flat == {"usage", "errors", "scores", "timing", "model_graders_token_usage"}


@pytest.mark.parametrize("form", [dict, lambda graders: list(graders.values())])
def test_a_multi_grader_reports_its_parts(form):
    grader = GRADERS["multi"] | {"graders": form(GRADERS["multi"]["graders"])}
    parts = metrics.at_step(a_spec(method="reinforcement", grader=grader), 1)["scores"]["graders"]
    assert [each["name"] for each in parts] == ["exact_number", "has_unit"]
