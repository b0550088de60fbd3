"""Is the monitor itself well? /status/, /readyz, /livez and the banners on every page."""

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection as database
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from alerts.models import Channel, Delivery
from dashboard import context, heartbeats
from dashboard.models import Heartbeat
from dashboard.queries import readiness, status
from jobs.models import (
    Connection,
    Health,
    Job,
    Transition,
)
from tests import servers
from tests.builders import (
    a_channel,
    a_connection,
    a_delivery,
    a_job,
    a_member,
    a_team,
    a_transition,
)

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(minutes=10)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def long_running(monkeypatch, now):
    """As if this process had been up for a while: everything had its first turn."""
    monkeypatch.setattr(readiness, "STARTED_AT", now - LONG_AGO)
    for part in Heartbeat.Part:
        Heartbeat.objects.create(part=part, at=now)


def reasons(now) -> tuple[str, ...]:
    return readiness.readiness(now).reasons


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


def test_the_process_answers(client):
    assert client.get("/livez").content == b"ok\n"


def test_a_fresh_start_is_ready_before_the_first_sweep(client, monkeypatch, now):
    monkeypatch.setattr(readiness, "STARTED_AT", now)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["reasons"] == []


def test_a_part_not_seen_yet_is_starting_and_not_called_well(client, monkeypatch, now):
    monkeypatch.setattr(readiness, "STARTED_AT", now)
    client.force_login(a_member(a_team()))
    html = client.get("/status/").content.decode()
    assert re.search(r'class="status queued"><svg.*?</svg>Starting', html)
    assert not re.search(r'class="status succeeded"><svg[^>]*>.{0,60}</svg>Starting', html)


def test_a_running_set_is_ready(long_running, now):
    assert reasons(now) == ()


@pytest.mark.parametrize(
    ("part", "is_busy", "expected"),
    [("sweep", False, ("sweep_late",)), ("alerts", False, ()), ("beat", False, ())],
)
def test_a_late_sweep_is_not_ready(long_running, now, part, is_busy, expected):
    Heartbeat.objects.filter(part=part).update(at=now - timedelta(seconds=61))
    assert reasons(now) == expected


def test_a_sweep_that_hangs_at_a_provider_is_at_work(long_running, now):
    Heartbeat.objects.filter(part="sweep").update(at=now - timedelta(seconds=70))
    Heartbeat.objects.filter(part="poll").update(at=now - timedelta(seconds=65), is_busy=True)
    assert reasons(now) == ()


def test_a_poll_long_overdue_is_not_ready(long_running, now):
    row = a_connection(next_sweep_at=now - LONG_AGO)
    assert reasons(now) == ("poll_overdue",)
    Connection.objects.filter(pk=row.pk).update(is_paused=True)
    assert reasons(now) == ()


def test_a_provider_that_asked_to_wait_is_not_overdue(long_running, now):
    a_connection(next_sweep_at=now - LONG_AGO, wait_until=now + LONG_AGO)
    assert reasons(now) == ()


def test_a_poll_may_be_late_by_the_interval_of_its_own_connection(long_running, now):
    slow = a_connection(poll_interval_s=3600, next_sweep_at=now - LONG_AGO)
    job = a_job(slow, next_poll_at=now - LONG_AGO)
    assert reasons(now) == ()
    job.next_poll_at = now - timedelta(seconds=3661)
    job.save()
    assert reasons(now) == ("poll_overdue",)


@pytest.mark.both_databases
def test_a_short_interval_does_not_make_the_slow_ones_late(long_running, now):
    a_connection(poll_interval_s=2, next_sweep_at=now - timedelta(seconds=61))
    a_connection(poll_interval_s=900, next_sweep_at=now - LONG_AGO)
    assert reasons(now) == ()
    Connection.objects.filter(poll_interval_s=2).update(next_sweep_at=now - timedelta(seconds=63))
    assert reasons(now) == ("poll_overdue",)


@pytest.mark.parametrize("rest", ["wait_until", "paced_until"])
def test_a_connection_that_rests_makes_no_job_overdue_for_machines(long_running, now, rest):
    row = a_connection(**{rest: now + LONG_AGO}, next_sweep_at=now - LONG_AGO)
    a_job(row, next_poll_at=now - LONG_AGO)
    assert reasons(now) == ()
    Connection.objects.update(**{rest: now - timedelta(seconds=61)})
    assert reasons(now) == ("poll_overdue",)


def test_a_long_list_that_is_being_read_is_not_overdue(long_running, now):
    a_connection(next_sweep_at=now - LONG_AGO, lease_until=now + timedelta(seconds=9))
    assert reasons(now) == ()


def test_readiness_costs_the_same_for_many_jobs(
    long_running, client, now, django_assert_max_num_queries
):
    connection = a_connection()
    client.get("/readyz")
    jobs = [
        Job(team=connection.team, connection=connection, provider_id=f"j{number}", next_poll_at=now)
        for number in range(1000)
    ]
    Job.objects.bulk_create(jobs)
    with django_assert_max_num_queries(10):
        assert client.get("/readyz").status_code == 200


def test_an_unannounced_transition_is_not_ready(long_running, now):
    transition = a_transition()
    Transition.objects.filter(pk=transition.pk).update(
        recorded_at=now - timedelta(seconds=31), announced_at=None
    )
    Connection.objects.update(next_sweep_at=None)
    assert reasons(now) == ("transition_unannounced",)


