"""Mistral's shape, with ids and numbers of our own."""

import pytest

from providers import mistral
from providers.base import connect
from providers.mistral import Mistral
from providers.states import State
from providers.wire import Invalid, Point

JOBS = "/v1/fine_tuning/jobs"


def a_mistral_job(**changes):
    return {
        "id": "b18d8d81-fd7b-4764-a31e-475cb1f36591",
        "object": "job",
        "auto_start": True,
        "job_type": "completion",
        "model": "open-mistral-7b",
        "status": "RUNNING",
        "created_at": 1760000000,
        "modified_at": 1760000900,
        "training_files": ["file-a", "file-b"],
        "validation_files": [],
        "fine_tuned_model": None,
        "suffix": "bell",
        "integrations": [],
        "trained_tokens": None,
        "metadata": {"cost": 10.5},
        "hyperparameters": {"training_steps": 99, "learning_rate": 0.0001},
        **changes,
    }


def read(**changes):
    return Mistral.parse_job(a_mistral_job(**changes))


def test_a_job_is_read_whole():
    job = read()
    assert (job.state, job.raw_status, job.suffix) == (State.RUNNING, "RUNNING", "bell")
    assert (job.training_file, job.validation_file) == ("file-a", None)
    assert job.hyperparameters == {"training_steps": 99, "learning_rate": 0.0001}
    assert (job.total_steps, job.finished_at, job.error) == (99, None, None)
    assert job.raw["training_files"] == ["file-a", "file-b"]


@pytest.mark.parametrize("status", ["SUCCESS", "FAILED", "FAILED_VALIDATION", "CANCELLED"])
def test_the_last_change_of_a_job_that_is_over_is_its_end(status):
    assert read(status=status).finished_at.timestamp() == 1760000900


def test_the_reason_of_a_failure_is_in_the_events():
    events = [
        {"name": "status-updated", "data": {"status": "FAILED", "error": "Bad line"}},
        {"name": "status-updated", "data": {"status": "RUNNING"}},
    ]
    assert read(status="FAILED", events=events).error.message == "Bad line"
    assert read(status="RUNNING", events=events).error is None


def test_an_event_says_its_name_and_status():
    raw = {"name": "status-updated", "data": {"status": "FAILED", "error": "x"}, "created_at": 5}
    event = Mistral.parse_event(raw)
    assert (event.message, event.level) == ("status-updated: FAILED: x", "error")
    assert event.id == Mistral.parse_event(raw).id


def test_a_checkpoint_has_its_step_for_an_id():
    raw = {"metrics": {"train_loss": 0.5}, "step_number": 10, "created_at": 1760000000}
    checkpoint = Mistral.parse_checkpoint(raw)
    assert (checkpoint.id, checkpoint.step) == ("step-10", 10)
    assert checkpoint.points == (Point("train_loss", 10.0, 0.5),)


@pytest.mark.parametrize("raw", [None, [], "x", {}])
def test_what_is_no_job_is_refused(raw):
    assert isinstance(Mistral.parse_job(raw), Invalid)


def test_a_list_is_asked_for_by_the_number_of_its_page(httpserver, account):
    provider = connect(account(dialect="mistral"))
    for number in (0, 1):
        body = {"data": [a_mistral_job(id=f"job-{number}")], "total": 2}
        httpserver.expect_request(
            JOBS, query_string=f"page={number}&page_size=1"
        ).respond_with_json(body)
    first = provider.list_jobs(limit=1)
    second = provider.list_jobs(first.last_id, limit=1)
    assert (first.has_more, first.last_id, second.has_more) == (True, "1", False)


@pytest.mark.parametrize("after", ["ftjob-1", "-1", "1e9", "9" * 50, "²"])
def test_a_cursor_that_is_no_page_begins_anew(after, httpserver, account):
    httpserver.expect_request(JOBS, query_string="page=0&page_size=100").respond_with_json(
        {"data": [], "total": 0}
    )
    assert connect(account(dialect="mistral")).list_jobs(after).items == ()


@pytest.mark.parametrize("total", [None, "many", True, 10**30])
def test_a_total_that_lies_does_not_page_for_ever(total, httpserver, account):
    httpserver.expect_request(JOBS).respond_with_json({"data": [], "total": total})
    assert not connect(account(dialect="mistral")).list_jobs().has_more


def test_events_and_checkpoints_cost_no_request_right_after_the_job(
    httpserver, account, monkeypatch
):
    name = a_mistral_job()["id"]
    httpserver.expect_request(f"{JOBS}/{name}").respond_with_json(a_mistral_job())
    provider = connect(account(dialect="mistral"))
    provider.retrieve_job(name)
    provider.list_events(name)
    provider.list_checkpoints(name)
    assert provider.requests_made == 1
    monkeypatch.setattr(mistral, "FRESH_S", -1.0)
    provider.list_events(name)
    assert provider.requests_made == 2
