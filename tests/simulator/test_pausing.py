from __future__ import annotations

import pytest

from simulator import editing, life, render, statefile
from simulator.population import World
from tests.simulator.makers import START, a_spec

# The life of the maker's job: running from 50 s on, trained after 338 s, over after 350 s.
PAUSED, RESUMED, RUNS_ON = START + 200, START + 1000, START + 1030
LATER = START + 5000


def a_paused(**members):
    return editing.pause(a_spec(**members), PAUSED)


def a_resumed(**members):
    return editing.resume(a_paused(**members), RESUMED)


def words(spec, *moments):
    return [life.status(spec, moment) for moment in moments]


def test_a_pause_stops_the_clock_of_a_job():
    spec = a_paused()
    assert words(spec, PAUSED - 1, PAUSED, LATER) == ["running", "paused", "paused"]
    assert life.steps_done(spec, LATER) == life.steps_done(a_spec(), PAUSED)


def test_a_resumed_job_is_queued_and_runs_on_where_it_stood():
    spec = a_resumed()
    assert words(spec, PAUSED, RESUMED, RUNS_ON, LATER) == [
        "paused",
        "queued",
        "running",
        "succeeded",
    ]
    assert life.steps_done(spec, RUNS_ON) == life.steps_done(a_spec(), PAUSED)
    assert life.timeline(spec).ended_at == START + 350 + (RUNS_ON - PAUSED)


def test_steps_and_tokens_never_fall_over_a_pause():
    spec = a_resumed()
    told = [life.steps_done(spec, START + second) for second in range(0, 1300, 7)]
    assert told == sorted(told)
    assert life.steps_done(spec, LATER) == 360


def test_what_was_told_before_a_pause_stays_as_it_was():
    before = [render.event(a_spec(), beat) for beat in render.beats(a_spec(), PAUSED)]
    after = [render.event(a_resumed(), beat) for beat in render.beats(a_resumed(), LATER)]
    assert after[-len(before) :] == before
    ids = [each["id"] for each in after]
    assert len(ids) == len(set(ids))


def test_the_events_tell_of_the_pause_under_one_id():
    paused, resumed = a_paused(), a_resumed()
    first = render.event(paused, render.beats(paused, LATER)[0])
    assert first["message"] == "Fine-tuning job paused"
    messages = [render.event(resumed, beat) for beat in render.beats(resumed, RUNS_ON)]
    assert [each["message"][:24] for each in messages[:2]] == [
        "Fine-tuning job running ",
        "Fine-tuning job resumed,",
    ]
    assert messages[2] == first


def test_a_job_may_be_paused_twice():
    again = editing.pause(a_resumed(), RUNS_ON + 10)
    spec = editing.resume(again, RUNS_ON + 500)
    told = [beat for beat in render.beats(spec, LATER) if beat.name == "paused"]
    assert len({render.event(spec, beat)["id"] for beat in told}) == 2
    assert words(spec, RUNS_ON + 100, LATER) == ["paused", "succeeded"]


def test_the_outcome_and_the_error_come_back_with_a_resume():
    error = {"code": "server_error", "message": "no", "param": None}
    paused = a_paused(outcome="failed", error=error, ends_at=0.9)
    assert render.job(paused, LATER)["error"] in (None, {})
    body = render.job(editing.resume(paused, RESUMED), LATER)
    assert (body["status"], body["error"]) == ("failed", error)


def test_a_paused_job_can_be_cancelled():
    spec = editing.cancel(a_paused(), RESUMED)
    assert words(spec, PAUSED, RESUMED, LATER) == ["paused", "cancelled", "cancelled"]
    assert life.steps_done(spec, LATER) == life.steps_done(a_spec(), PAUSED)


@pytest.mark.parametrize(
    ("change", "moment"),
    [
        (editing.pause, START),
        (editing.pause, START + 400),
        (editing.resume, PAUSED),
        (editing.cancel, START + 400),
    ],
)
def test_a_change_that_does_not_fit_is_refused(change, moment):
    with pytest.raises(editing.Refused, match="ftjob-unit"):
        change(a_spec(), moment)


def test_pauses_survive_a_restart(tmp_path):
    path = tmp_path / "state.json"
    spec = editing.pause(a_resumed(), RUNS_ON + 10)
    statefile.write(path, statefile.State(World(seed=1, epoch=START), jobs={spec.id: spec}))
    kept = statefile.read(path).jobs[spec.id]
    assert (kept.breaks, kept.intended, kept.outcome) == (spec.breaks, spec.intended, "paused")
    assert words(editing.resume(kept, LATER), LATER) == ["queued"]


@pytest.mark.parametrize("breaks", [5, [1], [[1, 2]], [["a", 1, 2]]])
def test_breaks_that_make_no_sense_are_refused(breaks, http):
    answer = http.post("/_control/jobs", json={"breaks": breaks})
    assert answer.status_code == 400


def test_pausing_and_resuming_over_http(http):
    made = http.post("/_control/jobs", json={"age_s": 100, "running_s": 9000.0}).json()
    path = f"/v1/fine_tuning/jobs/{made['id']}"
    answers = [http.post(f"{path}/{action}") for action in ("pause", "pause", "resume", "resume")]
    assert [answer.status_code for answer in answers] == [200, 409, 200, 409]
    assert [answers[0].json()["status"], answers[2].json()["status"]] == ["paused", "queued"]
