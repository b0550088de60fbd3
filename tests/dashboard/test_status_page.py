"""/status/: what the page says of late jobs, of pace and of archives; and what is written about /readyz."""

import shutil
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection as database
from django.utils import timezone

from dashboard import auditor, disk, exposition
from dashboard.models import Heartbeat
from dashboard.queries import status
from jobs import ledger
from jobs.models import (
    Backfill,
    Connection,
    Count,
    Health,
    LatenessTally,
    RequestTally,
    Retention,
)
from tests import servers
from tests.builders import (
    a_connection,
    a_job,
    a_member,
    a_team,
)

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(minutes=10)
READINESS_WORDS = [
    *("database_unusable", "migrations_missing", "sweep_late", "poll_overdue"),
    *("transition_unannounced", "alert_overdue", "connections_troubled", "channels_failing"),
    *("parts_silent", "broker_down"),
]


@pytest.fixture
def now():
    return timezone.now()


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


@pytest.fixture
def team():
    return a_team()


@pytest.fixture
def working(now):
    """Everything is seen at work."""
    for part in Heartbeat.Part:
        Heartbeat.objects.create(part=part, at=now)


def whys(team, now) -> dict[str, str]:
    """Why each late job is late, by its name."""
    return {line.name: line.why for line in status.status_page(team, now).late.lines}


@pytest.mark.parametrize(
    ("health", "why"),
    [
        (Health.LIMITED, "The provider asked us to wait; next try"),
        (Health.OUT_OF_QUOTA, "The connection is out of quota; next try"),
        (Health.REJECTED, "The key is rejected; next try"),
        (Health.UNREADABLE, "Its answers cannot be read; next try"),
        (Health.UNREACHABLE, "The provider is unreachable; next try"),
        (Health.OK, "The connection waits after a bad answer; next try"),
    ],
)
def test_a_job_of_a_connection_that_waits_says_what_for_and_until_when(team, now, health, why):
    row = a_connection(team, health=health, wait_until=now + LONG_AGO)
    a_job(row, suffix="bot", next_poll_at=now - LONG_AGO)
    (line,) = status.status_page(team, now).late.lines
    assert (line.why, line.at) == (why, row.wait_until)


@pytest.mark.both_databases
def test_a_job_says_what_else_holds_it(working, team, now):
    paces, free = a_connection(team, paced_until=now + LONG_AGO), a_connection(team)
    held = now + timedelta(seconds=50)
    a_job(paces, suffix="paced", next_poll_at=now - LONG_AGO)
    a_job(free, suffix="held", next_poll_at=now - LONG_AGO, lease_until=held)
    a_job(free, suffix="behind", next_poll_at=now - LONG_AGO, lease_until=now - LONG_AGO)
    soon = now + LONG_AGO
    a_job(free, suffix="sick", next_poll_at=soon, trouble="Polled 5 times without a result.")
    assert whys(team, now) == {
        "paced": "The connection keeps to its rate; next request",
        "held": "Held by a worker since",
        "behind": "The workers are 10 min behind",
        "sick": "Put off: Polled 5 times without a result; next try",
    }


def test_without_a_worker_that_is_the_reason(team, now):
    a_job(a_connection(team), suffix="bot", next_poll_at=now - LONG_AGO)
    assert whys(team, now) == {"bot": "No poll worker was ever seen"}
    Heartbeat.objects.create(part="poll", at=now - timedelta(minutes=4))
    assert whys(team, now) == {"bot": "No poll worker was seen for 4 min"}
    Heartbeat.objects.create(part="sweep", at=now)
    assert whys(team, now) == {"bot": "The workers are 10 min behind"}


@pytest.mark.both_databases
def test_what_is_paused_put_away_or_over_is_not_late(working, team, now):
    free, paused = a_connection(team), a_connection(team, is_paused=True)
    put_away = a_connection(team, archived_at=now)
    due = now - LONG_AGO
    for connection in (paused, put_away):
        a_job(connection, next_poll_at=due)
        a_job(connection, next_poll_at=now + LONG_AGO, trouble="x")
    a_job(free, next_poll_at=due, is_paused=True)
    a_job(free, next_poll_at=due, archived_at=now)
    a_job(free, next_poll_at=None, trouble="x", state="failed", settled_at=now)
    a_job(free, next_poll_at=now - timedelta(seconds=70))
    assert whys(team, now) == {}


def test_a_team_sees_its_own_late_jobs_only(client, team, now):
    other = a_connection(name="foreign-lab")
    a_job(other, suffix="foreign-bot", next_poll_at=now - LONG_AGO)
    a_tally = {"hour": now, "capability": "jobs", "outcome": "limited", "number": 5}
    RequestTally.objects.create(connection=other, **a_tally)
    Backfill.objects.create(connection=other)
    client.force_login(a_member(team))
    assert "foreign" not in text(client.get("/status/"))
    page = status.status_page(team, now)
    assert (page.late.total, page.requests, page.archives) == (0, (), ())


@pytest.mark.both_databases
def test_twenty_late_jobs_are_listed_and_the_rest_counted(client, working, team, now):
    row = a_connection(team, health=Health.OK, last_good_at=now)
    for _ in range(22):
        a_job(row, next_poll_at=now - LONG_AGO)
    a_job(row, next_poll_at=now + LONG_AGO, trouble="x")
    late = status.status_page(team, now).late
    assert (len(late.lines), late.total, late.more, late.behind) == (20, 23, 3, 22)
    client.force_login(a_member(team))
    assert "And 3 more jobs." in text(client.get("/status/"))


