"""The list, page by page: what it costs, where it stops, what it leaves to the retrieve."""

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from bench.ours import sweep
from jobs.models import Connection, Job
from jobs.poll import poll_due
from jobs.tracking import add_job
from tests.builders import NOON
from tests.provider_double import BORN

pytestmark = pytest.mark.django_db(transaction=True)


def lists_asked(provider):
    return [each for each in provider.requests() if each["path"] == "/v1/fine_tuning/jobs"]


def retrieves_asked(provider):
    jobs = "/v1/fine_tuning/jobs/"
    return [each for each in provider.requests() if each["path"].count("/") == jobs.count("/")]


def many(provider, number, **facts):
    for serial in range(number):
        provider.serves(f"ftjob-old{serial:05}", created_at=BORN + serial, **facts)


def test_a_first_sweep_goes_to_the_end_of_the_list(provider, connection, poll):
    many(provider, 230, status="succeeded", finished_at=BORN)
    poll_due()
    connection.refresh_from_db()
    assert Job.objects.count() == 230
    assert len(lists_asked(provider)) == 3
    assert connection.first_sweep_at is not None


def test_of_a_long_history_only_the_newest_are_read_in_full(provider, connection, poll):
    many(provider, 120, status="succeeded", finished_at=BORN)
    poll(2)
    assert Job.objects.exclude(settled_at=None).count() == 50
    assert Job.objects.exclude(next_poll_at=None).count() == 0


def test_a_later_sweep_stops_at_a_page_of_known_finished_jobs(provider, connection, poll):
    many(provider, 230, status="succeeded", finished_at=BORN)
    poll()
    before = len(lists_asked(provider))
    poll()
    assert len(lists_asked(provider)) == before + 1


def test_an_active_job_keeps_the_sweep_going(provider, connection, poll):
    many(provider, 120, status="succeeded", finished_at=BORN)
    provider.serves("ftjob-new", created_at=BORN + 9999, status="running")
    poll()
    before = len(lists_asked(provider))
    poll()
    assert len(lists_asked(provider)) == before + 2


def test_few_active_jobs_are_each_retrieved_at_every_poll(provider, connection, poll):
    many(provider, 5, status="running")
    poll()
    before = len(retrieves_asked(provider))
    poll()
    assert len(retrieves_asked(provider)) == before + 5


def test_many_active_jobs_are_left_to_the_list_until_it_shows_a_change(provider, connection, poll):
    many(provider, 30, status="queued")
    poll(2)
    connection.refresh_from_db()
    soon = connection.next_sweep_at
    later = Job.objects.filter(next_poll_at__gt=soon + (soon - connection.last_sweep_at) * 3)
    assert later.count() > 20
    provider.serves("ftjob-old00003", created_at=BORN + 3, status="running")
    Connection.objects.update(next_sweep_at=NOON)
    poll_due()
    assert Job.objects.get(provider_id="ftjob-old00003").state == "running"


def test_a_quiet_sweep_costs_the_same_number_of_queries_for_any_number_of_jobs(
    provider, connection, poll, django_assert_max_num_queries
):
    many(provider, 90, status="succeeded", finished_at=BORN)
    poll(2)
    with django_assert_max_num_queries(60):
        poll()


def test_an_endless_list_is_left_and_nothing_is_lost(provider, connection, poll):
    body = {
        "object": "list",
        "has_more": True,
        "data": [{"id": "ftjob-same", "object": "fine_tuning.job", "status": "running"}],
    }
    provider.breaks("status", match="/v1/fine_tuning/jobs", status=200, body=body)
    poll_due()
    assert len(lists_asked(provider)) <= 3
    assert list(Job.objects.values_list("provider_id", flat=True)) == ["ftjob-same"]


def statements_of_a_sweep(connection):
    with CaptureQueriesContext(database) as asked:
        sweep(connection.pk)
    return [query["sql"] for query in asked if query["sql"].split()[0] in {"SELECT", "UPDATE"}]


def test_an_unchanged_page_costs_one_comparison_and_two_updates(provider, connection, poll):
    many(provider, 100, status="running")
    poll(2)
    said = [
        sql for sql in statements_of_a_sweep(connection) if "IN (SELECT" in sql or "= ANY(" in sql
    ]
    of_tables = [sql.split('"')[1] for sql in said if sql.startswith("UPDATE")]
    assert sorted(of_tables) == ["jobs_job", "jobs_snapshot"]
    assert len(said) == 3


def test_a_further_unchanged_page_costs_three_statements_about_its_jobs(provider, connection, poll):
    many(provider, 200, status="running")
    poll(2)
    said = [sql for sql in statements_of_a_sweep(connection) if '"jobs_snapshot"' in sql]
    said += [
        sql for sql in statements_of_a_sweep(connection) if sql.startswith('UPDATE "jobs_job"')
    ]
    assert len(said) == 2 * 3


def test_a_job_listed_twice_on_a_page_is_recorded_once(provider, connection, poll):
    element = {"id": "ftjob-twice", "object": "fine_tuning.job", "status": "queued"}
    body = {"object": "list", "has_more": False, "data": [element, {**element, "seed": 1}]}
    provider.breaks("status", match="/v1/fine_tuning/jobs", status=200, body=body)
    poll_due()
    job = Job.objects.get()
    assert list(job.snapshots.filter(source="list").values_list("is_late", flat=True)) == [False]


def test_a_job_added_by_its_id_is_the_one_the_list_shows(provider, connection, poll):
    name = provider.serves(status="running")
    job, _ = add_job(connection, name)
    poll()
    assert Job.objects.get() == job
