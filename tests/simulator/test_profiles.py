from __future__ import annotations

import base64

import pytest

from simulator import life, render
from tests.simulator.makers import START, a_spec

RUNNING, OVER = START + 200, START + 500


def results(spec):
    return render.result_content(spec)


def test_openai_tells_trained_tokens_only_at_the_end():
    tokens = [render.job(a_spec(), now)["trained_tokens"] for now in (START, RUNNING, OVER)]
    assert tokens == [None, None, 223200]


def test_nebius_tells_trained_tokens_and_steps_as_they_grow():
    spec = a_spec(profile="nebius")
    first, later, last = (render.job(spec, now) for now in (START, RUNNING, OVER))
    assert first["trained_tokens"] == 0 < later["trained_tokens"] < last["trained_tokens"] == 223200
    assert (later["trained_steps"], later["total_steps"]) == (life.steps_done(spec, RUNNING), 360)


def test_auto_is_a_word_until_the_files_are_validated():
    first, later = (render.job(a_spec(), now)["hyperparameters"] for now in (START + 5, START + 25))
    assert first == {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"}
    assert later == {"n_epochs": 3, "batch_size": 2, "learning_rate_multiplier": 1.8}


def test_azure_has_its_own_words_and_minus_one_for_auto():
    body = render.job(a_spec(profile="azure"), START + 5)
    assert body["status"] == "pending"
    assert body["hyperparameters"] == {
        "n_epochs": -1,
        "batch_size": -1,
        "learning_rate_multiplier": -1,
    }
    assert (body["organization_id"], body["result_files"], body["metadata"]) == (None, None, None)


def test_azure_tells_more_after_the_end():
    spec = a_spec(profile="azure")
    at_the_end, later = (
        [render.event(spec, beat)["message"] for beat in render.beats(spec, START + at)]
        for at in (350, 400)
    )
    assert at_the_end[0] == "Job succeeded."
    assert later[:3] == [
        "Training hours billed: 0.083",
        f"Completed results file: {spec.result_file}",
        "Postprocessing started.",
    ]


def test_azure_leaves_data_out_of_messages_and_says_warning():
    spec = a_spec(profile="azure", curve="diverge")
    told = [render.event(spec, beat) for beat in render.beats(spec, OVER)]
    assert all(("data" in each) == (each["type"] == "metrics") for each in told)
    assert {each["level"] for each in told} == {"info", "warning"}


@pytest.mark.parametrize("profile", ["openai", "azure", "nebius"])
def test_the_last_checkpoint_alone_is_named_like_the_model(profile):
    spec = a_spec(profile=profile)
    model = render.job(spec, OVER)["fine_tuned_model"]
    names = [
        render.checkpoint(spec, step)["fine_tuned_model_checkpoint"]
        for step in life.checkpoint_steps(spec, OVER)
    ]
    assert names == [model, f"{model}:ckpt-step-240", f"{model}:ckpt-step-120"]


def test_openai_encodes_the_result_file_in_one_line():
    body = results(a_spec())
    assert b"\n" not in body
    rows = base64.b64decode(body, validate=True).decode().splitlines()
    assert rows[0] == "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy"
    assert len(rows) == 361


def test_most_validation_cells_are_empty():
    rows = base64.b64decode(results(a_spec())).decode().splitlines()[1:]
    filled = [row for row in rows if not row.endswith(",,")]
    assert len(filled) == 20


def test_azure_serves_plain_text_with_minus_one_for_nothing():
    rows = results(a_spec(profile="azure")).decode().splitlines()
    assert rows[0].startswith(
        "step,train_loss,train_mean_token_accuracy,valid_loss,validation_mean_token_"
    )
    assert rows[1].endswith(",-1,-1,-1,-1")


def test_a_reinforcement_result_has_rewards_and_slashes():
    spec = a_spec(method="reinforcement", profile="nebius")
    header = results(spec).decode().splitlines()[0]
    assert header.startswith("step,train_mean_reward,full_valid_mean_reward,")
    assert "errors/graders/grader/train_other_error_count" in header


def test_openai_gives_no_end_time_to_a_failed_job():
    failed = {
        "outcome": "failed",
        "error": {"code": "server_error", "message": "no", "param": None},
    }
    assert render.job(a_spec(**failed), OVER)["finished_at"] is None
    assert render.job(a_spec(profile="nebius", **failed), OVER)["finished_at"] == int(START + 350)


def test_healthy_jobs_have_an_empty_error_or_none():
    forms = [render.job(a_spec(id=f"ftjob-{number}"), RUNNING)["error"] for number in range(20)]
    assert {} in forms
    assert None in forms
