"""The dead man's switch: a real receiver is called while the audit is clean, and only then."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from werkzeug import Response

from alerts.models import Delivery
from dashboard import auditor, heartbeat_url
from dashboard.apps import remember_secrets
from dashboard.models import AuditReport, Heartbeat
from jobs.models import Connection
from outbound.client import Limits
from outbound.redact import redact
from tests.builders import a_channel, a_delivery, a_member, a_team, a_transition
from tests.outbound.sockets import listening, silent

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/0d338dcc-a054-11ec-b909-0242ac120002"
KUMA = "/api/push/eRtZ3pQm?status=up&msg=OK&ping="


@pytest.fixture
def receiver(httpserver, settings):
    """Answers as healthchecks.io does; `.log` has what came."""
    settings.HEARTBEAT_URL = httpserver.url_for(PATH)
    httpserver.expect_request(PATH, method="GET").respond_with_data("OK")
    for part in Heartbeat.Part:
        Heartbeat.objects.create(part=part, at=timezone.now())
    return httpserver


@pytest.fixture
def calls(monkeypatch):
    """The threads that call, so that a test can wait for them."""
    made, real = [], heartbeat_url.call_aside
    monkeypatch.setattr(heartbeat_url, "call_aside", lambda: made.append(real()) or made[-1])
    return made


@pytest.fixture
def minute(calls):
    """Lets a minute pass: the audit, and the call that may follow it."""

    def pass_by() -> AuditReport:
        AuditReport.objects.update(at=timezone.now() - timedelta(minutes=1))
        auditor.audit_due()
        while calls:
            calls.pop().join(30)
        return AuditReport.objects.get()

    return pass_by


def a_lost_alert() -> Delivery:
    change = a_transition(announced_at=timezone.now())
    Connection.objects.update(next_sweep_at=None)
    return a_delivery(a_channel(change.connection.team), change, next_attempt_at=None)


@pytest.mark.both_databases
def test_it_is_called_while_clean_not_with_a_finding_and_again_when_that_is_mended(
    receiver, minute
):
    report = minute()
    assert (len(receiver.log), report.answer, report.call_failed) == (1, "200 OK", False)
    assert report.taken_at == report.called_at
    lost = a_lost_alert()
    assert minute().findings[0]["code"] == "delivery_never_due"
    assert len(receiver.log) == 1
    lost.delete()
    assert minute().findings == []
    assert len(receiver.log) == 2


@pytest.mark.both_databases
def test_who_is_called_finds_the_report_committed(receiver, minute):
    """The receiver's own connection to the database sees nothing of an open transaction."""
    seen = []

    def look(_request) -> Response:
        seen.extend(AuditReport.objects.values_list("findings", flat=True))
        connection.close()
        return Response("OK")

    receiver.clear_all_handlers()
    receiver.expect_request(PATH).respond_with_handler(look)
    minute()
    assert seen == [[]]


def test_without_a_url_nothing_is_called(receiver, minute, settings):
    settings.HEARTBEAT_URL = ""
    assert minute().called_at is None
    assert receiver.log == []


def test_a_push_monitor_of_uptime_kuma_gets_its_query(receiver, minute, settings):
    settings.HEARTBEAT_URL = receiver.url_for(KUMA)
    receiver.expect_request("/api/push/eRtZ3pQm").respond_with_data('{"ok":true}')
    assert minute().answer == '200 {"ok":true}'
    assert receiver.log[0][0].query_string == b"status=up&msg=OK&ping="


def test_a_receiver_that_repeats_part_of_the_url_gives_nothing_away(receiver, minute, settings):
    settings.HEARTBEAT_URL = receiver.url_for(KUMA)
    told = "no monitor eRtZ3pQm at /api/push/eRtZ3pQm"
    receiver.expect_request("/api/push/eRtZ3pQm").respond_with_data(told, status=404)
    assert minute().answer == "404 no monitor [redacted] at [redacted]"


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (200, "OK (not found)", {}),
        (404, '{"ok":false,"msg":"Monitor not found or not active."}', {}),
        (500, "", {}),
        (302, "", {"Location": "https://elsewhere.example/secret"}),
    ],
)
def test_an_answer_that_is_no_yes_is_shown_and_called_again(
    receiver, minute, status, body, headers
):
    receiver.clear_all_handlers()
    receiver.expect_request(PATH).respond_with_data(body, status=status, headers=headers)
    report = minute()
    assert (report.call_failed, report.taken_at, report.findings) == (True, None, [])
    assert str(status) in report.answer
    assert "secret" not in report.answer
    receiver.clear_all_handlers()
    receiver.expect_request(PATH).respond_with_data("OK")
    assert not minute().call_failed


def test_the_last_call_that_was_taken_is_remembered(receiver, minute):
    taken_at = minute().taken_at
    receiver.clear_all_handlers()
    receiver.expect_request(PATH).respond_with_data("no", status=503)
    report = minute()
    assert (report.taken_at, report.answer) == (taken_at, "503 no")
    assert report.called_at > taken_at


def test_a_receiver_that_hangs_is_left_after_the_deadline_and_holds_nobody_up(
    receiver, minute, calls, settings, monkeypatch
):
    monkeypatch.setattr(heartbeat_url, "LIMITS", Limits(deadline_s=0.4))
    with listening(silent) as peer:
        settings.HEARTBEAT_URL = peer.url
        auditor.audit_due()
        call = calls.pop()
        assert call.is_alive()  # the audit is over, and did not wait for the answer
        call.join(30)
    assert AuditReport.objects.get().answer == "127.0.0.1 took too long."


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://169.254.169.254/latest", "always refused"),
        ("https://8.8.8.8:81/x", "port 81 is not open"),
        ("http://127.0.0.1:9/x", "refused the connection"),  # nobody listens there
    ],
)
def test_what_cannot_be_reached_is_a_sentence(receiver, minute, settings, url, says):
    settings.HEARTBEAT_URL = url
    report = minute()
    assert report.call_failed
    assert says in report.answer


def test_the_page_shows_the_host_and_never_the_path(receiver, minute, settings, client):
    minute()
    client.force_login(a_member(a_team()))
    html = client.get("/status/").content.decode()
    assert f"127.0.0.1:{receiver.port}" in html
    assert PATH not in html
    assert "200 OK" in html


def test_no_log_can_hold_the_path(settings):
    settings.HEARTBEAT_URL = "https://hc-ping.com/0d338dcc-CANARY-0242/bell"
    remember_secrets()
    for text in (settings.HEARTBEAT_URL, "GET /0d338dcc-CANARY-0242/bell HTTP/1.1"):
        assert "CANARY" not in redact(text)
