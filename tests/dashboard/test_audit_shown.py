"""What the audit found, as people and machines are told of it: banner, /status/, /readyz, /metrics."""

from datetime import timedelta

import pytest
from django.db import connection as database
from django.utils import timezone

from accounts.models import Role
from alerts.models import Channel, Delivery, Silence
from dashboard import exposition
from dashboard.context import lookout
from dashboard.findings import Code, Finding
from dashboard.models import AuditReport, Heartbeat
from dashboard.queries import readiness, status
from jobs.claims import database_now
from jobs.models import Condition, Health
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
from tests.dashboard.metrics.scraping import scrape, value

pytestmark = pytest.mark.django_db
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
LATE_ALERT = Finding(Code.ALERT_OVERDUE, "2 alerts are overdue.", 2)
LATE_POLL = Finding(Code.POLL_OVERDUE, "5 polls are overdue.", 5)
LOST = Finding(Code.NEVER_DUE, "1 alert is waiting and will never be due.", 1)
SILENT = Finding(Code.PART_SILENT, "Not seen at work: alert worker.", 1)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture(autouse=True)
def at_work(now, monkeypatch):
    """All parts are seen, and the process had its first minute."""
    monkeypatch.setattr(readiness, "STARTED_AT", now - 10 * MINUTE)
    for part in Heartbeat.Part:
        Heartbeat.objects.create(part=part, at=now)


@pytest.fixture
def member(client):
    team = a_team()
    client.force_login(a_member(team))
    return team


def report(now, *found: Finding, **facts) -> AuditReport:
    AuditReport.objects.all().delete()
    findings = [one.to_json() for one in found]
    return AuditReport.objects.create(**{"at": now, "findings": findings, **facts})


def silence(part: str, now) -> None:
    Heartbeat.objects.filter(part=part).update(at=now - 4 * MINUTE)


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


def banners(client, path: str = "/jobs/") -> list[str]:
    answer = client.get(path)
    return [f"{one.title} {one.text}".strip() for one in answer.context["site_banners"]]


@pytest.mark.parametrize("path", ["/jobs/", "/alerts/", "/connections/", "/status/", "/team/"])
def test_a_finding_is_one_banner_on_every_page(client, member, now, path):
    report(now, LOST, LATE_POLL, LATE_ALERT)
    (banner,) = banners(client, path)
    assert banner == f"{LOST.sentence} And 2 more findings of the audit."
    assert 'href="/status/#audit"' in text(client.get(path))


def test_a_clean_audit_is_no_banner_and_neither_is_none(client, member, now):
    assert banners(client) == []
    report(now)
    assert banners(client) == []


@pytest.mark.parametrize(
    ("part", "effects"), [("alerts", [LATE_ALERT]), ("poll", [LATE_POLL]), ("beat", [LATE_POLL])]
)
def test_what_follows_from_a_silent_part_is_not_said_twice(client, member, now, part, effects):
    silence(part, now)
    silence("sweep", now)
    report(now, SILENT, *effects)
    (banner,) = banners(client)
    assert "not seen for 4 min" in banner
    report(now, LOST, SILENT, *effects)
    assert banners(client)[1:] == [LOST.sentence]


def test_the_effects_of_another_part_are_told_beside_a_silent_one(client, member, now):
    silence("alerts", now)
    report(now, SILENT, LATE_POLL, LATE_ALERT)
    assert banners(client)[1:] == [LATE_POLL.sentence]


def test_that_nobody_audits_is_news_while_the_rest_runs(client, member, now):
    report(now - 4 * MINUTE, LATE_POLL)
    assert banners(client) == ["The last audit was 4 min ago."]
    silence("alerts", now)
    (banner,) = banners(client)
    assert "Alert worker not seen" in banner
    for part in Heartbeat.Part:
        silence(part, now)
    assert not any("audit" in one for one in banners(client))


def test_a_banner_costs_one_query_more_and_strangers_none(client, member, now):
    report(now, LOST)
    with database.execute_wrapper(count := Counter()):
        client.get("/jobs/")
    assert count.of("dashboard_auditreport") == 1
    client.logout()
    with database.execute_wrapper(count := Counter()):
        client.get("/sign-in/")
    assert count.of("dashboard_auditreport") == 0


class Counter:
    def __init__(self) -> None:
        self.asked = []

    def __call__(self, execute, sql, *rest):
        self.asked.append(sql)
        return execute(sql, *rest)

    def of(self, table: str) -> int:
        return sum(f'FROM "{table}"' in sql for sql in self.asked)


def poll_of(client, path: str, tag: str):
    return client.get(path, headers={"HX-Request": "true", "HX-PTag": tag})


@pytest.fixture
def open_pages(client, member) -> list[str]:
    """A list that stays as it is, and a job that does."""
    job = a_job(a_connection(member, slug="lab"))
    return ["/jobs/", f"/jobs/lab/{job.provider_id}/"]


