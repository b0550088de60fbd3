"""The decision what an answer changes, without a database."""

from datetime import timedelta

import pytest

from jobs.observe import Known, observe
from providers import wire
from providers.states import State
from tests.builders import NOON

RUNNING = Known(state=State.RUNNING, was_seen_alive=True)
HOUR = timedelta(hours=1)


def said(**members):
    raw = {"id": "ftjob-1", "status": "running", "created_at": NOON.timestamp(), **members}
    job = wire.read_job(raw)
    assert isinstance(job, wire.Job)
    return job


def seen(known, **members):
    return observe(known, said(**members), NOON)


def test_an_unchanged_state_is_no_transition():
    assert seen(RUNNING).change is None


def test_the_end_of_a_job_seen_alive_rings():
    change = seen(RUNNING, status="succeeded").change
    assert (change.from_state, change.to_state, change.rings) == (
        State.RUNNING,
        State.SUCCEEDED,
        True,
    )


@pytest.mark.parametrize("word", ["queued", "paused", "validating_files", "what-is-this"])
def test_a_change_that_is_no_end_does_not_ring(word):
    assert seen(RUNNING, status=word).change.rings is False


def test_history_found_at_first_contact_rings_nobody():
    assert seen(Known(ringing_since=None), status="failed").change.rings is False


@pytest.mark.parametrize(
    ("created_before_s", "rings"),
    [
        (-60, True),  # born a minute after watching began
        (4 * 60, True),  # within the tolerance of five minutes between the clocks
        (6 * 60, False),  # older than the first complete sweep: that sweep would have shown it
    ],
)
def test_a_job_first_seen_over_rings_if_it_was_born_since_we_watch(created_before_s, rings):
    known = Known(ringing_since=NOON)
    created_at = NOON.timestamp() - created_before_s
    assert seen(known, status="succeeded", created_at=created_at).change.rings is rings


def test_a_job_first_seen_over_without_a_birthday_does_not_ring():
    change = seen(Known(ringing_since=NOON), status="failed", created_at=None).change
    assert change.rings is False


def test_an_end_is_not_taken_back_by_one_read():
    over = Known(state=State.SUCCEEDED, was_seen_alive=True)
    changes = seen(over, status="running")
    assert changes.change is None
    assert changes.columns["state"] == "succeeded"
    assert changes.columns["reopened_count"] == 1


def test_an_end_is_taken_back_by_the_second_read_in_a_row():
    over = Known(state=State.SUCCEEDED, was_seen_alive=True, reopened_count=1)
    change = seen(over, status="running").change
    assert (change.to_state, change.rings, change.reason) == (
        State.RUNNING,
        False,
        "Reopened by the provider",
    )


def test_a_read_that_confirms_the_end_forgets_the_doubt():
    over = Known(state=State.SUCCEEDED, was_seen_alive=True, reopened_count=1)
    assert seen(over, status="succeeded").columns["reopened_count"] == 0


def test_a_reopened_job_rings_again_when_it_ends():
    reopened = Known(state=State.RUNNING, was_seen_alive=True)
    assert seen(reopened, status="failed").change.rings is True


def test_an_empty_error_is_no_reason():
    assert seen(RUNNING, status="succeeded", error={}).change.reason == ""


def test_the_reason_of_a_failure_is_its_code_and_message():
    error = {"code": "invalid_training_file", "message": "Example 3 is empty.", "param": None}
    assert seen(RUNNING, status="failed", error=error).change.reason == (
        "invalid_training_file: Example 3 is empty."
    )


def test_what_was_requested_stays_beside_what_it_became():
    auto = {"n_epochs": "auto", "batch_size": 4}
    known = Known(state=State.RUNNING, requested=auto)
    columns = seen(known, hyperparameters={"n_epochs": 3, "batch_size": 4}).columns
    assert columns["requested"] == auto
    assert columns["hyperparameters"] == {"n_epochs": 3, "batch_size": 4}


def test_a_failed_job_without_finished_at_ended_when_we_saw_it():
    assert seen(RUNNING, status="failed", finished_at=None).columns["ended_at"] == NOON


def test_a_later_read_does_not_move_that_end():
    failed = Known(state=State.FAILED, was_seen_alive=True, ended_at=NOON - HOUR)
    assert seen(failed, status="failed", finished_at=None).columns["ended_at"] == NOON - HOUR


def test_the_providers_own_end_wins():
    finished_at = (NOON - HOUR).timestamp()
    columns = seen(RUNNING, status="succeeded", finished_at=finished_at).columns
    assert columns["ended_at"] == NOON - HOUR