def test_the_verdict_counts_jobs_that_nothing_but_us_holds_back(working, team, now, monkeypatch):
    monkeypatch.setattr(status, "depths", lambda queues: dict.fromkeys(queues, 0))
    row = a_connection(team, health=Health.OK, last_good_at=now)
    assert status.status_page(team, now).verdict == "All well"
    a_job(row, next_poll_at=now - LONG_AGO)
    page = status.status_page(team, now)
    assert (page.verdict, page.is_well) == ("1 job is overdue.", False)
    Connection.objects.update(paced_until=now)
    assert status.status_page(team, now).is_well


def test_the_verdict_says_one_in_the_singular(working, team, now, monkeypatch):
    monkeypatch.setattr(status, "depths", lambda _queues: {})
    a_connection(team, health=Health.REJECTED, created_at=now)
    assert status.status_page(team, now).verdict == "1 of 1 connection needs a look."


def test_an_open_page_goes_on_telling_who_is_at_work(client, working, team):
    client.force_login(a_member(team))
    first = client.get("/status/")
    poll = {"HX-Request": "true", "HX-PTag": first["HX-PTag"]}
    assert 'hx-get="/status/"' in first.content.decode()
    Heartbeat.objects.update(at=timezone.now() - LONG_AGO)
    later = client.get("/status/", headers=poll)
    assert "Not seen: poll worker" in text(later)
    assert "<html" not in text(later)


def test_the_pace_is_told_of_this_hour_and_the_last(working, team, now):
    hour = now.replace(minute=0, second=0, microsecond=0)
    tallies = [(hour, 1, 90), (hour - timedelta(hours=1), 5, 9), (hour, 1e9, 1)]
    tallies.append((hour - timedelta(hours=2), 300, 5000))
    for when, upper_s, number in tallies:
        LatenessTally.objects.create(hour=when, work="sweep", upper_s=upper_s, number=number)
    Count.objects.create(name=ledger.STALE_WRITES, number=4)
    pulse = status.status_page(team, now).pulse
    (line,) = pulse.lateness
    assert (line.number, line.half, line.most) == (100, "within 1 s", "within 5 s")
    assert (pulse.swept_at, pulse.stale_writes, pulse.hints_failed) == (now, 4, 0)


def test_requests_are_told_by_how_they_ended(client, team, now):
    row = a_connection(team)
    hour = now.replace(minute=0, second=0, microsecond=0)
    for when, outcome, number in (
        (hour, "ok", 40),
        (hour - timedelta(hours=1), "ok", 2),
        (hour, "limited", 7),
        (ledger.EVER, "broken", 5000),
    ):
        RequestTally.objects.create(
            connection=row, hour=when, capability="jobs", outcome=outcome, number=number
        )
    told = {line.word: line.number for line in status.status_page(team, now).requests}
    assert told == {"Answered": 42, "Asked to wait": 7}


def test_an_archive_under_way_is_named_and_a_done_one_is_not(client, team, now):
    Backfill.objects.create(connection=a_connection(team, name="Old lab"), listed_count=1200)
    Backfill.objects.create(connection=a_connection(team), state=Backfill.State.DONE)
    (line,) = status.status_page(team, now).archives
    assert (line.name, line.listed, line.is_paused) == ("Old lab", 1200, False)
    client.force_login(a_member(team))
    assert "1\u2009200 jobs listed" in client.get("/status/").content.decode()


@pytest.fixture
def nearly_full(monkeypatch, tmp_path):
    """The database is a file on a disk with little room."""
    file = tmp_path / "tunebell.sqlite3"
    file.touch()
    monkeypatch.setitem(database.settings_dict, "NAME", str(file))
    room = SimpleNamespace(free=disk.GB // 2, total=20 * disk.GB)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: room)


def test_a_disk_that_is_nearly_full_is_the_verdict_and_found(working, nearly_full, team, now):
    said = "The disk of the database is nearly full: 500.0 MB free of 20.0 GB."
    assert status.status_page(team, now).verdict == said
    assert [one.sentence for one in auditor.find(now)] == [said]
    told = {one.name: [sample.value for sample in one.samples] for one in exposition.collect()}
    assert told["tunebell_disk_free_bytes"] == [disk.GB // 2]


@pytest.mark.parametrize(
    ("free_gb", "total_gb", "is_low"),
    [
        (0.9, 10, True),  # below 1 GB
        (1.1, 10, False),
        (4, 100, True),  # below 5 %
        (6, 100, False),
        (11, 2000, False),  # 10 GB are enough on any disk
        (0.5, 1, False),  # a small volume never has 1 GB free
        (0.1, 1, True),
    ],
)
def test_a_disk_is_judged_by_share_and_by_bytes(free_gb, total_gb, is_low):
    assert disk.Disk(round(free_gb * disk.GB), total_gb * disk.GB).is_low is is_low


@pytest.mark.both_databases
def test_the_room_and_the_retention_are_told(client, team):
    client.force_login(a_member(team))
    Retention.objects.create(team=team, is_enabled=True, event_days=90)
    page = client.get("/status/")
    shown = page.context["page"].storage
    assert shown.database_bytes > 100_000
    assert (shown.is_low, shown.is_elsewhere) == (False, database.vendor == "postgresql")
    assert "On: events go 90 days after the end of a job." in text(page)
    assert ("not seen from here" in text(page)) == shown.is_elsewhere


@pytest.mark.parametrize("name", READINESS_WORDS)
def test_the_documentation_explains_what_readyz_says(name):
    assert f"| `{name}` |" in (servers.ROOT / "docs" / "operations.md").read_text()