def test_an_open_page_learns_that_nobody_watches_and_that_somebody_does(client, open_pages, now):
    for path in open_pages:
        tag = client.get(path).headers["HX-PTag"]
        silence("poll", now)
        silence("sweep", now)
        lookout.forget()  # as its time goes by
        told = poll_of(client, path, tag)
        assert "Poll worker not seen for 4 min" in text(told)
        assert poll_of(client, path, told.headers["HX-PTag"]).status_code == 304
        Heartbeat.objects.update(at=now)
        lookout.forget()
        assert "not seen for" not in text(poll_of(client, path, told.headers["HX-PTag"]))


def test_a_process_that_knows_less_takes_no_banner_back(client, open_pages, now):
    silence("poll", now)
    for path in open_pages:
        tag = client.get(path).headers["HX-PTag"]
        lookout.keep(())
        assert poll_of(client, path, tag).status_code == 304


def test_quiet_polls_share_one_look_at_the_heartbeats(client, open_pages, now):
    report(now, LOST)
    tags = {path: client.get(path).headers["HX-PTag"] for path in open_pages}
    lookout.forget()
    with database.execute_wrapper(count := Counter()):
        for path in open_pages * 2:
            assert poll_of(client, path, tags[path]).status_code == 304
    assert count.of("dashboard_auditreport") == 1


@pytest.fixture
def well(member, monkeypatch, now):
    monkeypatch.setattr(status, "depths", lambda queues: dict.fromkeys(queues, 3))
    a_connection(member, health=Health.OK, last_good_at=now)
    return member


def test_the_verdict_says_what_the_banner_says(well, now):
    assert status.status_page(well, now).is_well
    report(now, LATE_POLL)
    page = status.status_page(well, now)
    assert (page.verdict, page.is_well) == (LATE_POLL.sentence, False)
    report(now - 4 * MINUTE)
    assert status.status_page(well, now).verdict == "The last audit was 4 min ago."


def test_a_silent_part_comes_before_what_follows_from_it(well, now):
    silence("poll", now)
    report(now, SILENT, LATE_POLL)
    assert status.status_page(well, now).verdict == "Not seen: poll worker."


def test_the_page_says_clean_or_lists_what_was_found(client, well, now):
    assert "Not made yet" in text(client.get("/status/"))
    report(now)
    told = text(client.get("/status/"))
    assert "Clean" in told
    assert "TUNEBELL_HEARTBEAT_URL" in told
    report(now, LOST, LATE_POLL)
    told = text(client.get("/status/"))
    assert told.index(LOST.sentence) < told.index(LATE_POLL.sentence)
    assert "Clean" not in told


def test_the_page_shows_how_the_heartbeat_url_answered(client, well, now, settings):
    settings.HEARTBEAT_URL = "https://hc-ping.com/0d338dcc-secret"
    report(now)
    assert "Not called yet" in text(client.get("/status/"))
    facts = {"called_at": now, "taken_at": now - 60 * MINUTE, "call_failed": True}
    report(now, answer="503 <b>closed</b>", **facts)
    told = text(client.get("/status/"))
    for words in ("hc-ping.com", "Not taken", "503 &lt;b&gt;closed", "1 h ago"):
        assert words in told
    assert "0d338dcc" not in told


def test_what_the_heartbeat_url_answered_is_hidden_from_viewers(client, well, now, settings):
    settings.HEARTBEAT_URL = "https://hc-ping.com/0d338dcc-secret"
    report(now, answer="503 from inside", called_at=now, call_failed=True)
    for role, is_shown in ((Role.VIEWER, False), (Role.EDITOR, True)):
        client.force_login(a_member(well, role))
        told = text(client.get("/status/"))
        assert ("503 from inside" in told, "Not taken" in told) == (is_shown, True)


def test_the_page_counts_what_waits_what_is_held_and_the_queues(client, well, now):
    calm, full = a_channel(well), a_channel(well, messages_per_minute=5, window_used=5)
    Channel.objects.filter(pk=full.pk).update(window_began_at=now)
    for channel, quiet_until in ((calm, None), (calm, now + MINUTE), (full, None)):
        change = a_transition(a_job(a_connection(well, is_paused=True)))
        a_delivery(channel, change, quiet_until=quiet_until)
    page = status.status_page(well, now)
    assert (page.alerts.waiting, page.alerts.held) == (3, 2)
    assert page.pulse.queues == {"poll": 3, "alerts": 3}
    assert "Tasks for alerts</dt><dd>3 not taken yet" in text(client.get("/status/"))


def late_list(now) -> None:
    a_connection(next_sweep_at=now - 10 * MINUTE)


def late_sweep(now) -> None:
    Heartbeat.objects.filter(part="sweep").update(at=now - 61 * SECOND)


def late_change(now) -> None:
    a_transition(a_job(a_connection(next_sweep_at=None)), recorded_at=now - 31 * SECOND)