def test_an_overdue_alert_counts_on_a_healthy_channel_only(long_running, now):
    delivery = a_delivery(a_channel())
    Connection.objects.update(next_sweep_at=None)
    Transition.objects.update(announced_at=now)
    Delivery.objects.filter(pk=delivery.pk).update(next_attempt_at=now - timedelta(seconds=61))
    assert reasons(now) == ("alert_overdue",)
    Channel.objects.update(failures=2)
    assert reasons(now) == ()


def test_trouble_elsewhere_is_ready_but_degraded_and_names_nobody(long_running, client):
    a_connection(name="secret-lab", health=Health.UNREACHABLE, next_sweep_at=None)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["degraded"]["connections_troubled"] == 1
    assert "secret-lab" not in answer.content.decode()


def test_a_missing_migration_is_not_ready(client):
    readiness._migrated().clear()
    MigrationRecorder(database).migration_qs.filter(app="jobs").delete()
    answer = client.get("/readyz")
    readiness._migrated().clear()
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["migrations_missing"])


def test_a_silent_worker_shows_on_every_page(client):
    team = a_team()
    client.force_login(a_member(team))
    Heartbeat.objects.create(part="alerts", at=timezone.now() - timedelta(minutes=4))
    for path in ("/jobs/", "/alerts/", "/connections/", "/status/", "/team/"):
        assert "Alert worker not seen for 4 min." in text(client.get(path))


def test_the_banner_goes_when_the_worker_is_back(client):
    client.force_login(a_member(a_team()))
    Heartbeat.objects.create(part="alerts", at=timezone.now())
    assert "not seen for" not in text(client.get("/jobs/"))


@pytest.mark.parametrize(
    ("age_s", "is_busy", "is_late"),
    [(44, False, False), (46, False, True), (46, True, False), (101, True, True)],
)
def test_a_part_inside_a_task_may_be_silent_for_longer(now, age_s, is_busy, is_late):
    note = Heartbeat(part="poll", at=now - timedelta(seconds=age_s), is_busy=is_busy)
    assert bool(context.banners([note], now)) is is_late


def test_a_standby_without_a_broker_is_seen_at_work(now):
    Heartbeat.objects.create(part="sweep", at=now)
    Heartbeat.objects.create(part="poll", at=now - LONG_AGO)
    banner = context.banners(Heartbeat.objects.all(), now)[0]
    parts = {part.name: part.is_well for part in status.status_page(a_team(), now).parts}
    assert (banner.state, banner.text) == ("paused", context.COVERED)
    assert (parts["Sweep without broker"], parts["Poll worker"]) == (True, False)
    assert "Beat" not in parts


def test_strangers_learn_nothing_about_the_workers(client):
    Heartbeat.objects.create(part="alerts", at=timezone.now() - timedelta(minutes=4))
    assert "not seen" not in text(client.get("/sign-in/"))


def a_task(name: str, *, by_beat: bool = True) -> SimpleNamespace:
    request = SimpleNamespace(celery_beat_task=by_beat, hostname="poll@here", origin="gen7@there")
    return SimpleNamespace(name=name, request=request)


@pytest.fixture
def fresh_notes():
    heartbeats._last_note.clear()
    heartbeats._last_tidied.clear()
    yield
    heartbeats._last_note.clear()
    heartbeats._last_tidied.clear()


def test_a_task_notes_its_worker_beat_and_the_sweep(fresh_notes):
    heartbeats.task_begins(task=a_task("jobs.poll_due"))
    assert Heartbeat.objects.get(part="poll").is_busy
    heartbeats.task_ends(task=a_task("jobs.poll_due"), state="SUCCESS")
    assert set(Heartbeat.objects.values_list("part", "is_busy")) == {
        ("poll", False),
        ("beat", False),
        ("sweep", False),
    }


def test_a_failed_sweep_is_no_sweep(fresh_notes):
    heartbeats.task_ends(task=a_task("jobs.poll_due"), state="FAILURE")
    assert not Heartbeat.objects.filter(part="sweep").exists()


def test_a_hint_is_no_sign_of_beat(fresh_notes):
    heartbeats.task_begins(task=a_task("alerts.announce_due", by_beat=False))
    assert set(Heartbeat.objects.values_list("part", flat=True)) == {"alerts"}


def test_a_burst_of_tasks_writes_once(fresh_notes, django_assert_num_queries):
    heartbeats.beat("alerts")
    with django_assert_num_queries(0):
        for _ in range(20):
            heartbeats.beat("alerts")


def test_the_page_says_what_is_wrong_with_connections_and_alerts(client, now):
    team = a_team()
    client.force_login(a_member(team))
    a_connection(team, name="good", health=Health.OK, last_good_at=now)
    a_connection(team, name="bad", health=Health.REJECTED, last_good_at=now - LONG_AGO)
    a_delivery(a_channel(team), a_transition(a_job(a_connection(team, is_paused=True))))
    page = status.status_page(team, now)
    assert {line.name: line.is_well for line in page.connections}["bad"] is False
    assert {line.name: line.is_well for line in page.connections}["good"] is True
    assert page.alerts.waiting == 1
    assert "Key rejected" in text(client.get("/status/"))


def test_a_connection_without_a_recent_answer_is_stale(now):
    team = a_team()
    a_connection(team, name="quiet", health=Health.OK, last_good_at=now - LONG_AGO)
    assert status.status_page(team, now).connections[0].word == "Stale"


@pytest.mark.stack
@pytest.mark.django_db(transaction=True)
def test_real_workers_and_beat_are_seen(celery_stack):
    celery_stack(beat=True)
    seen = servers.eventually(
        lambda: Heartbeat.objects.count() == len(Heartbeat.Part), what="every heartbeat"
    )
    assert seen
