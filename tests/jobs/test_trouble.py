"""A network problem never touches a job; the connection says what is wrong."""

from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.models import Connection, Job, Transition
from jobs.poll import poll_due
from tests.builders import a_connection
from tests.provider_double import ProviderDouble

pytestmark = pytest.mark.django_db(transaction=True)


def health_of(connection):
    connection.refresh_from_db()
    return connection.health


@pytest.mark.parametrize(
    ("fault", "health"),
    [
        ({"kind": "status", "status": 500}, "unreachable"),
        ({"kind": "status", "status": 401}, "rejected"),
        ({"kind": "html"}, "unreadable"),
        ({"kind": "empty"}, "unreadable"),
        ({"kind": "truncated"}, "unreachable"),
        ({"kind": "reset"}, "unreachable"),
        ({"kind": "redirect"}, "unreachable"),
    ],
)
def test_the_job_keeps_its_state_and_the_connection_says_why(
    provider, connection, poll, fault, health
):
    provider.serves(status="running")
    poll(2)
    provider.breaks(**fault)
    poll(3)
    assert Job.objects.get().state == "running"
    assert health_of(connection) == health
    assert connection.health_reason
    assert connection.wait_until > timezone.now()


def test_a_trouble_is_told_once_and_its_end_once(provider, connection, poll):
    provider.serves()
    poll(2)
    provider.breaks("status", status=500)
    poll(6)
    provider.heals()
    poll(4)
    told = Transition.objects.filter(kind="health", rings=True)
    assert list(told.values_list("to_state", flat=True)) == ["unreachable", "ok"]


def test_retry_after_keeps_the_whole_connection_quiet(provider, connection, poll):
    provider.serves()
    poll()
    provider.breaks("status", status=429, headers={"Retry-After": "120"})
    poll()
    assert health_of(connection) == "limited"
    assert connection.wait_until - timezone.now() > timedelta(seconds=100)
    asked = len(provider.requests())
    Job.objects.update(next_poll_at=timezone.now())
    Connection.objects.update(next_sweep_at=timezone.now())
    poll_due()
    assert len(provider.requests()) == asked


def test_a_refused_capability_does_not_stop_the_rest(provider, connection, poll):
    provider.serves(events=[{"id": "ftevent-1", "created_at": 1, "level": "info", "message": "m"}])
    provider.breaks("status", match="*/events*", status=403)
    poll(2)
    assert health_of(connection) == "ok"
    assert list(connection.refused) == ["events"]
    assert Job.objects.get().state == "running"


def test_a_job_gone_at_the_provider_is_missing_after_ten_minutes_and_never_failed(
    provider, connection, poll
):
    job_id = provider.serves(status="running")
    poll()
    provider.breaks("status", match=f"*/{job_id}", status=404)
    poll(3)
    job = Job.objects.get()
    assert (job.is_missing, job.state, job.missing_count) == (False, "running", 3)
    Job.objects.update(missing_since=timezone.now() - timedelta(minutes=11))
    poll(2)
    job.refresh_from_db()
    assert (job.is_missing, job.state) == (True, "running")
    assert Transition.objects.filter(kind="missing", rings=True).count() == 1


def test_a_missing_job_that_comes_back_is_watched_again(provider, connection, poll):
    job_id = provider.serves(status="running")
    poll()
    Job.objects.update(missing_since=timezone.now() - timedelta(minutes=11), missing_count=2)
    provider.breaks("status", match=f"*/{job_id}", status=404)
    poll()
    assert Job.objects.get().is_missing
    provider.heals()
    poll()
    assert not Job.objects.get().is_missing


def test_a_server_that_hangs_does_not_hold_up_another_connection(provider, connection, poll):
    hanging = ProviderDouble()
    hanging.serves()
    hanging.breaks("drip", seconds=0.01)
    slow = a_connection(connection.team, base_url=hanging.url)
    provider.serves(status="running")
    provider.breaks("status", match="/v1/none", status=500)
    poll()
    hanging.close()
    assert Job.objects.filter(connection=connection).count() == 1
    assert health_of(slow) in {"new", "ok"}


def test_a_job_claimed_often_without_a_result_is_put_off_for_an_hour(provider, connection, poll):
    provider.serves(status="running")
    provider.serves(status="queued")
    poll()
    poisonous = Job.objects.get(state="running")
    Job.objects.filter(pk=poisonous.pk).update(claims=5)
    poll()
    poisonous.refresh_from_db()
    assert poisonous.next_poll_at - timezone.now() > timedelta(minutes=50)
    assert "without a result" in poisonous.trouble


def test_a_key_that_cannot_be_opened_pauses_only_its_connection(provider, connection, poll):
    broken = a_connection(connection.team, base_url=provider.url, sealed_key="v1.lost.AAAA.AAAA")
    Connection.objects.filter(pk=broken.pk).update(sealed_key="v1.lost.AAAA.AAAA")
    provider.serves(status="running")
    poll(2)
    assert health_of(broken) == "rejected"
    assert "FIELD_ENCRYPTION_KEYS" in broken.health_reason
    assert health_of(connection) == "ok"
