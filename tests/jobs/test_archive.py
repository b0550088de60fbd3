"""Backfill: all of a connection's history, however often it is interrupted, and nobody is rung."""

import pytest

from jobs import archive
from jobs.models import Backfill, Event, Job, Transition
from jobs.poll import poll_due
from tests.builders import NOON
from tests.provider_double import BORN
from tests.servers import eventually

pytestmark = pytest.mark.django_db(transaction=True)


def history(provider, number, **facts):
    for serial in range(number):
        event = {
            "id": f"ftevent-{serial}",
            "created_at": BORN,
            "level": "info",
            "message": "The job has ended",
        }
        provider.serves(
            f"ftjob-old{serial:05}",
            status="succeeded" if serial % 3 else "failed",
            created_at=BORN + serial,
            finished_at=BORN + serial + 60,
            training_file=None,
            events=[event],
            **facts,
        )


def read_everything():
    def is_done():
        Backfill.objects.update(next_step_at=NOON)
        Job.objects.exclude(next_poll_at=None).update(next_poll_at=NOON)
        poll_due(budget_s=20)
        return Backfill.objects.get().state == "done"

    eventually(is_done, what="the end of the archive")


def test_every_historical_job_is_read_in_full_and_nobody_is_rung(provider, connection):
    history(provider, 130)
    archive.start(connection)
    read_everything()
    assert Job.objects.exclude(settled_at=None).count() == 130
    assert Event.objects.count() == 130
    assert not Transition.objects.filter(rings=True).exists()


def test_the_progress_is_counted_from_the_jobs_themselves(provider, connection):
    history(provider, 12)
    archive.start(connection)
    assert archive.progress(connection).share is None
    read_everything()
    done = archive.progress(connection)
    assert (done.total, done.done, done.failed, done.left, done.share) == (12, 12, 0, 0, 1.0)


def test_a_paused_archive_rests_and_goes_on_where_it_stood(provider, connection):
    history(provider, 5)
    backfill = archive.start(connection)
    archive.pause(backfill)
    poll_due()
    backfill.refresh_from_db()
    assert backfill.listed_count == 0
    archive.start(connection)
    read_everything()
    assert archive.progress(connection).done == 5


def test_jobs_that_cannot_be_read_count_as_failed_and_can_be_tried_again(provider, connection):
    history(provider, 4)
    provider.breaks("status", match="*/ftjob-old00002", status=404)
    archive.start(connection)
    for _ in range(archive.TRIES):
        Job.objects.exclude(next_poll_at=None).update(next_poll_at=NOON)
        Backfill.objects.update(next_step_at=NOON)
        poll_due(budget_s=20)
    read_everything()
    assert archive.progress(connection).failed == 1
    provider.heals()
    assert archive.retry_failed(connection) == 1
    archive.start(connection)
    read_everything()
    assert archive.progress(connection).done == 4


def test_a_list_that_runs_in_circles_ends(provider, connection):
    body = {
        "object": "list",
        "has_more": True,
        "data": [{"id": "ftjob-same", "object": "fine_tuning.job", "status": "succeeded"}],
    }
    provider.breaks("status", match="/v1/fine_tuning/jobs", status=200, body=body)
    archive.start(connection)
    read_everything()
    assert Job.objects.count() == 1


def test_a_list_that_cannot_be_read_is_said_and_tried_again(provider, connection):
    history(provider, 3)
    provider.breaks("html", match="/v1/fine_tuning/jobs", times=2)
    backfill = archive.start(connection)
    poll_due()
    backfill.refresh_from_db()
    assert backfill.trouble
    provider.heals()
    connection.wait_until = None
    connection.save()
    read_everything()
    assert archive.progress(connection).done == 3


def test_a_long_log_of_events_is_read_over_several_visits(provider, connection, poll, monkeypatch):
    monkeypatch.setattr("jobs.fetch.EVENT_PAGES", 2)
    events = [
        {"id": f"ftevent-{n}", "created_at": BORN + n, "level": "info", "message": "m"}
        for n in range(730, 0, -1)
    ]
    provider.serves(status="succeeded", finished_at=BORN, events=events)
    poll(5)
    assert Event.objects.count() == 730
    assert Job.objects.get().is_settled
