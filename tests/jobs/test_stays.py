"""Since when a job is in its state, how long it stayed, and its signs of life, as polls write them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from bench.ours import sweep
from jobs.models import Job, Transition
from jobs.observe import Known, observe
from providers.states import State
from tests.builders import NOON
from tests.jobs.test_observe import said
from tests.provider_double import BORN

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def polled(test):
    return pytest.mark.django_db(transaction=True)(pytest.mark.both_databases(test))


QUEUED = Known(
    state=State.QUEUED,
    was_seen_alive=True,
    seen_at=NOON - MINUTE,
    state_since=NOON - 22 * MINUTE,
    is_since_exact=True,
)


def entered(known, **members):
    changes = observe(known, said(**members), NOON)
    return (
        changes.columns["state_since"],
        changes.columns["is_since_exact"],
        changes.change.stayed_s,
    )


def test_a_stay_seen_from_end_to_end_is_known():
    assert entered(QUEUED, status="running") == (NOON, True, 22 * 60.0)


def test_an_unchanged_state_keeps_its_beginning():
    assert "state_since" not in observe(QUEUED, said(status="queued"), NOON).columns


@pytest.mark.parametrize(
    "facts",
    [
        {"is_since_exact": False},
        {"state_since": None},
        {"seen_at": NOON - HOUR},  # it may have left at any time within the hour
        {"seen_at": None},
    ],
)
def test_a_stay_of_which_we_missed_a_part_is_unknown(facts):
    assert entered(replace(QUEUED, **facts), status="running")[2] is None


def test_after_a_gap_the_new_stay_begins_when_it_is_seen_and_is_not_exact():
    assert entered(replace(QUEUED, seen_at=NOON - HOUR), status="running")[:2] == (NOON, False)


@pytest.mark.parametrize(
    ("status", "age", "since", "is_exact"),
    [
        ("queued", HOUR, NOON - HOUR, False),  # it waits since it was created
        ("validating_files", MINUTE, NOON - MINUTE, True),
        ("running", HOUR, NOON, False),  # it may have begun at any time
        ("running", MINUTE, NOON, True),
        ("queued", -HOUR, NOON, True),  # a clock that is ahead
    ],
)
def test_a_job_first_seen_in_a_state(status, age, since, is_exact):
    born = (NOON - age).timestamp()
    assert entered(Known(), status=status, created_at=born) == (since, is_exact, None)


def test_a_job_first_seen_without_a_birthday_counts_from_then():
    assert entered(Known(), status="queued", created_at=None) == (NOON, False, None)


def test_the_end_is_when_the_provider_says():
    ended = (NOON - MINUTE).timestamp()
    assert entered(QUEUED, status="succeeded", finished_at=ended)[0] == NOON - MINUTE


def an_event(number, **data):
    return {
        "object": "fine_tuning.job.event",
        "id": f"ftevent-{number}",
        "created_at": BORN + number,
        "level": "info",
        "message": f"Step {number}",
        "type": "metrics",
        "data": {"step": number, "total_steps": 100, "train_loss": 2 / number, **data},
    }


@polled
def test_a_poll_writes_how_long_the_state_before_lasted(provider, connection):
    facts = {"created_at": int(timezone.now().timestamp())}
    job_id = provider.serves(status="queued", **facts)
    sweep(connection.pk)
    job = Job.objects.get()
    Job.objects.update(state_since=job.state_since - 22 * MINUTE)
    provider.serves(job_id, status="running", **facts)
    sweep(connection.pk)
    left = Transition.objects.get(from_state="queued")
    assert left.base_model == job.base_model
    assert left.stayed_s == pytest.approx(22 * 60, abs=30)


@polled
@pytest.mark.parametrize(
    ("status", "is_told"), [("queued", True), ("running", False), ("paused", False)]
)
def test_a_job_first_seen_waiting_has_waited_since_its_creation(
    provider, connection, status, is_told
):
    provider.serves(status=status, created_at=BORN)
    sweep(connection.pk)
    first = Transition.objects.get(from_state="")
    assert (first.happened_at == Job.objects.get().created_at) is is_told


@polled
def test_points_move_the_last_sign_and_the_longest_silence(provider, poll, connection):
    job_id = provider.serves(status="running", events=[an_event(1)])
    poll(2)
    first = Job.objects.get()
    Job.objects.update(
        progressed_at=first.progressed_at - 20 * MINUTE, state_since=first.state_since - HOUR
    )
    provider.serves(job_id, status="running", events=[an_event(2), an_event(1)])
    poll()
    second = Job.objects.get()
    assert second.progressed_at > first.progressed_at
    assert second.longest_gap_s == pytest.approx(1200, abs=60)


@polled
def test_an_answer_without_anything_new_is_no_sign(provider, poll, connection):
    provider.serves(status="running", events=[an_event(1)])
    poll(2)
    before = Job.objects.get().progressed_at
    poll(2)
    assert Job.objects.get().progressed_at == before


@polled
def test_our_own_silence_is_no_gap_of_the_job(provider, poll, connection):
    job_id = provider.serves(status="running", events=[an_event(1)])
    poll(2)
    before = Job.objects.get()
    Job.objects.update(
        progressed_at=before.progressed_at - 5 * HOUR,
        events_read_at=before.events_read_at - 5 * HOUR,
    )
    provider.serves(job_id, status="running", events=[an_event(2), an_event(1)])
    poll()
    assert (Job.objects.get().longest_gap_s or 0) < 3600


@polled
def test_the_first_finish_time_of_a_run_is_kept(provider, poll, connection):
    job_id = provider.serves(status="running", estimated_finish=BORN + 3600)
    poll()
    planned = Job.objects.get().planned_finish
    assert planned.timestamp() == BORN + 3600
    provider.serves(job_id, status="running", estimated_finish=BORN + 7200)
    poll()
    assert Job.objects.get().planned_finish == planned
    provider.serves(job_id, status="paused", estimated_finish=None)
    poll()
    assert Job.objects.get().planned_finish is None


@polled
def test_the_training_curve_stands_beside_the_one_that_is_drawn(provider, poll, connection):
    events = [an_event(n, valid_loss=3 / n) for n in range(9, 0, -1)]
    provider.serves(status="running", events=events)
    poll(2)
    job = Job.objects.get()
    assert (job.headline_metric, job.curve[0], job.train_curve[0]) == ("valid_loss", 3.0, 2.0)
