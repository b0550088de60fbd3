from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from simulator import life, population, render
from simulator.population import World
from simulator.spec import from_json, to_json

EPOCH = 1_790_000_000.0
DEMO = World(seed=7, epoch=EPOCH)


def lives(world, now):
    return sorted(
        (render.job(spec, now) for spec in population.initial(world)), key=lambda job: job["id"]
    )


def arrivals(world, count, arrived=(), started_at=EPOCH):
    times = list(arrived)
    for _ in range(count):
        times.append(population.next_arrival_at(world, times, started_at))
    return times


def test_the_demo_shows_every_state_at_once():
    counts = Counter(job["status"] for job in lives(DEMO, EPOCH))
    assert counts == {
        "validating_files": 1,
        "queued": 2,
        "running": 5,
        "paused": 1,
        "succeeded": 7,
        "failed": 3,
        "cancelled": 1,
    }


def test_the_demo_is_not_about_one_company():
    owners = {job["model"].split("/")[0] for job in lives(DEMO, EPOCH) if "/" in job["model"]}
    assert {"meta-llama", "Qwen"} <= owners


def test_one_demo_job_succeeds_within_90_seconds_and_one_fails_within_3_minutes():
    specs = population.initial(DEMO)
    alive = [spec for spec in specs if not life.is_over(spec, EPOCH)]
    ends = {spec.outcome: life.timeline(spec).ended_at - EPOCH for spec in reversed(alive)}
    assert ends["succeeded"] <= 90
    assert ends["failed"] <= 180


def test_the_demo_moves_every_few_seconds():
    running = [spec for spec in population.initial(DEMO) if life.status(spec, EPOCH) == "running"]
    for second in range(0, 60, 5):
        moved = [
            spec
            for spec in running
            if life.steps_done(spec, EPOCH + second + 5) > life.steps_done(spec, EPOCH + second)
        ]
        assert len(moved) >= 2


def test_two_jobs_of_the_demo_hang_for_as_long_as_anybody_looks():
    for day in (0, 1, 20):
        hanging = [job for job in lives(DEMO, EPOCH + day * 86400) if not job["finished_at"]]
        assert {job["status"] for job in hanging} >= {"queued", "running"}


def test_the_failures_of_the_demo_differ():
    errors = [job["error"]["code"] for job in lives(DEMO, EPOCH + 300) if job["status"] == "failed"]
    assert sorted(errors) == [
        "invalid_n_examples",
        "invalid_training_file",
        "refusals_v3",
        "server_error",
    ]


def test_the_same_seed_gives_the_same_lives():
    assert lives(DEMO, EPOCH + 70) == lives(World(seed=7, epoch=EPOCH), EPOCH + 70)


def test_another_seed_gives_other_lives():
    assert lives(DEMO, EPOCH) != lives(World(seed=8, epoch=EPOCH), EPOCH)


def test_a_new_job_starts_every_one_and_a_half_minutes_at_first():
    times = arrivals(DEMO, 30)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert all(75 <= gap <= 105 for gap in gaps)
    assert times[0] <= EPOCH + 90


def test_later_at_most_200_jobs_start_in_a_day():
    times = arrivals(DEMO, 700)
    day = [moment for moment in times if times[100] <= moment < times[100] + 86400]
    assert 180 <= len(day) <= 202


def test_time_in_which_nothing_ran_brings_no_jobs():
    week_later = EPOCH + 7 * 86400
    times = arrivals(DEMO, 3, arrived=[EPOCH + 45], started_at=week_later)
    assert times[1] == week_later
    assert times[2] > week_later + 70


def test_nothing_starts_by_itself_outside_the_demo():
    assert population.next_arrival_at(World(7, EPOCH, population="empty"), [], EPOCH) is None


def test_a_crowd_has_as_many_jobs_as_asked_and_its_living_ones_run():
    specs = population.initial(World(7, EPOCH, population="300", alive=20))
    words = Counter(life.status(spec, EPOCH) for spec in specs)
    assert len({spec.id for spec in specs}) == 300
    assert words["running"] == 20
    assert words["failed"] > 20


@pytest.mark.parametrize("profile", ["openai", "nebius", "azure"])
def test_every_scenario_can_be_served_in_every_dialect(profile):
    for name in population.SCENARIOS:
        spec = population.from_scenario(
            World(7, EPOCH, profile=profile), name, name, created_at=EPOCH
        )
        body = render.job(spec, EPOCH + 1000)
        assert body["status"] == "succeeded"
        assert [render.event(spec, beat)["message"] for beat in render.beats(spec, EPOCH + 1000)]


@pytest.mark.parametrize("code", sorted(population.FAILURES))
def test_every_failure_ends_with_its_error(code):
    spec = population.failing(
        population.from_scenario(DEMO, "support", "x", created_at=EPOCH), code
    )
    body = render.job(spec, EPOCH + 1000)
    assert (body["status"], body["error"]["code"]) == ("failed", code)


def test_a_spec_survives_json():
    for spec in population.initial(DEMO):
        assert to_json(from_json(to_json(spec))) == to_json(spec)


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "x", "created_at": "now", "seed": 1},
        {"id": "x", "created_at": 1.0, "seed": 1, "outcome": "lost"},
        {"id": "x", "created_at": 1.0, "seed": 1, "colour": "red"},
        {"id": "x", "created_at": 1.0, "seed": 1, "metadata": "text"},
        {"id": "x", "created_at": 1.0, "seed": 1, "integrations": [1]},
        {"id": "x", "created_at": 1.0, "seed": 1, "running_s": -5},
    ],
)
def test_a_spec_with_a_wrong_member_is_refused(fields):
    with pytest.raises(ValueError, match=r"must|unknown"):
        from_json(fields)
