"""Whatever stops, falls over or was down: each end is told, under one key."""

import pytest

from alerts.models import Attempt, Delivery
from jobs.models import Job
from tests.alerts.house import end_leases, make_due
from tests.provider_double import BORN
from tests.receiver import Answer
from tests.servers import eventually
from tests.stack.town import is_at_rest, keys_told

pytestmark = [
    pytest.mark.stack,
    pytest.mark.both_databases,
    pytest.mark.django_db(transaction=True),
]
JOBS = 20
FAILED_TRIES = 3


def test_a_job_that_ends_while_everything_is_stopped_is_told_after_the_restart_once(
    town, provider, receiver, valkey
):
    connection = town.watch(provider)
    town.hook(receiver)
    town.start()
    (job_id,) = town.follow(provider)
    town.stack.stop()
    valkey.kill()
    provider.serves(job_id, status="succeeded", finished_at=BORN + 60)
    valkey.start()
    town.start()
    eventually(lambda: receiver.accepted, what="the alert after the restart")
    town.looks_again(connection)

    assert Job.objects.get().state == "succeeded"
    assert [one.content["type"] for one in receiver.journal] == ["job.succeeded"]
    assert Delivery.objects.get().state == "sent"


def test_a_dead_receiver_and_a_killed_alert_worker_lose_nothing_of_twenty(
    town, provider, a_receiver
):
    connection = town.watch(provider)
    receiver = a_receiver()
    town.hook(receiver)
    town.start()
    job_ids = town.follow(provider, JOBS)
    for job_id in job_ids:
        provider.serves(job_id, status="failed", error={"code": "server_error", "message": "x"})
    town.sees(lambda: Delivery.objects.count() == JOBS, "the end of all jobs")
    _try_until_refused(town, FAILED_TRIES)
    _come_back_and_kill_the_worker_in_the_middle(town, receiver)
    end_leases()
    town.start("alerts")
    make_due()
    town.alert()
    eventually(is_at_rest, what="the last alert")
    town.looks_again(connection)

    told = keys_told(receiver)
    assert sorted(told) == sorted(job_ids)
    assert all(len(keys) == 1 for keys in told.values())
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
    assert Delivery.objects.count() == JOBS


def _try_until_refused(town, times: int) -> None:
    """The receiver is down: tries follow each other as if their waiting times had passed."""
    for number in range(1, times + 1):
        make_due()
        town.alert()
        eventually(
            lambda number=number: Attempt.objects.filter(is_sent=False).count() >= number,
            what=f"failed try {number}",
        )


def _come_back_and_kill_the_worker_in_the_middle(town, receiver) -> None:
    """Some are taken; then the receiver takes more and the worker dies before it hears so."""
    receiver.script.extend([Answer()] * 3)
    receiver.usual = Answer(hangs=True)
    receiver.up()
    make_due()
    town.alert()
    eventually(lambda: len(receiver.journal) > 5, what="several sends under way")
    town.stack.kill("alerts")
    assert not is_at_rest()
    receiver.released.set()
