"""Between two ticks the poll worker sleeps, and wakes early for what somebody made due meanwhile."""

import threading
from datetime import timedelta

import pytest
from django.db import connection as database

from jobs.claims import database_now
from jobs.looks import look_at_once
from jobs.models import Connection, Job
from jobs.ticks import LOOK_S, OVERLAP, became_due, poll_until_tick, wait_until_due
from tests.builders import NOON, a_connection, a_job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
LATER = timedelta(hours=1)


@pytest.fixture
def lab():
    return a_connection(next_sweep_at=None)


def soon_after() -> object:
    """Any moment that the last run cannot have seen."""
    return database_now() - OVERLAP


def test_a_job_that_became_due_ends_the_wait(lab):
    job = a_job(lab, next_poll_at=database_now() + LATER)
    later = threading.Timer(0.1, lambda: _look(job))
    later.start()
    assert wait_until_due(60.0)
    later.join()


def _look(job) -> None:
    look_at_once(Job.objects.filter(pk=job.pk), database_now())
    database.close()


def test_without_any_the_wait_ends_by_itself(lab):
    assert not wait_until_due(1.5 * LOOK_S)


def test_a_list_counts_like_a_job(lab):
    since = soon_after()
    assert not became_due(since)
    Connection.objects.update(next_sweep_at=database_now())
    assert became_due(since)


@pytest.mark.parametrize(
    "facts", [{"is_paused": True}, {"archived_at": NOON}, {"next_poll_at": NOON}]
)
def test_what_cannot_be_claimed_wakes_nobody(lab, facts):
    since = soon_after()
    a_job(lab, **{"next_poll_at": database_now(), **facts})
    assert not became_due(since)


def test_what_another_worker_holds_wakes_nobody(lab):
    since, now = soon_after(), database_now()
    a_job(lab, next_poll_at=now, lease_until=now + timedelta(minutes=1))
    assert not became_due(since)


@pytest.mark.parametrize("column", ["wait_until", "paced_until"])
def test_a_connection_that_waits_wakes_nobody(lab, column):
    since = soon_after()
    a_job(lab, next_poll_at=database_now())
    Connection.objects.update(next_sweep_at=database_now(), **{column: database_now() + LATER})
    assert not became_due(since)


def test_a_look_during_the_wait_comes_before_what_is_waited_for(lab, provider):
    Connection.objects.update(base_url=provider.url)
    asked = a_job(lab, next_poll_at=database_now() + LATER)
    awaited = a_job(lab, next_poll_at=database_now() + timedelta(seconds=4))
    for job in (asked, awaited):
        provider.serves(job.provider_id, "running")
    later = threading.Timer(0.3, lambda: _look(asked))
    later.start()
    poll_until_tick()
    later.join()
    retrieved = [one["path"].rpartition("/")[2] for one in provider.requests()]
    order = [name for name in retrieved if name.startswith("ftjob-")]
    assert order == [asked.provider_id, awaited.provider_id]
