"""/metrics: what Prometheus reads is what stands in the tables, whoever wrote it and whoever answers."""

import math
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import connection as database
from django.db import models
from django.test.utils import CaptureQueriesContext

from alerts.models import Delivery
from dashboard import alert_families, exposition
from dashboard.models import Heartbeat
from dashboard.queries import overdue, status
from jobs import ledger, totals, tracking
from jobs.models import Count, Health, Job, LatenessTally, RequestTally, Transition
from tests import servers
from tests.builders import (
    a_channel,
    a_connection,
    a_delivery,
    a_job,
    a_transition,
)
from tests.dashboard.metrics.scraping import (
    LONG_AGO,
    a_tally,
    asked,
    scrape,
    value,
)

pytestmark = pytest.mark.django_db


def test_every_family_is_named_and_described_as_prometheus_asks(client):
    for name, family in scrape(client).items():
        assert name.startswith("tunebell_")
        assert family.documentation.endswith(".")
        assert family.type in {"gauge", "counter", "histogram"}
        assert not name.endswith(("_ms", "_minutes", "_count", "_sum", "_bucket"))


def test_jobs_and_connections_are_counted_by_state(client):
    sick = a_connection(health=Health.UNREACHABLE)
    a_connection(health=Health.OK, is_paused=True)
    for state in ("running", "running", "failed"):
        a_job(sick, state=state)
    found = scrape(client)
    states = {one.labels["state"]: one.value for one in found["tunebell_jobs"].samples}
    assert (states["running"], states["failed"], states["succeeded"]) == (2, 1, 0)
    assert value(found, "tunebell_connections", health="unreachable") == 1
    assert value(found, "tunebell_connections", health="ok") == 0
    assert value(found, "tunebell_connections_paused") == 1


@pytest.mark.both_databases
def test_requests_add_up_over_teams_hours_and_what_was_rolled_up(client, now):
    one, other = a_connection(), a_connection()
    a_tally(one, 1000)
    a_tally(one, 20, hour=now)
    a_tally(other, 3, hour=now)
    a_tally(other, 7, hour=now, outcome="limited")
    found = scrape(client)
    total, seconds = "tunebell_requests_total", "tunebell_request_seconds_total"
    ok = {"capability": "jobs", "outcome": "ok"}
    assert value(found, total, "tunebell_requests", **ok) == 1023
    assert value(found, seconds, "tunebell_request_seconds", **ok) == pytest.approx(0.75)
    assert asked(client, capability="jobs", outcome="limited") == 7


@pytest.mark.both_databases
def test_totals_stay_when_old_tallies_are_rolled_up(client, now):
    connection = a_connection()
    for days in (1, 40, 90):
        hour = now - timedelta(days=days)
        a_tally(connection, days, hour=hour)
        LatenessTally.objects.create(hour=hour, work="sweep", upper_s=5, number=days, total_s=days)
    before = scrape(client)
    ledger.roll_up(now)
    assert RequestTally.objects.count() == LatenessTally.objects.count() == 2
    after = scrape(client)
    for name in ("requests", "request_seconds", "poll_lateness_seconds"):
        family = f"tunebell_{name}"
        assert after[family].samples == before[family].samples
    assert asked(client, capability="jobs", outcome="ok") == 131


