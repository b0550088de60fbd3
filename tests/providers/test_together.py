"""Together's shape, with ids and numbers of our own."""

import pytest

from providers.base import connect
from providers.states import State
from providers.together import Together, as_metrics_event
from providers.wire import Invalid, Point


def a_together_job(**changes):
    return {
        "id": "ft-new",
        "status": "running",
        "training_file": "file-train",
        "validation_file": "",
        "model": "meta-llama/Llama-3-8b",
        "model_output_name": "acme/Llama-3-8b-bell",
        "created_at": "2025-10-09T08:53:20.123Z",
        "updated_at": "2025-10-09T09:53:20Z",
        "n_epochs": 3,
        "batch_size": "max",
        "learning_rate": 0.00001,
        "training_method": {"method": "sft"},
        "training_type": {"type": "Lora", "lora_r": 8},
        "token_count": 4480,
        "total_price": 1500,
        "events": [],
        **changes,
    }


def read(**changes):
    return Together.parse_job(a_together_job(**changes))


def an_event_of(kind, message, **changes):
    return {"object": "fine-tune-event", "type": kind, "message": message, **changes}


def test_a_job_is_read_whole():
    job = read()
    assert (job.state, job.method, job.trained_tokens) == (State.RUNNING, "supervised", 4480)
    assert job.hyperparameters == {
        "n_epochs": 3,
        "batch_size": "max",
        "learning_rate": 0.00001,
        "lora_r": 8,
    }
    assert int(job.created_at.timestamp()) == 1760000000
    assert (job.validation_file, job.unreadable) == (None, ())


def test_a_model_is_named_when_it_is_there():
    assert (read().fine_tuned_model, read().finished_at) == (None, None)
    done = read(status="completed")
    assert done.fine_tuned_model == "acme/Llama-3-8b-bell"
    assert done.finished_at.timestamp() == 1760003600


@pytest.mark.parametrize("status", ["error", "user_error"])
def test_the_reason_of_a_failure_is_in_its_events(status):
    events = [an_event_of("job_start", "Started"), an_event_of("job_error", "Bad line")]
    error = read(status=status, events=events).error
    assert (error.code, error.message) == (status, "Bad line")
    assert read(status="completed", events=events).error is None


@pytest.mark.parametrize("source", ["ft-old", "ft-old:12"])
def test_a_job_that_goes_on_from_another_names_it(source):
    assert read(from_checkpoint=source).predecessor == "ft-old"


def test_a_restart_under_a_new_id_names_the_old_one():
    events = [an_event_of("JOB_RESTARTED", "Job ft-old was restarted as ft-new")]
    assert read(events=events).predecessor == "ft-old"


@pytest.mark.parametrize("source", ["", None, 5, "acme/model-bell", "ft-new"])
def test_a_job_without_a_predecessor_has_none(source):
    assert read(from_checkpoint=source).predecessor is None


def test_the_seconds_that_remain_are_no_change():
    first, second, third = (
        Together.parse_element(a_together_job(**changes))
        for changes in (
            {"progress": {"seconds_remaining": 9}},
            {"progress": {"seconds_remaining": 8}},
            {"progress": {"seconds_remaining": 8}, "token_count": 1},
        )
    )
    assert first.fingerprint == second.fingerprint != third.fingerprint
    assert second.raw["progress"] == {"seconds_remaining": 8}


def test_an_event_without_an_id_gets_its_hash_or_a_lasting_one():
    hashed = Together.parse_event(an_event_of("warning", "m", hash="abc", level="Warning"))
    assert (hashed.id, hashed.level, hashed.type) == ("abc", "warn", "warning")
    bare = [Together.parse_event(an_event_of("warning", "m", hash="")) for _ in range(2)]
    assert bare[0].id == bare[1].id


def test_a_row_of_the_curves_is_a_metrics_event():
    raw = {
        "timestamp": 1760000000 * 10**9,
        "train/global_step": 7,
        "train/loss": 0.5,
        "train/learning_rate": 0.0001,
        "system/gpu": 99,
    }
    event = as_metrics_event(raw)
    assert (event.id, event.type) == ("metrics-train-7", "metrics")
    assert event.created_at.timestamp() == 1760000000
    assert event.points == (Point("train_loss", 7.0, 0.5), Point("learning_rate", 7.0, 0.0001))


def test_rows_of_training_and_evaluation_at_one_step_are_two_events():
    event = as_metrics_event({"eval/global_step": 7, "eval/loss": 0.6})
    assert event.id == "metrics-eval-7"
    assert event.points == (Point("valid_loss", 7.0, 0.6),)


@pytest.mark.parametrize(
    "raw", [{}, {"train/loss": 1}, {"train/global_step": 1}, {"train/global_step": -1}]
)
def test_a_row_without_a_step_or_a_value_is_skipped(raw):
    assert isinstance(as_metrics_event(raw), Invalid)


def test_events_are_read_where_there_are_no_curves(httpserver, account):
    path = "/v1/fine-tunes/ft-new"
    httpserver.expect_request(f"{path}/events").respond_with_json(
        {"data": [an_event_of("job_start", "Started", created_at="2025-10-09T08:53:20Z")]}
    )
    provider = connect(account(dialect="together"))
    assert [event.message for event in provider.list_events("ft-new").items] == ["Started"]


@pytest.mark.parametrize("raw", [None, [], "x", {}, {"id": "../x"}])
def test_what_is_no_job_is_refused(raw):
    assert isinstance(Together.parse_job(raw), Invalid)
