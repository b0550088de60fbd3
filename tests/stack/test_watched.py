"""Who watches the watcher, with a real worker: it audits, it calls the heartbeat URL, and it is missed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from dashboard.models import AuditReport, Heartbeat
from dashboard.tasks import audit_due
from tests.builders import a_member
from tests.servers import eventually

pytestmark = [pytest.mark.stack, pytest.mark.django_db(transaction=True)]
PATH = "/api/push/eRtZ3pQm"


@pytest.fixture
def dead_mans_switch(httpserver, town):
    httpserver.expect_request(PATH).respond_with_data('{"ok":true}')
    town.stack.env["TUNEBELL_HEARTBEAT_URL"] = httpserver.url_for(PATH)
    return httpserver


def test_a_worker_that_stops_is_missed_by_pages_and_by_the_dead_mans_switch(
    town, dead_mans_switch, client
):
    Heartbeat.objects.create(part=Heartbeat.Part.SWEEP, at=timezone.now())
    town.start("alerts")
    town.wake(audit_due)
    eventually(
        AuditReport.objects.exclude(taken_at=None).exists, what="the call of the clean audit"
    )
    assert len(dead_mans_switch.log) == 1
    client.force_login(a_member(town.team))
    assert "not seen for" not in client.get("/jobs/").content.decode()

    town.stack.kill("alerts")
    Heartbeat.objects.filter(part="alerts").update(at=timezone.now() - timedelta(minutes=1))
    for path in ("/jobs/", "/connections/", "/status/"):
        assert "Alert worker not seen for 1 min." in client.get(path).content.decode()

    AuditReport.objects.update(at=timezone.now() - timedelta(minutes=1))
    Heartbeat.objects.filter(part="alerts").update(worker="gone", at=timezone.now())
    a_lost_part()
    town.start("alerts")
    town.wake(audit_due)
    eventually(lambda: AuditReport.objects.get().findings, what="the audit that finds something")
    assert len(dead_mans_switch.log) == 1
    assert PATH not in town.stack.output()


def a_lost_part() -> None:
    Heartbeat.objects.create(part="beat", at=timezone.now() - timedelta(minutes=5))
