"""Leases and fencing tokens on real rows."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections, transaction

from jobs.claims import POLL_LEASE, StaleClaim, begin, claim, database_now, hold, release
from jobs.models import Job
from tests.builders import a_connection, a_job


def due_jobs():
    return Job.objects.filter(next_poll_at__lte=database_now()).order_by("next_poll_at")


def some_due_jobs(number):
    connection = a_connection()
    now = database_now()
    return [a_job(connection, next_poll_at=now) for _ in range(number)]


@pytest.mark.django_db
def test_a_claimed_row_is_not_claimed_again():
    some_due_jobs(3)
    _, first = claim(due_jobs(), 10)
    _, second = claim(due_jobs(), 10)
    assert (len(first), len(second)) == (3, 0)


@pytest.mark.django_db
def test_a_claim_counts_before_the_work_begins():
    (job,) = some_due_jobs(1)
    claim(due_jobs(), 1)
    job.refresh_from_db()
    assert job.claims == 1


@pytest.mark.django_db
def test_waiting_in_the_queue_of_a_worker_that_dies_counts_for_nothing():
    (job,) = some_due_jobs(1)
    claim(due_jobs(), 1, is_begun=False)
    job.refresh_from_db()
    assert job.claims == 0
    begin(Job.objects.filter(pk=job.pk))
    job.refresh_from_db()
    assert job.claims == 1


@pytest.mark.django_db
def test_a_row_comes_back_when_its_lease_has_run_out():
    (job,) = some_due_jobs(1)
    claim(due_jobs(), 1)
    Job.objects.update(lease_until=database_now() - timedelta(seconds=1))
    _, again = claim(due_jobs(), 1)
    assert [row.pk for row in again] == [job.pk]


@pytest.mark.django_db
def test_a_lease_written_by_a_clock_far_ahead_does_not_hold_a_row_for_ever():
    some_due_jobs(1)
    Job.objects.update(lease_until=database_now() + 3 * POLL_LEASE, lease_token=uuid.uuid4())
    assert len(claim(due_jobs(), 1)[1]) == 1


@pytest.mark.django_db
def test_a_worker_whose_row_went_to_another_may_write_nothing():
    (job,) = some_due_jobs(1)
    stale, _ = claim(due_jobs(), 1)
    Job.objects.update(lease_until=database_now() - timedelta(seconds=1))
    fresh, _ = claim(due_jobs(), 1)
    with transaction.atomic(), pytest.raises(StaleClaim):
        hold(Job.objects.filter(pk=job.pk), stale.token)
    with transaction.atomic():
        assert hold(Job.objects.filter(pk=job.pk), fresh.token).pk == job.pk


@pytest.mark.django_db
def test_a_released_row_is_free_and_the_claim_does_not_count():
    (job,) = some_due_jobs(1)
    taken, _ = claim(due_jobs(), 1)
    release(Job.objects.filter(pk=job.pk), taken.token)
    job.refresh_from_db()
    assert (job.lease_token, job.claims) == (None, 0)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_workers_at_once_share_the_rows_without_taking_one_twice():
    some_due_jobs(40)

    def work(_):
        try:
            return [row.pk for _ in range(10) for row in claim(due_jobs(), 2)[1]]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as workers:
        taken = [pk for share in workers.map(work, range(4)) for pk in share]
    assert len(taken) == len(set(taken)) == 40
