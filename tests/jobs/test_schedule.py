"""How often an unfinished job is retrieved, by its state and age. No database."""

from datetime import timedelta

import pytest

from jobs import schedule
from jobs.manners import LIST
from jobs.models import Connection, Job
from providers.states import State
from tests.builders import NOON

INTERVAL = timedelta(seconds=15)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def a_job(state="running", unchanged=timedelta(), *, has_list=True, **facts):
    refused = {} if has_list else {LIST: "none"}
    connection = Connection(dialect="generic", refused=refused)
    return Job(connection=connection, state=state, changed_at=NOON - unchanged, **facts)


@pytest.mark.parametrize(
    ("state", "unchanged", "intervals"),
    [
        ("queued", MINUTE, 1),
        ("queued", HOUR, 2),
        ("validating", 4 * HOUR, 4),
        ("unknown", 5 * HOUR, 4),
        ("paused", MINUTE, 1),
        ("paused", 10 * MINUTE, 10),
        ("running", DAY, 1),
        ("running", 2 * DAY, 240),  # an hour
        ("queued", 9 * DAY, 240),
        ("paused", 9 * DAY, 240),
    ],
)
def test_a_job_that_does_not_change_is_retrieved_less_often(state, unchanged, intervals):
    assert schedule.stretched(a_job(state, unchanged), INTERVAL, NOON) == intervals * INTERVAL


@pytest.mark.parametrize("state", [state.value for state in State if not state.is_over])
def test_a_change_makes_it_fast_again(state):
    assert schedule.stretched(a_job(state), INTERVAL, NOON) == INTERVAL


@pytest.mark.parametrize("facts", [{"has_list": False}, {"is_tracked_by_id": True}])
def test_where_no_list_shows_changes_the_stretch_is_small(facts):
    assert schedule.stretched(a_job("paused", 9 * DAY, **facts), INTERVAL, NOON) == 4 * INTERVAL


@pytest.mark.parametrize("minutes", [-9, 0, 9])
def test_near_its_estimated_finish_it_is_retrieved_at_the_interval(minutes):
    job = a_job("queued", 5 * HOUR, estimated_finish=NOON + minutes * MINUTE)
    assert schedule.stretched(job, INTERVAL, NOON) == INTERVAL


@pytest.mark.parametrize("minutes", [-11, 11])
def test_an_estimate_far_off_changes_nothing(minutes):
    job = a_job("queued", 5 * HOUR, estimated_finish=NOON + minutes * MINUTE)
    assert schedule.stretched(job, INTERVAL, NOON) == 4 * INTERVAL


def test_no_pause_reaches_beyond_the_estimated_finish():
    job = a_job("running", 3 * DAY, estimated_finish=NOON + 20 * MINUTE)
    assert schedule.stretched(job, INTERVAL, NOON) == 20 * MINUTE


def test_an_interval_longer_than_an_hour_is_never_shortened():
    assert schedule.stretched(a_job("running", 3 * DAY), 3 * HOUR, NOON) == 3 * HOUR


def test_a_server_without_a_list_is_looked_at_hourly():
    connection = Connection(dialect="generic", refused={LIST: "none"})
    assert not schedule.has_list(connection)
    assert 50 * MINUTE < schedule.next_sweep(connection, NOON) - NOON < 70 * MINUTE


@pytest.mark.parametrize(("cap", "seconds"), [(4, 60), (16, 15), (600, 15), (None, 15)])
def test_under_a_cap_the_list_takes_a_quarter_of_the_requests(settings, cap, seconds):
    settings.POLL_INTERVAL_SECONDS = 15
    connection = Connection(dialect="openai", requests_per_minute=cap)
    pause_s = (schedule.next_sweep(connection, NOON) - NOON).total_seconds()
    assert 0.9 * seconds <= pause_s <= 1.1 * seconds
