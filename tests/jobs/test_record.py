"""What an answer costs and writes: statements counted, columns named, columns of others left alone."""

import pytest
from django.db import connection as database
from django.db import transaction
from django.test.utils import CaptureQueriesContext

from bench.ours import sweep
from jobs.claims import claim, hold, remember, save_all_changes, save_changes
from jobs.models import Estimate, Job, Snapshot, Transition
from tests.builders import a_connection, a_job
from tests.provider_double import BORN

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


def rows():
    return [model.objects.count() for model in (Job, Snapshot, Transition, Estimate)]


def test_unchanged_polls_add_no_row(provider, connection, poll):
    provider.serves(status="running")
    poll(3)
    before = rows()
    poll(5)
    assert rows() == before


def test_unchanged_polls_move_the_newest_snapshot_of_both_sources(provider, connection, poll):
    provider.serves(status="running")
    poll(2)
    before = set(Snapshot.objects.values_list("source", "last_seen_at"))
    poll()
    assert not before & set(Snapshot.objects.values_list("source", "last_seen_at"))


def test_a_job_that_goes_back_to_what_it_was_leaves_three_snapshots(provider, connection):
    job = provider.serves(status="queued")
    for status in ("queued", "running", "queued"):
        provider.serves(job, status)
        sweep(connection.pk)
    of_list = Snapshot.objects.filter(source=Snapshot.Source.LIST).order_by("id")
    assert [snapshot.is_newest for snapshot in of_list] == [False, False, True]


def test_an_answer_writes_only_the_columns_that_it_changes(provider, connection, poll):
    provider.serves(status="running")
    poll(2)
    with CaptureQueriesContext(database) as asked:
        poll()
    written = [q["sql"] for q in asked if q["sql"].startswith('UPDATE "jobs_job"')]
    assert written
    assert not any('"suffix"' in sql or '"curve"' in sql for sql in written)


def test_a_row_that_was_not_changed_is_not_written(django_assert_num_queries):
    (row,) = remember([a_job()])
    with django_assert_num_queries(0):
        save_changes(row)
        save_all_changes([])


def test_many_rows_are_written_differently_and_keep_their_other_columns():
    lab = a_connection()
    for name in ("one", "two"):
        a_job(lab, suffix=name)
    found = remember(Job.objects.order_by("pk"))
    Job.objects.update(is_paused=True)
    found[0].metadata, found[1].trained_tokens = {"owner": "eva"}, 7
    save_all_changes(found)
    told = Job.objects.order_by("pk").values_list("metadata", "trained_tokens", "is_paused")
    assert list(told) == [({"owner": "eva"}, None, True), ({}, 7, True)]


def test_a_held_row_is_saved_with_what_changed_since(django_assert_num_queries):
    job = a_job()
    taken, _ = claim(Job.objects.filter(pk=job.pk), 1)
    with transaction.atomic():
        held = hold(Job.objects.filter(pk=job.pk), taken.token)
        Job.objects.update(is_paused=True)
        held.step = 3
        with django_assert_num_queries(1):
            save_changes(held)
    job.refresh_from_db()
    assert (job.step, job.is_paused) == (3, True)


@pytest.mark.parametrize("names", [["one", "two"], [], ["it's", 'a "name"', "ü"]])
def test_among_finds_what_in_finds(names):
    lab = a_connection()
    for name in ("one", "two", "three", "it's", 'a "name"', "ü"):
        a_job(lab, provider_id=name)
    found = Job.objects.filter(provider_id__among=names).values_list("provider_id", flat=True)
    assert sorted(found) == sorted(names)


def test_among_takes_numbers():
    wanted = [a_job().pk, a_job().pk]
    a_job()
    assert sorted(Job.objects.filter(pk__among=wanted).values_list("pk", flat=True)) == wanted


def test_a_page_of_changed_jobs_costs_the_same_number_of_statements_for_any_number(
    provider, connection
):
    def statements(jobs, status):
        for serial in range(jobs):
            provider.serves(f"ftjob-{serial:04}", status, created_at=BORN + serial)
        with CaptureQueriesContext(database) as asked:
            sweep(connection.pk)
        return len(asked)

    statements(90, "queued")
    few, many = statements(10, "running"), statements(80, "paused")
    assert Transition.objects.filter(to_state="paused").count() == 80
    assert many <= few + 3  # inserts of a hundred rows take two statements on SQLite
