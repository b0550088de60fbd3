"""A network problem never touches a job; the connection says what is wrong."""

from datetime import timedelta
from email.utils import formatdate

import pytest
from django.utils import timezone

from jobs.manners import read_refusals
from jobs.models import Connection, Job, Transition
from jobs.poll import poll_due
from jobs.schedule import has_list
from jobs.tracking import add_job
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
    assert list(told.order_by("pk").values_list("to_state", flat=True)) == ["unreachable", "ok"]


def http_date(seconds):
    return formatdate(timezone.now().timestamp() + seconds, usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "120"},
        {"Retry-After": "120.5"},
        {"Retry-After": "1", "retry-after-ms": "120000"},
        {"Retry-After": "date"},
        {"Retry-After": "86400"},  # an hour is believed
    ],
)
def test_retry_after_keeps_the_whole_connection_quiet(provider, connection, poll, status, headers):
    provider.serves()
    poll()
    given = {name: http_date(120) if v == "date" else v for name, v in headers.items()}
    provider.breaks("status", status=status, headers=given)
    poll()
    assert health_of(connection) == ("limited" if status == 429 else "ok")
    wait = connection.wait_until - timezone.now()
    assert timedelta(seconds=100) < wait < timedelta(minutes=67)
    asked = len(provider.requests())
    Job.objects.update(next_poll_at=timezone.now())
    Connection.objects.update(next_sweep_at=timezone.now())
    poll_due()
    assert len(provider.requests()) == asked


@pytest.mark.parametrize("text", ["-5", "soon", "nan", "1e999", ""])
def test_a_retry_after_that_makes_no_sense_is_ignored(provider, connection, poll, text):
    provider.serves()
    poll()
    provider.breaks("status", status=429, headers={"Retry-After": text})
    poll()
    assert health_of(connection) == "limited"
    assert connection.wait_until - timezone.now() < timedelta(seconds=30)


def test_a_refused_capability_does_not_stop_the_rest(provider, connection, poll):
    provider.serves(events=[{"id": "ftevent-1", "created_at": 1, "level": "info", "message": "m"}])
    provider.breaks("status", match="*/events*", status=403)
    poll(2)
    assert health_of(connection) == "ok"
    assert list(connection.refused) == ["events"]
    assert Job.objects.get().state == "running"


def asked(provider, part):
    return len([request for request in provider.requests() if part in request["path"]])


def a_day_later(connection):
    connection.refresh_from_db()
    past = (timezone.now() - timedelta(minutes=1)).isoformat()
    connection.refused = {
        name: {**one, "again_at": past} for name, one in connection.refused.items()
    }
    connection.save(update_fields=["refused"])


def test_a_refused_capability_is_tried_a_day_later_and_kept_when_still_refused(
    provider, connection, poll
):
    provider.serves()
    provider.breaks("status", match="*/events*", status=403)
    poll(3)
    assert asked(provider, "/events") == 1
    a_day_later(connection)
    before = read_refusals(connection.refused)[0]
    poll(2)
    connection.refresh_from_db()
    after = read_refusals(connection.refused)[0]
    assert asked(provider, "/events") == 2
    assert after.since == before.since
    assert after.again_at > timezone.now() + timedelta(hours=23)


def test_a_permission_that_was_given_is_noticed(provider, connection, poll):
    provider.serves(events=[{"id": "ftevent-1", "created_at": 1, "level": "info", "message": "m"}])
    provider.breaks("status", match="*/events*", status=403)
    poll(2)
    provider.heals()
    a_day_later(connection)
    poll()
    connection.refresh_from_db()
    assert connection.refused == {}
    assert Job.objects.get().events.count() == 1


def test_one_job_tries_what_was_refused_for_all_of_them(provider, connection, poll):
    for _ in range(5):
        provider.serves()
    poll()
    provider.breaks("status", match="*/checkpoints*", status=403)
    poll()
    a_day_later(connection)
    before = asked(provider, "/checkpoints")
    poll()
    assert asked(provider, "/checkpoints") == before + 1


@pytest.fixture
def listless(provider, connection):
    provider.breaks(
        "status", match="/v1/fine_tuning/jobs", status=404, body={"detail": "Not Found"}
    )
    Connection.objects.update(dialect="generic")
    return Connection.objects.get()


def test_a_server_without_a_list_is_not_asked_for_it_at_every_interval(provider, listless, poll):
    add_job(listless, provider.serves(status="running"))
    poll_due()
    listless.refresh_from_db()
    assert not has_list(listless)
    assert listless.next_sweep_at - timezone.now() > timedelta(minutes=50)
    assert (listless.health, Job.objects.get().state) == ("ok", "running")


def test_a_list_that_appears_is_used(provider, listless, poll):
    poll()
    provider.heals()
    provider.serves(status="queued")
    poll()
    listless.refresh_from_db()
    assert has_list(listless)
    assert Job.objects.get().state == "queued"


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
