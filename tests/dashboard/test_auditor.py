"""Who watches the watcher: each finding has a way to make it, and clean rows beside it that are none."""

import uuid
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from alerts.claims import SEND_LEASE
from alerts.models import Channel, Delivery
from dashboard import auditor, findings, standby
from dashboard.findings import Code, Finding
from dashboard.models import AuditReport, Heartbeat
from jobs.claims import POLL_LEASE, database_now
from jobs.models import Connection, Job, Transition
from tests.builders import a_channel, a_connection, a_delivery, a_job, a_transition

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
LONG_AGO, SOON = timedelta(minutes=20), timedelta(minutes=20)


@pytest.fixture
def now():
    return database_now()


@pytest.fixture(autouse=True)
def at_work(now):
    """Every part is seen at work."""
    for part in Heartbeat.Part:
        Heartbeat.objects.create(part=part, at=now)


def found(now) -> dict[str, int]:
    """How many rows each finding is about; {} when the audit is clean."""
    return {one.code.value: one.count for one in auditor.find(now)}


@pytest.fixture
def channel():
    return a_channel()


def an_alert(channel: Channel, now, **facts) -> Delivery:
    """Made of a change that was announced; sent unless told otherwise."""
    facts = {"state": "sent", "sent_at": now, "next_attempt_at": None, **facts}
    job = a_job(a_connection(channel.team, next_sweep_at=None), state="failed")
    return a_delivery(channel, a_transition(job, announced_at=now), **facts)


def waiting(channel: Channel, now, **facts) -> Delivery:
    due = {"state": "pending", "sent_at": None, "next_attempt_at": now, **facts}
    return an_alert(channel, now, **due)


def test_where_nothing_is_left_undone_the_audit_is_clean(channel, now):
    an_alert(channel, now)
    waiting(channel, now)
    an_alert(channel, now, state="dead", sent_at=None, reason="550 no such mailbox")
    a_job(a_connection(next_sweep_at=now), next_poll_at=now)
    assert found(now) == {}
    assert auditor.audit().findings == []


def test_a_poll_that_is_overdue_is_found(now):
    connection = a_connection(next_sweep_at=now - LONG_AGO)
    a_job(connection, next_poll_at=now - LONG_AGO)
    assert found(now) == {"poll_overdue": 2}
    Connection.objects.update(wait_until=now + SOON)
    assert found(now) == {}


@pytest.mark.parametrize("part", ["job", "list"])
def test_work_whose_worker_never_came_back_is_found(now, part):
    left = {"lease_until": now - 2 * POLL_LEASE - SECOND}
    day = {"poll_interval_s": 86_400}  # so that it is not overdue yet
    if part == "list":
        a_connection(next_sweep_at=now - MINUTE, **left, **day)
    else:
        a_job(a_connection(next_sweep_at=None, **day), next_poll_at=now - MINUTE, **left)
    assert found(now) == {"lease_expired": 1}
    Job.objects.update(lease_until=now - POLL_LEASE)
    Connection.objects.update(lease_until=now - POLL_LEASE)
    assert found(now) == {}


@pytest.mark.parametrize(
    ("whose", "facts"),
    [("connection", {"is_paused": True}), ("job", {"is_paused": True}), ("job", {"next_poll_at": None})],
)  # fmt: skip
def test_a_lease_left_on_what_rests_is_none(now, whose, facts):
    job = a_job(a_connection(next_sweep_at=None), next_poll_at=now - MINUTE)
    Job.objects.update(lease_until=now - LONG_AGO)
    row = job if whose == "job" else job.connection
    type(row).objects.filter(pk=row.pk).update(**facts)
    assert found(now) == {}


def test_an_alert_whose_worker_never_came_back_is_found(channel, now):
    waiting(channel, now, lease_until=now - 2 * SEND_LEASE - SECOND)
    assert found(now) == {"lease_expired": 1}
    Delivery.objects.update(lease_until=now - SEND_LEASE)
    assert found(now) == {}


def test_a_change_that_no_alert_was_made_of_is_found(now):
    change = a_transition(a_job(a_connection(next_sweep_at=None), state="failed"))
    Transition.objects.update(recorded_at=now - 31 * SECOND)
    assert found(now) == {"transition_unannounced": 1}
    Transition.objects.filter(pk=change.pk).update(recorded_at=now - 29 * SECOND)
    assert found(now) == {}


