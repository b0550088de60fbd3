"""A job that hangs: it says it runs, and nothing happens any more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulator import life, render, story
from simulator.population import World, from_scenario
from simulator.spec import from_json, to_json

EPOCH = 1_790_000_000.0
SPEC = replace(
    from_scenario(World(7, EPOCH), "support", "stall", created_at=EPOCH),
    validating_s=10.0,
    queued_s=10.0,
    running_s=1000.0,
    stalls_at=0.5,
)
TOTAL = life.plan(SPEC).total_steps


def test_it_trains_like_any_other_up_to_that_share():
    healthy = replace(SPEC, stalls_at=None)
    for passed in (0, 15, 200, 450):
        assert life.steps_done(SPEC, EPOCH + passed) == life.steps_done(healthy, EPOCH + passed)


@pytest.mark.parametrize("passed", [600, 5000, 86_400 * 300])
def test_after_it_nothing_happens(passed):
    now = EPOCH + passed
    assert life.status(SPEC, now) == "running"
    assert life.steps_done(SPEC, now) == TOTAL // 2
    assert story.told(SPEC, now, late=True) == story.told(SPEC, EPOCH + 520, late=True)
    assert render.job(SPEC, now)["finished_at"] is None


def test_its_finish_time_passes_and_stays():
    assert life.estimated_finish(SPEC, EPOCH + 5000) == pytest.approx(EPOCH + 1020, abs=3)


def test_it_can_be_stopped_or_hurried():
    assert life.status(replace(SPEC, outcome="cancelled", stopped_at=EPOCH + 700), EPOCH + 701) == (
        "cancelled"
    )
    hurried = replace(SPEC, hurried_at=EPOCH + 700)
    assert life.status(hurried, EPOCH + 701) == "succeeded"
    assert life.steps_done(hurried, EPOCH + 701) == TOTAL


def test_it_survives_a_restart():
    assert to_json(from_json(to_json(SPEC))) == to_json(SPEC)