@pytest.mark.both_databases
def test_totals_stay_when_a_connection_is_removed(client):
    gone, kept = a_connection(), a_connection()
    a_tally(gone, 40)
    a_tally(gone, 2, capability="events", outcome="unanswered")
    a_tally(kept, 1)
    tracking.remove(gone)
    assert asked(client, capability="jobs", outcome="ok") == 41
    assert asked(client, capability="events", outcome="unanswered") == 2
    tracking.remove(kept)
    assert asked(client, capability="jobs", outcome="ok") == 41
    assert totals.requests()["jobs", "ok"] == totals.Requests(41, 500)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_what_other_processes_add_is_seen(client, project_env):
    """A count in the memory of this process would know nothing of theirs."""
    Count.objects.create(name="stale_writes", number=1)
    script = (
        "import django; django.setup();"
        "from jobs.ledger import raise_count;"
        "[raise_count('stale_writes') for _ in range(50)]"
    )
    command = [sys.executable, "-c", script]
    env = project_env(DJANGO_SETTINGS_MODULE="dashboard.settings")
    running = [subprocess.Popen(command, env=env, cwd=servers.ROOT) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    assert value(scrape(client), "tunebell_stale_writes_total", "tunebell_stale_writes") == 101


@pytest.mark.both_databases
def test_the_lateness_is_a_valid_histogram(client):
    hour, none = ledger.EVER, ledger.EVER + timedelta(hours=1)
    for when, upper_s, number in ((hour, 1, 5), (none, 1, 2), (hour, 10, 1), (hour, 1e9, 2)):
        LatenessTally.objects.create(
            hour=when, work="retrieve", upper_s=upper_s, number=number, total_s=number * upper_s / 2
        )
    family = scrape(client)["tunebell_poll_lateness_seconds"]
    for work in ("sweep", "retrieve"):
        samples = [one for one in family.samples if one.labels["work"] == work]
        buckets = [one for one in samples if one.name.endswith("_bucket")]
        bounds = [float(one.labels["le"]) for one in buckets]
        numbers = [one.value for one in buckets]
        (count,) = (one.value for one in samples if one.name.endswith("_count"))
        assert bounds == sorted(set(bounds)) == [*ledger.BOUNDS_S, math.inf]
        assert numbers == sorted(numbers)
        assert numbers[-1] == count == (10 if work == "retrieve" else 0)
    by_bound = {one.labels["le"]: one.value for one in buckets}
    assert (by_bound["1.0"], by_bound["5.0"], by_bound["10.0"]) == (7, 7, 8)


@pytest.mark.both_databases
def test_late_jobs_are_counted_by_what_holds_them(client, now):
    free, waits = a_connection(next_sweep_at=None), a_connection(wait_until=now + LONG_AGO)
    paces = a_connection(paced_until=now + LONG_AGO, next_sweep_at=None)
    for connection in (free, free, waits, paces):
        a_job(connection, next_poll_at=now - LONG_AGO)
    a_job(free, next_poll_at=now - LONG_AGO, lease_until=now + LONG_AGO)
    a_job(free, next_poll_at=now - LONG_AGO, is_paused=True)
    found = scrape(client)
    numbers = {one.labels["reason"]: one.value for one in found["tunebell_overdue_jobs"].samples}
    assert numbers == {"waiting": 1, "pacing": 1, "claimed": 1, "behind": 2}
    assert value(found, "tunebell_oldest_due_poll_seconds") == pytest.approx(600, abs=30)
    assert value(found, "tunebell_overdue_lists") == 0


def test_nothing_late_is_zero_and_not_missing(client):
    found = scrape(client)
    assert {one.value for one in found["tunebell_overdue_jobs"].samples} == {0}
    assert len(found["tunebell_overdue_jobs"].samples) == len(overdue.CAUSES)
    assert value(found, "tunebell_oldest_due_poll_seconds") == 0


def test_parts_are_up_while_they_are_seen(client, now):
    assert scrape(client)["tunebell_sweep_age_seconds"].samples == []
    Heartbeat.objects.create(part="poll", at=now)
    Heartbeat.objects.create(part="alerts", at=now - LONG_AGO)
    Heartbeat.objects.create(part="sweep", at=now - timedelta(seconds=7))
    found = scrape(client)
    ups = {one.labels["part"]: one.value for one in found["tunebell_part_up"].samples}
    assert ups == {"poll": 1, "alerts": 0}
    age = value(found, "tunebell_heartbeat_age_seconds", part="alerts")
    assert age == pytest.approx(600, abs=30)
    assert 7 <= value(found, "tunebell_sweep_age_seconds") < 40


@pytest.mark.both_databases
def test_alerts_are_counted_and_the_oldest_told(client, now):
    well, failing = a_channel(), a_channel(failures=3)
    a_delivery(well, state=Delivery.State.SENT)
    a_delivery(well, created_at=now - timedelta(seconds=90))
    a_delivery(failing, created_at=now - LONG_AGO)
    Transition.objects.update(announced_at=now)
    Transition.objects.filter(pk=a_transition().pk).update(recorded_at=now - timedelta(seconds=50))
    found = scrape(client)
    states = {one.labels["state"]: one.value for one in found["tunebell_deliveries"].samples}
    assert states == {"pending": 2, "sent": 1, "dead": 0, "suppressed": 0}
    oldest = found["tunebell_oldest_unsent_alert_seconds"].samples
    ages = {one.labels["channel"]: one.value for one in oldest}
    assert ages == pytest.approx({"healthy": 90, "failing": 600, "held": 0}, abs=30)
    assert value(found, "tunebell_channels_failing") == 1
    assert value(found, "tunebell_unannounced_transitions") == 1
    assert value(found, "tunebell_oldest_unannounced_transition_seconds") >= 50


def test_scrapes_close_together_cost_one_reading(client, django_assert_num_queries):
    client.get("/metrics")
    with django_assert_num_queries(0):
        client.get("/metrics")


def test_many_jobs_need_no_more_queries_than_few(client, now):
    connection = a_connection()
    few = queries(client)
    jobs = [
        Job(team=connection.team, connection=connection, provider_id=f"j{number}", next_poll_at=at)
        for number, at in enumerate([None] * 1500 + [now - LONG_AGO] * 500)
    ]
    Job.objects.bulk_create(jobs)
    many = queries(client)
    assert len(many) == len(few) <= 24


def queries(client) -> list[str]:
    exposition.shelf.clear()
    with CaptureQueriesContext(database) as captured:
        assert client.get("/metrics").status_code == 200
    return [one["sql"] for one in captured.captured_queries]


@pytest.mark.both_databases
def test_alerts_are_counted_by_state(client):
    channel = a_channel()
    for state in ("sent", "sent", "sent", "dead", "pending", "pending"):
        a_delivery(channel, state=state)
    states = scrape(client)["tunebell_deliveries"].samples
    assert {one.labels["state"]: one.value for one in states} == {
        "sent": 3,
        "dead": 1,
        "pending": 2,
        "suppressed": 0,
    }


@pytest.mark.both_databases
def test_alerts_that_were_sent_are_not_read_one_by_one(now):
    """PostgreSQL has statistics of a long history; SQLite plans without any."""
    one = a_delivery(a_channel(), state="sent")
    fields = {
        "team": one.team,
        "channel": one.channel,
        "state": "sent",
        "message": {},
        "thread": "x",
    }
    changes = Transition.objects.bulk_create(
        Transition(connection=one.transition.connection, kind="state") for _ in range(3000)
    )
    Delivery.objects.bulk_create(Delivery(transition=change, **fields) for change in changes)
    if database.vendor == "postgresql":
        with database.cursor() as cursor:
            cursor.execute("ANALYZE")
    with CaptureQueriesContext(database) as captured:
        alert_families.delivery_counts(), status.status_page(one.team, now)
    asked = [sql["sql"] for sql in captured.captured_queries if "alerts_delivery" in sql["sql"]]
    assert len(asked) == 3
    assert ["delivery_unsent" in plan(sql) for sql in asked] == [
        "count(*)" not in sql.lower() for sql in asked
    ]


def plan(sql: str) -> str:
    with database.cursor() as cursor:
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' if database.vendor == 'sqlite' else ''}{sql}")
        return str(cursor.fetchall())


def test_many_jobs_are_read_from_indexes(now):
    """Without statistics SQLite plans for a large table as for an empty one."""
    by_interval = {None: LONG_AGO}
    late = overdue.overdue_jobs(now, by_interval).explain()
    states = Job.objects.order_by().values_list("state").annotate(models.Count("pk")).explain()
    assert "jobs_job USING INDEX job_due" in late
    assert "SCAN jobs_job USING COVERING INDEX" in states
