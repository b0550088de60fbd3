"""Answers of one claim share a transaction: what that costs, and that a bad one costs the others nothing."""

import time
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from jobs.claims import claim, database_now
from jobs.fetch import Errand, fetch
from jobs.models import Connection, Job, Transition
from jobs.poll import Run
from jobs.questions import JobQuestion
from jobs.record import record_answers
from jobs.ticks import due_in_s, poll_until_tick
from jobs.trouble import record_good
from providers.base import connect
from tests.builders import NOON, a_connection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.fixture
def answers(provider, connection, poll):
    """Claims so many jobs and asks about each: the claim, and the answers by key."""

    def ask(number, status):
        for serial in range(number):
            provider.serves(f"ftjob-{serial:04}", "running")
        poll()
        for serial in range(number):
            provider.serves(f"ftjob-{serial:04}", status)
        taken, jobs = claim(Job.objects.order_by("provider_id"), number)
        done = frozenset({"file-train"})
        speaker = connect(connection.account())
        return taken, {
            job.pk: fetch(speaker, Errand(job.provider_id, done_files=done)) for job in jobs
        }

    return ask


def test_answers_of_one_claim_take_the_statements_of_one(answers):
    taken, found = answers(8, "running")
    (first, *_), rest = found, dict(list(found.items())[1:])
    with CaptureQueriesContext(database) as one:
        record_answers(taken, {first: found[first]})
    with CaptureQueriesContext(database) as seven:
        record_answers(taken, rest)
    writes = [sql for sql in seven.captured_queries if '"jobs_snapshot"' in sql["sql"]]
    assert len(writes) == 2
    assert len(seven) <= len(one) + 1


def test_a_job_that_another_worker_holds_loses_alone(answers):
    taken, found = answers(3, "succeeded")
    lost, *kept = found
    Job.objects.filter(pk=lost).update(lease_token=None)
    assert record_answers(taken, found) == {lost}
    assert set(Job.objects.filter(state="succeeded").values_list("pk", flat=True)) == {*kept}
    assert Transition.objects.filter(to_state="succeeded").count() == 2


def test_recorded_jobs_are_free_and_planned_again(answers):
    taken, found = answers(3, "running")
    record_answers(taken, found)
    assert not Job.objects.exclude(lease_token=None).exists()
    assert not Job.objects.filter(next_poll_at__lte=taken.request_at).exists()
    assert set(Job.objects.values_list("claims", flat=True)) == {0}


def test_an_answer_that_cannot_be_written_leaves_the_others_alone(answers, connection):
    taken, found = answers(3, "succeeded")
    bad = min(found)
    found[bad].job = replace(found[bad].job, step=1.0, total_steps=2**70)
    run = Run(ends_at=time.monotonic())
    for pk, answer in found.items():
        future = Future()
        future.set_result(answer)
        provider = connect(connection.account())
        run.under_way[future] = JobQuestion(pk, connection.pk, taken, provider, Errand("x"))
    run.finish_some()
    assert Job.objects.get(trouble__startswith="Could not be recorded").pk == bad
    assert Job.objects.filter(state="succeeded", trouble="").count() == 2


def test_a_good_answer_is_noted_of_every_connection_that_gave_one():
    well = [a_connection(health="ok", good_count=2, last_good_at=NOON) for _ in range(2)]
    ill = a_connection(health="unreachable", last_good_at=NOON)
    now = database_now()
    record_good([one.pk for one in (*well, ill)], now)
    assert set(Connection.objects.values_list("last_good_at", flat=True)) == {now}
    assert Connection.objects.get(pk=ill.pk).good_count == 1


def test_nothing_soon_means_no_waiting(connection):
    Connection.objects.update(next_sweep_at=None)
    assert due_in_s() is None


def test_what_falls_due_before_the_next_tick_is_polled_by_this_one(provider, connection, poll):
    provider.serves(status="running")
    poll()
    soon = database_now() + timedelta(seconds=1.5)
    Connection.objects.update(next_sweep_at=None)
    Job.objects.update(next_poll_at=soon)
    poll_until_tick()
    assert Job.objects.get().retrieved_at >= soon
