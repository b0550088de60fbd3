"""The official client drives the simulator, as it would drive the real thing."""

from __future__ import annotations

import base64

import openai
import pytest

from simulator.scenarios import GRADERS

LINE = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}\n'
METHODS = {
    "supervised": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
    "dpo": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2, "n_epochs": 2}}},
    "reinforcement": {
        "type": "reinforcement",
        "reinforcement": {
            "grader": GRADERS["python"],
            "hyperparameters": {"reasoning_effort": "high"},
        },
    },
}


def upload(client, content=LINE * 40):
    return client.files.create(file=("train.jsonl", content), purpose="fine-tune")


def finished(client, job_id):
    """Asks until the job is over; at this speed a whole life takes milliseconds."""
    for _ in range(2000):
        job = client.fine_tuning.jobs.retrieve(job_id)
        if job.status in ("succeeded", "failed", "cancelled"):
            return job
    raise AssertionError(f"still {job.status}")


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_job_lives_from_upload_to_result(openai_client, method):
    jobs, file = openai_client.fine_tuning.jobs, upload(openai_client)
    made = jobs.create(
        model="gpt-4.1-nano-2025-04-14",
        training_file=file.id,
        method=METHODS[method],
        suffix="bot",
        metadata={"a": "b"},
    )
    job = finished(openai_client, made.id)
    assert (job.status, job.method.type, job.metadata) == ("succeeded", method, {"a": "b"})
    assert job.trained_tokens > 0
    result = openai_client.files.content(job.result_files[0]).read()
    assert base64.b64decode(result).startswith(b"step,train_")


def test_asked_hyperparameters_come_back(openai_client):
    jobs = openai_client.fine_tuning.jobs
    made = jobs.create(
        model="o4-mini-2025-04-16", training_file="file-a", method=METHODS["reinforcement"]
    )
    block = finished(openai_client, made.id).method.reinforcement
    assert block.grader.source == GRADERS["python"]["source"]
    assert block.hyperparameters.reasoning_effort == "high"
    assert isinstance(block.hyperparameters.n_epochs, int)


def test_the_client_pages_through_all_jobs_events_and_checkpoints(openai_client):
    jobs = openai_client.fine_tuning.jobs
    made = [jobs.create(model="m", training_file="file-a").id for _ in range(5)]
    finished(openai_client, made[0])
    assert [job.id for job in jobs.list(limit=2)] == made[::-1]
    events = list(jobs.list_events(made[0], limit=30))
    assert len({event.id for event in events}) == len(events) > 100
    checkpoints = list(jobs.checkpoints.list(made[0], limit=1))
    assert [each.step_number for each in checkpoints] == [360, 240, 120]


def test_the_client_cancels(openai_client, http):
    http.post("/_control/jobs", json={"id": "ftjob-long", "running_s": 3600})
    assert openai_client.fine_tuning.jobs.cancel("ftjob-long").status == "cancelled"


def test_an_uploaded_file_comes_back(openai_client):
    file = upload(openai_client)
    assert openai_client.files.retrieve(file.id).filename == "train.jsonl"
    assert openai_client.files.content(file.id).read() == LINE * 40


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (LINE * 7, "invalid_n_examples", "7 example(s)"),
        (LINE * 12 + b"oops\n", "invalid_training_file", "Example 13"),
        (b"", "invalid_n_examples", "0 example(s)"),
    ],
)
def test_a_bad_training_file_fails_the_job(openai_client, content, code, words):
    file = upload(openai_client, content)
    made = openai_client.fine_tuning.jobs.create(model="m", training_file=file.id)
    job = finished(openai_client, made.id)
    assert (job.status, job.error.code) == ("failed", code)
    assert words in job.error.message


def test_the_client_sees_errors_as_its_own_classes(openai_client, http):
    with pytest.raises(openai.NotFoundError):
        openai_client.fine_tuning.jobs.retrieve("ftjob-nobody")
    http.post("/_control/key", json={"revoke": "sk-any"})
    with pytest.raises(openai.AuthenticationError):
        openai_client.fine_tuning.jobs.list()