def late_alert(now, **facts) -> Delivery:
    change = a_transition(a_job(a_connection(next_sweep_at=None)), announced_at=now)
    return a_delivery(a_channel(), change, next_attempt_at=now - 61 * SECOND, **facts)


def rejected_key(now) -> None:
    a_connection(health=Health.REJECTED, next_sweep_at=None)


def failing_channel(now) -> None:
    late_alert(now)
    Channel.objects.update(failures=4)


def quiet_alert(now) -> None:
    late_alert(now, quiet_until=now + MINUTE)


def capped_alert(now) -> None:
    late_alert(now)
    Channel.objects.update(messages_per_minute=1, window_used=1, window_began_at=now)


@pytest.mark.parametrize(
    ("happens", "code", "reasons"),
    [
        (late_list, 503, ["poll_overdue"]),
        (late_sweep, 503, ["sweep_late"]),
        (late_change, 503, ["transition_unannounced"]),
        (late_alert, 503, ["alert_overdue"]),
        (rejected_key, 200, []),
        (failing_channel, 200, []),
        (quiet_alert, 200, []),
        (capped_alert, 200, []),
    ],
)
def test_what_is_not_ready_and_what_only_degrades(client, now, happens, code, reasons):
    happens(now)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["reasons"]) == (code, reasons)
    assert answer.json()["degraded"]["broker_down"] == 1


def test_the_ages_are_told_as_numbers_and_name_nobody(client, now):
    late_alert(now)
    Heartbeat.objects.filter(part="sweep").update(at=now - 30 * SECOND)
    a_job(a_connection(name="secret-lab", next_sweep_at=None), next_poll_at=now - 40 * SECOND)
    told = client.get("/readyz").json()
    ages = [told[name] for name in ("oldest_unsent_alert_s", "sweep_age_s", "poll_lag_s")]
    assert ages == pytest.approx([61, 30, 40], abs=5)
    assert set(told) == {"status", "reasons", "degraded", *readiness.readiness(now).ages}


def test_where_nothing_waits_the_ages_are_zero(client, now):
    Heartbeat.objects.all().delete()
    told = client.get("/readyz").json()
    ages = (told["oldest_unsent_alert_s"], told["poll_lag_s"], told["sweep_age_s"])
    assert ages == (0, 0, None)


@pytest.mark.both_databases
def test_metrics_tell_the_audit_and_the_last_heartbeat(client, now):
    found = scrape(client)
    assert found["tunebell_audit_age_seconds"].samples == []
    report(database_now() - 20 * SECOND, LOST, LATE_POLL, taken_at=database_now() - 80 * SECOND)
    found = scrape(client)
    assert value(found, "tunebell_audit_age_seconds") == pytest.approx(20, abs=5)
    assert value(found, "tunebell_heartbeat_url_age_seconds") == pytest.approx(80, abs=5)
    assert value(found, "tunebell_audit_findings", finding="poll_overdue") == 5
    assert value(found, "tunebell_audit_findings", finding="sweep_late") == 0
    assert len(found["tunebell_audit_findings"].samples) == len(Code)


@pytest.mark.both_databases
def test_metrics_tell_alerts_that_are_held_apart_from_those_that_are_late(client):
    now = database_now()
    late_alert(now, created_at=now - 61 * SECOND)
    late_alert(now, created_at=now - 10 * MINUTE, quiet_until=now + MINUTE)
    found = scrape(client)
    oldest = found["tunebell_oldest_unsent_alert_seconds"].samples
    ages = {one.labels["channel"]: one.value for one in oldest}
    assert ages == pytest.approx({"healthy": 61, "failing": 0, "held": 600}, abs=10)
    assert value(found, "tunebell_alert_overdue_seconds") == pytest.approx(61, abs=10)


@pytest.mark.both_databases
def test_metrics_count_conditions_and_silences(client, now):
    job = a_job()
    for kind, resolved_at in (("stuck", None), ("diverging", None), ("diverging", now)):
        Condition.objects.create(
            connection=job.connection, job=job, kind=kind, resolved_at=resolved_at
        )
    Silence.objects.create(job=job)
    Silence.objects.create(job=a_job(), until=now - MINUTE)
    found = scrape(client)
    open_ones = {one.labels["kind"]: one.value for one in found["tunebell_conditions_open"].samples}
    assert (open_ones["stuck"], open_ones["diverging"], open_ones["retiring"]) == (1, 1, 0)
    assert value(found, "tunebell_silenced_jobs") == 1
    assert value(found, "tunebell_inbound_events") == 0


@pytest.mark.parametrize("code", Code)
def test_the_documentation_explains_every_finding(code):
    assert f"| `{code}` |" in (servers.ROOT / "docs" / "operations.md").read_text()


@pytest.fixture(autouse=True)
def fresh_shelf():
    exposition.shelf.clear()
    yield
    exposition.shelf.clear()
