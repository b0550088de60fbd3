"""What is removed while it is being worked on: nothing crashes, nothing comes back, the others go on."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.apps import apps
from django.db import connection as database
from django.db import connections, transaction
from django.utils import timezone

from jobs import archive, sweep, trouble
from jobs.claims import StaleClaim, claim, database_now, hold
from jobs.fetch import Errand, fetch
from jobs.models import Backfill, Catalog, Connection, Job, Snapshot
from jobs.poll import poll_due
from jobs.record import record_answer
from jobs.tracking import remove
from providers.base import connect
from providers.errors import ServerTrouble
from tests.builders import NOON, a_connection, a_job
from tests.jobs.meddler import JOBS, meddling
from tests.servers import eventually

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

NAMES = [f"ftjob-{number}" for number in range(8)]
UNDER_WAY = {
    "its list": JOBS,
    "a job": f"{JOBS}/ftjob-?",
    "events": f"{JOBS}/*/events",
    "models": "/v1/models",
}


def remove_team(team):
    """Nobody can remove a team on the site yet; whoever does begins with what is being polled."""
    with transaction.atomic():
        for row in Connection.objects.filter(team=team):
            remove(row)
        team.delete()


REMOVALS = {
    "the job": lambda row: [remove(job) for job in Job.objects.filter(connection=row)],
    "the connection": remove,
    "the team": lambda row: remove_team(row.team),
    "the archive": lambda row: Backfill.objects.filter(connection=row).delete(),
    "the catalog": lambda row: Catalog.objects.filter(connection=row).delete(),
}


def make_due():
    Connection.objects.update(next_sweep_at=NOON, wait_until=None)
    Backfill.objects.update(next_step_at=NOON)
    Catalog.objects.update(next_read_at=NOON)
    Job.objects.exclude(next_poll_at=None).update(next_poll_at=NOON)


def rows_of(connection_id):
    """How many rows anywhere still name the connection, or a job of it."""
    models = apps.get_app_config("jobs").get_models()
    paths = {"connection": "connection_id", "job": "job__connection_id"}
    found = 0
    for model in models:
        names = {field.name for field in model._meta.get_fields()}
        for name in names & paths.keys():
            found += model.objects.filter(**{paths[name]: connection_id}).count()
    return found


@pytest.mark.parametrize("when", UNDER_WAY.values(), ids=UNDER_WAY)
@pytest.mark.parametrize("removal", REMOVALS.values(), ids=REMOVALS)
def test_removed_while_an_answer_is_under_way(removal, when, provider):
    other = a_connection(base_url=provider.url, created_at=timezone.now())
    provider.serves("ftjob-other", status="running")
    row = a_connection(created_at=timezone.now())
    key = row.pk
    with meddling(NAMES, when, lambda: removal(row)) as (url, meddler):
        Connection.objects.filter(pk=row.pk).update(base_url=url)
        for name in NAMES:
            a_job(row, provider_id=name, next_poll_at=NOON)
        archive.start(row)
        poll_due(budget_s=20)
        assert meddler.has_acted
        assert Job.objects.get(connection=other).state == "running"
        asked = len(meddler.paths)
        make_due()
        poll_due(budget_s=20)
        if not Connection.objects.filter(pk=key).exists():
            assert rows_of(key) == 0
            assert len(meddler.paths) == asked


def test_a_job_that_was_removed_is_found_again_only_by_its_list(connection, provider, poll):
    job_id = provider.serves(status="running")
    poll()
    taken, _ = claim(Job.objects.all(), 1)
    (job,) = Job.objects.all()
    answer = fetch(connect(connection.account()), Errand(job_id))
    remove(job)
    for write in (
        lambda: record_answer(job.pk, taken, answer),
        lambda: trouble.record_error(job.pk, taken, ServerTrouble("x")),
        lambda: trouble.quarantine(job.pk, taken, "x"),
    ):
        with pytest.raises(StaleClaim):
            write()
    assert not Snapshot.objects.exists()
    poll()
    assert Job.objects.get().provider_id == job_id


def waits_for_a_lock():
    with database.cursor() as cursor:  # pg_stat_activity would stand still within a transaction
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]


def at_once(first, second):
    """`second` begins in another process's place while the transaction of `first` is open."""

    def other():
        try:
            return second()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as workers:
        with transaction.atomic():
            first()
            running = workers.submit(other)
            if database.vendor == "postgresql":  # SQLite's second writer waits before it begins
                eventually(lambda: waits_for_a_lock() or running.done(), what="the second to wait")
        return running.result(30)


@pytest.mark.parametrize("removed", ["job", "connection", "team"])
def test_removed_while_an_answer_is_being_recorded(removed, provider, connection, poll):
    job_id = provider.serves(status="running")
    poll()
    provider.serves(job_id, status="succeeded", events=[{"id": "e1", "message": "m"}])
    Job.objects.update(next_poll_at=NOON)
    taken, (job,) = claim(Job.objects.all(), 1)
    answer = fetch(connect(connection.account()), Errand(job_id))
    target = {"job": job, "connection": connection, "team": connection.team}[removed]
    end = remove_team if removed == "team" else remove
    at_once(lambda: record_answer(job.pk, taken, answer), lambda: end(target))
    assert not Job.objects.exists()
    assert not Snapshot.objects.exists()


def test_a_list_and_a_job_of_it_may_be_recorded_at_once(provider, connection, poll):
    """One holds the connection and wants its jobs; the other holds a job and names the connection."""
    job_id = provider.serves(status="running")
    poll()
    provider.serves(job_id, status="succeeded")
    account = connection.account()
    Job.objects.update(next_poll_at=NOON)
    taken, (job,) = claim(Job.objects.all(), 1)
    answer = fetch(connect(account), Errand(job_id))
    listing, _ = claim(Connection.objects.all(), 1)
    provider.serves(job_id, status="succeeded", trained_tokens=5)
    listed = connect(account).list_jobs()
    page = sweep.ListPage(listed.items, 0, database_now())

    def hold_the_list():
        hold(Connection.objects.all(), listing.token)

    def record_the_job():
        record_answer(job.pk, taken, answer)

    with ThreadPoolExecutor(1) as workers:
        with transaction.atomic():
            hold_the_list()
            if database.vendor == "postgresql":
                running = workers.submit(_closing, record_the_job)
                eventually(lambda: waits_for_a_lock() or running.done(), what="the job's answer")
            sweep.record_page(connection.pk, listing, page, connect(account))
        if database.vendor == "postgresql":
            running.result(30)
    job.refresh_from_db()
    assert (job.state, job.trained_tokens) == ("succeeded", 5)


def _closing(action):
    try:
        return action()
    finally:
        connections.close_all()
