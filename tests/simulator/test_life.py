from __future__ import annotations

from itertools import pairwise

import pytest

from simulator import editing, life
from tests.simulator.makers import START, a_spec, every_second


def words(spec):
    seen = [life.status(spec, now) for now in every_second(spec)]
    return list(dict.fromkeys(seen))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ["validating_files", "queued", "running", "succeeded"]),
        ({"outcome": "failed", "ends_in": "validating"}, ["validating_files", "failed"]),
        ({"outcome": "failed", "ends_in": "queued"}, ["validating_files", "queued", "failed"]),
        (
            {"outcome": "failed", "ends_at": 0.4},
            ["validating_files", "queued", "running", "failed"],
        ),
        (
            {"outcome": "cancelled", "stopped_at": START + 30},
            ["validating_files", "queued", "cancelled"],
        ),
        (
            {"outcome": "paused", "ends_at": 0.5},
            ["validating_files", "queued", "running", "paused"],
        ),
    ],
)
def test_states_come_in_order(fields, expected):
    assert words(a_spec(**fields)) == expected


def test_steps_never_fall_and_reach_the_total():
    spec = a_spec()
    steps = [life.steps_done(spec, now) for now in every_second(spec)]
    assert all(earlier <= later for earlier, later in pairwise(steps))
    assert (steps[0], steps[-1]) == (0, 360)


def test_a_step_is_done_at_the_moment_it_names():
    spec = a_spec()
    for step in range(1, 361):
        moment = life.step_at(spec, step)
        assert life.steps_done(spec, moment) == step
        assert life.steps_done(spec, moment - 0.01) == step - 1


def test_a_job_that_fails_in_validation_trains_nothing():
    spec = a_spec(outcome="failed", ends_in="validating")
    assert [life.steps_done(spec, START + 1000), life.tokens(spec, START + 1000)] == [0, 0]


def test_tokens_at_the_end_are_examples_times_length_times_epochs():
    assert life.tokens(a_spec(), START + 400) == 240 * 310 * 3


def test_auto_becomes_numbers():
    resolved = life.resolved(a_spec(method="dpo"))
    assert resolved == {
        "n_epochs": 3,
        "batch_size": 2,
        "learning_rate_multiplier": 1.8,
        "beta": 0.1,
    }


def test_what_was_asked_for_stays():
    resolved = life.resolved(a_spec(requested={"n_epochs": 7, "batch_size": 16}))
    assert (resolved["n_epochs"], resolved["batch_size"]) == (7, 16)
    assert life.plan(a_spec(requested={"n_epochs": 7, "batch_size": 16})).total_steps == 15 * 7


def test_the_estimate_exists_only_while_running():
    spec = a_spec()
    estimates = [life.estimated_finish(spec, START + at) for at in (10, 100, 400)]
    assert estimates[0] is None
    assert estimates[2] is None
    assert abs(estimates[1] - (START + 350)) <= 3


def test_only_the_last_three_epochs_keep_a_checkpoint():
    spec = a_spec(requested={"n_epochs": 5, "batch_size": 2})
    assert life.checkpoint_steps(spec, START + 400) == (600, 480, 360)
    assert life.checkpoint_steps(spec, START + 40) == ()


def test_finishing_early_ends_the_job_now_with_all_its_steps():
    spec = editing.finish(a_spec(), START + 100, "succeeded")
    assert life.status(spec, START + 99) == "running"
    assert life.status(spec, START + 100) == "succeeded"
    assert life.steps_done(spec, START + 100) == 360


def test_cancelling_keeps_the_steps_done_so_far():
    before = life.steps_done(a_spec(), START + 100)
    spec = editing.finish(a_spec(), START + 100, "cancelled")
    assert 0 < life.steps_done(spec, START + 900) == before < 360


def test_a_finished_job_cannot_be_finished_again():
    with pytest.raises(editing.Refused, match="succeeded"):
        editing.finish(a_spec(), START + 1000, "cancelled")


def test_advancing_goes_phase_by_phase():
    spec, seen = a_spec(), []
    for second in (1, 2, 3):
        spec = editing.advance(spec, START + second)
        seen.append(life.status(spec, START + second))
    assert seen == ["queued", "running", "succeeded"]
