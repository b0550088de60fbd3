"""The gate of a connection: one cap for all workers, the provider's own count, one trial after a trouble."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connections
from django.utils import timezone

from jobs.claims import Claim, database_now
from jobs.models import Catalog, Connection, Job, Transition
from jobs.pace import Pace
from jobs.poll import poll_due
from jobs.questions import ListQuestion
from providers.base import connect
from tests.builders import NOON, a_connection
from tests.provider_double import BORN

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/v1/fine_tuning/jobs"


@pytest.fixture
def connection(connection):
    """Its catalog was read: only jobs are asked for."""
    Catalog.objects.create(connection=connection, next_read_at=timezone.now() + timedelta(days=1))
    return connection


def make_due():
    Connection.objects.update(next_sweep_at=NOON)
    Job.objects.exclude(next_poll_at=None).update(next_poll_at=NOON)


def paths(provider):
    return [request["path"] for request in provider.requests()]


def a_list_question(row):
    row.refresh_from_db()
    claim = Claim(row.public_id, database_now())
    return ListQuestion.first(row, claim, connect(row.account()))


def says(provider, left, reset, limit="100"):
    """The list answers well and says how much is left."""
    job = {
        "object": "fine_tuning.job",
        "id": "ftjob-listed",
        "status": "running",
        "created_at": BORN,
    }
    headers = {
        "x-ratelimit-limit-requests": limit,
        "x-ratelimit-remaining-requests": left,
        "x-ratelimit-reset-requests": reset,
    }
    body = {"object": "list", "data": [job], "has_more": False}
    provider.breaks("status", match=LIST, status=200, body=body, headers=headers)


@pytest.mark.both_databases
def test_two_workers_keep_to_one_cap(provider, connection):
    cap = 12
    Connection.objects.update(requests_per_minute=cap)
    for _ in range(12):
        provider.serves(status="queued")

    def work(_):
        for _ in range(3):
            poll_due(budget_s=2)
        connections.close_all()

    with ThreadPoolExecutor(2) as workers:
        list(workers.map(work, range(2)))
    assert 1 <= len(provider.requests()) <= cap


@pytest.mark.both_databases
def test_of_many_who_ask_at_once_as_many_pass_the_gate_as_the_cap_allows(connection):
    Connection.objects.update(requests_per_minute=1)
    question, row, together = a_list_question(connection), Connection.objects.get(), Barrier(6)

    def work(_):
        pace = Pace()
        pace.know(row)
        database_now()  # connects
        together.wait(30)
        passed = [pace.may_start(question) for _ in range(10)]
        connections.close_all()
        return sum(passed)

    with ThreadPoolExecutor(6) as workers:
        assert sum(workers.map(work, range(6))) == 1


def test_a_connection_at_its_cap_delays_no_other(provider, connection):
    a_connection(connection.team, base_url=provider.url, requests_per_minute=1, next_sweep_at=NOON)
    for _ in range(8):
        provider.serves(status="queued")
    poll_due()
    mine = Job.objects.filter(connection=connection)
    assert mine.exclude(retrieved_at=None).count() == 8
    assert not Job.objects.exclude(connection=connection).exclude(retrieved_at=None).exists()


def test_jobs_behind_a_closed_gate_stay_due_and_free_for_others(provider, connection):
    provider.serves(status="queued")
    poll_due()
    Connection.objects.update(requests_per_minute=1)
    for _ in range(2):
        make_due()
        poll_due()
    make_due()
    poll_due()
    job = Job.objects.get()
    assert (job.lease_token, job.claims, job.next_poll_at) == (None, 0, NOON)


def test_what_was_not_asked_is_not_paid_for(provider, connection):
    Connection.objects.update(requests_per_minute=600)
    provider.serves(status="queued", training_file=None)
    for _ in range(4):
        make_due()
        poll_due()
    made = len(provider.requests())
    connection.refresh_from_db()
    slack_s, step_s = 99 * 60 / 501, 60 / 501
    behind_s = (database_now() - connection.paced_until).total_seconds()
    assert behind_s >= slack_s - made * step_s


def test_a_cap_leaves_room_for_jobs_beside_the_list(provider, connection):
    Connection.objects.update(requests_per_minute=4, poll_interval_s=2)
    poll_due()
    connection.refresh_from_db()
    assert connection.next_sweep_at - connection.last_sweep_at > timedelta(seconds=50)


def test_a_provider_whose_count_is_nearly_used_up_is_left_alone_until_its_reset(
    provider, connection
):
    says(provider, left="2", reset="6m0s")
    poll_due()
    connection.refresh_from_db()
    assert paths(provider) == [LIST]
    assert connection.paced_until - timezone.now() > timedelta(minutes=5)
    assert (connection.limit_requests, connection.remaining_requests) == (100, 2)
    make_due()
    poll_due()
    assert paths(provider) == [LIST]


def test_pacing_is_no_trouble_and_tells_nobody(provider, connection):
    says(provider, left="0", reset="90s")
    poll_due()
    connection.refresh_from_db()
    assert (connection.health, connection.wait_until) == ("ok", None)
    assert not Transition.objects.filter(kind="health", rings=True).exists()


@pytest.mark.parametrize(
    ("limit", "left", "reset"),
    [("-1", "-1", "1s"), ("0", "0", "0"), ("100", "lots", "1h"), ("100", "50", "1h"), ("", "0", "9m")],
)  # fmt: skip
def test_a_count_that_says_nothing_or_enough_slows_nothing(
    provider, connection, limit, left, reset
):
    says(provider, left, reset, limit)
    poll_due()
    connection.refresh_from_db()
    assert connection.paced_until is None
    assert len(paths(provider)) > 1


@pytest.mark.both_databases
def test_after_a_trouble_one_question_goes_out_for_all_workers_together(connection):
    Connection.objects.update(health="unreachable", trouble_count=4)
    one, other = Pace(), Pace()
    question = a_list_question(connection)
    for pace in (one, other):
        pace.know(Connection.objects.get())
    assert one.may_start(question)
    assert not other.may_start(question)
    one.end_trial(connection.pk, is_good=False)
    assert other.may_start(question)


def test_a_trial_that_goes_wrong_is_the_only_request(provider, connection, poll):
    for _ in range(5):
        provider.serves(status="running")
    poll(2)
    provider.breaks("status", status=500)
    poll(3)
    before = len(provider.requests())
    for rounds in range(1, 5):
        poll()
        assert len(provider.requests()) == before + rounds


def test_the_list_and_a_job_take_turns_in_trying(provider, connection, poll):
    job_id = provider.serves(status="running")
    poll(2)
    provider.breaks("status", status=500)
    poll(3)
    before = len(paths(provider))
    poll(4)
    assert set(paths(provider)[before:]) == {LIST, f"{LIST}/{job_id}"}


def test_two_good_trials_close_the_breaker_and_everything_is_asked_again(
    provider, connection, poll
):
    for _ in range(4):
        provider.serves(status="running")
    poll(2)
    provider.breaks("status", status=500)
    poll(4)
    provider.heals()
    Job.objects.update(retrieved_at=None)
    poll(2)
    connection.refresh_from_db()
    assert connection.health == "ok"
    assert not Job.objects.filter(retrieved_at=None).exists()


def test_a_worker_that_dies_on_trial_does_not_close_the_gate_for_ever(provider, connection):
    Connection.objects.update(health="unreachable", trouble_count=4)
    pace = Pace()
    pace.know(Connection.objects.get())
    pace.may_start(a_list_question(connection))
    poll_due()
    assert provider.requests() == []
    Connection.objects.update(paced_until=NOON)
    poll_due()
    assert provider.requests()


@pytest.mark.parametrize(
    ("status", "code", "health"),
    [(401, "invalid_api_key", "rejected"), (429, "insufficient_quota", "out_of_quota")],
)
def test_what_only_people_can_mend_is_not_hammered(provider, connection, status, code, health):
    for _ in range(5):
        provider.serves(status="running")
    poll_due()
    before = len(provider.requests())
    body = {"error": {"message": "no", "type": code, "code": code, "param": None}}
    provider.breaks("status", status=status, body=body)
    for _ in range(30):
        make_due()
        Connection.objects.filter(health="ok").update(wait_until=None)  # the second confirmation
        poll_due()
    connection.refresh_from_db()
    assert connection.health == health
    spent = len(provider.requests()) - before
    assert spent <= 8
    for rounds in range(1, 4):  # an hour passes, or a quarter of one
        make_due()
        Connection.objects.update(wait_until=NOON)
        poll_due()
        assert len(provider.requests()) - before == spent + rounds