def test_an_alert_that_is_overdue_is_found(channel, now):
    waiting(channel, now, next_attempt_at=now - 61 * SECOND)
    waiting(channel, now, next_attempt_at=now - 59 * SECOND)
    assert found(now) == {"alert_overdue": 1}
    assert auditor.find(now)[0].sentence.startswith("1 alert is overdue for up to 1 min")


@pytest.mark.parametrize(
    "facts",
    [
        {"failures": 2},
        {"is_enabled": False},
        {"wait_until": "soon"},
        {"messages_per_minute": 5, "window_began_at": "now", "window_used": 5},
        {"messages_per_minute": 5, "window_began_at": "past", "window_used": 5},
        {"messages_per_minute": 5, "window_began_at": "now", "window_used": 1, "last_sent_at": "now"},
        {"kind": "email", "window_began_at": "now", "window_used": 30},
    ],
)  # fmt: skip
def test_an_alert_that_its_channel_holds_back_is_not_overdue(channel, now, facts):
    waiting(channel, now, next_attempt_at=now - LONG_AGO)
    times = {"soon": now + SOON, "now": now, "past": now - 100 * SECOND}
    given = {name: times.get(value, value) for name, value in facts.items()}
    Channel.objects.update(**given)
    assert found(now) == {}


@pytest.mark.parametrize(
    "facts",
    [
        {"messages_per_minute": 5, "window_used": 5},
        {"messages_per_minute": 5, "window_used": 4, "last_sent_at": "old"},
        {"kind": "gone", "window_used": 99},
    ],
)
def test_a_rate_that_leaves_room_holds_nothing_back(channel, now, facts):
    waiting(channel, now, next_attempt_at=now - LONG_AGO)
    began = {"window_began_at": now - 4 * MINUTE, "last_sent_at": now - 4 * MINUTE}
    Channel.objects.update(**{**facts, **began})
    assert found(now) == {"alert_overdue": 1}


def test_quiet_hours_hold_back_until_a_minute_after_their_end(channel, now):
    waiting(channel, now, next_attempt_at=now - LONG_AGO, quiet_until=now + SOON)
    assert found(now) == {}
    Delivery.objects.update(quiet_until=now - 59 * SECOND)
    assert found(now) == {}
    Delivery.objects.update(quiet_until=now - 70 * SECOND)
    (one,) = auditor.find(now)
    assert (one.code, "up to 1 min" in one.sentence) == (Code.ALERT_OVERDUE, True)


def test_an_alert_behind_an_older_one_of_its_job_waits_for_that(channel, now):
    older = waiting(channel, now, next_attempt_at=now + SOON)
    newer = a_transition(older.transition.job, announced_at=now)
    a_delivery(channel, newer, next_attempt_at=now - LONG_AGO)
    assert found(now) == {}


def test_an_alert_in_a_state_that_nobody_knows_is_found(channel, now):
    an_alert(channel, now, state="sending")
    assert found(now) == {"delivery_state_unknown": 1}


def test_an_alert_that_will_never_be_due_is_found(channel, now):
    waiting(channel, now, next_attempt_at=None)
    assert found(now) == {"delivery_never_due": 1}


def test_an_alert_that_was_sent_at_no_time_is_found(channel, now):
    an_alert(channel, now, sent_at=None)
    an_alert(channel, now, sent_at=None, created_at=now - timedelta(days=2))
    assert found(now) == {"sent_without_time": 1}


@pytest.mark.parametrize("state", ["dead", "suppressed"])
def test_an_alert_that_was_stopped_without_a_reason_is_found(channel, now, state):
    an_alert(channel, now, state=state, sent_at=None)
    assert found(now) == {"unsent_without_reason": 1}
    Delivery.objects.update(reason="The channel was switched off.")
    assert found(now) == {}


def test_a_change_that_was_announced_by_half_is_found(channel, now):
    an_alert(channel, now)
    Transition.objects.update(announced_at=None)
    assert found(now) == {"announced_by_half": 1}


def test_a_digest_in_two_hands_is_found(channel, now):
    key, hand = uuid.uuid4(), uuid.uuid4()
    held = {"digest_key": key, "lease_until": now + 20 * SECOND}
    waiting(channel, now, lease_token=hand, **held)
    other = waiting(channel, now, lease_token=hand, **held)
    assert found(now) == {}
    Delivery.objects.filter(pk=other.pk).update(lease_token=uuid.uuid4())
    assert found(now) == {"digest_held_twice": 1}


def test_a_sweep_that_is_late_is_found(now):
    Heartbeat.objects.filter(part="sweep").update(at=now - 61 * SECOND)
    assert found(now) == {"sweep_late": 1}
    Heartbeat.objects.filter(part="poll").update(is_busy=True)
    assert found(now) == {}


def test_a_part_of_which_nobody_is_left_is_found(now):
    Heartbeat.objects.filter(part="poll").update(at=now - LONG_AGO)
    Heartbeat.objects.create(part="poll", worker="other", at=now)
    assert found(now) == {}
    Heartbeat.objects.filter(part="poll").update(at=now - LONG_AGO)
    assert found(now) == {"part_silent": 1}


def test_the_gravest_is_told_first(channel, now):
    waiting(channel, now, next_attempt_at=now - LONG_AGO)
    an_alert(channel, now, state="sending")
    a_connection(next_sweep_at=now - LONG_AGO)
    assert list(found(now)) == ["delivery_state_unknown", "poll_overdue", "alert_overdue"]


def test_the_report_is_one_row_and_the_newest(channel, now):
    an_alert(channel, now, state="sending")
    auditor.audit()
    assert AuditReport.objects.get().findings[0]["count"] == 1
    Delivery.objects.update(state="sent")
    auditor.audit()
    report = AuditReport.objects.get()
    assert (report.findings, report.at >= now) == ([], True)


def test_the_minute_is_audited_once_though_several_ask(now):
    assert auditor.audit_due() is not None
    assert auditor.audit_due() is None
    AuditReport.objects.update(at=now - 31 * SECOND)
    assert auditor.audit_due() is not None


@contextmanager
def broken_database():
    def refuse(*_args, **_kwargs):
        raise DatabaseError("the disk is full")

    with database.execute_wrapper(refuse):
        yield


def test_an_audit_that_fails_leaves_the_old_report_and_is_not_tried_again(now):
    auditor.audit()
    AuditReport.objects.update(at=now - LONG_AGO)
    with broken_database(), pytest.raises(DatabaseError):
        auditor.audit_due()
    assert AuditReport.objects.get().at == now - LONG_AGO


def test_the_standby_audits_and_outlives_an_audit_that_fails(now):
    helper = standby.Standby()
    helper._audit_sometimes()
    assert not AuditReport.objects.exists()
    helper.audited_at -= 61
    helper._audit_sometimes()
    assert AuditReport.objects.exists()
    helper.audited_at -= 61
    with broken_database():
        helper._audit_sometimes()


def test_an_audit_reads_indexes_and_asks_the_same_for_many_rows(channel, now, monkeypatch):
    monkeypatch.setattr(auditor, "CHECKED_ROWS", 50)
    one, rows = an_alert(channel, now), 1500
    waiting(channel, now, next_attempt_at=now - LONG_AGO)
    few = queries(now)
    changes = Transition.objects.bulk_create(
        Transition(connection=one.transition.connection, kind="state", announced_at=now)
        for _ in range(rows)
    )
    facts = {"team": one.team, "channel": channel, "message": {}, "thread": "x", "sent_at": now}
    Delivery.objects.bulk_create(Delivery(transition=row, state="sent", **facts) for row in changes)
    Job.objects.bulk_create(
        Job(team=one.team, connection=one.transition.connection, provider_id=f"j{number}")
        for number in range(rows)
    )
    if database.vendor == "postgresql":
        with database.cursor() as cursor:
            cursor.execute("ANALYZE")
    many = queries(now)
    assert len(many) == len(few)
    tables = ("jobs_job", "jobs_transition", "alerts_delivery")
    assert [sql for sql in many if "LIMIT 1" not in sql[-10:] and scans(sql, tables)] == []


def queries(now) -> list[str]:
    with CaptureQueriesContext(database) as captured:
        auditor.find(now)
    return [one["sql"] for one in captured.captured_queries if "SELECT" in one["sql"]]


def scans(sql: str, tables: tuple[str, ...]) -> str:
    """The part of the plan that reads all of a long table; "" where none does."""
    with database.cursor() as cursor:
        if database.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            lines = [row[3] for row in cursor.fetchall()]
            full = [f"SCAN {table}" for table in tables]
            return "; ".join(line for line in lines if line in full)
        cursor.execute(f"EXPLAIN {sql}")
        lines = [row[0] for row in cursor.fetchall()]
    return "; ".join(line for line in lines if any(f"Seq Scan on {one}" in line for one in tables))


def test_a_finding_of_another_version_is_left_out():
    stored = [{"code": "eclipse", "sentence": "It is dark.", "count": 1}, {"nonsense": 1}]
    mine = Finding(Code.SWEEP_LATE, "No sweep.", 1)
    assert findings.known([*stored, mine.to_json()]) == (mine,)
