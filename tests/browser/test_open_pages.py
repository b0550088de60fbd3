"""Alerts, connections and status left open: what becomes of them, of what is typed meanwhile, and on paper."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from alerts.models import Channel
from jobs.models import Connection, Health
from tests.browser.homes import cookie_of
from tests.browser.test_live import is_refresh, stop_the_clock
from tests.builders import a_channel, a_connection, a_job, a_member, a_rule, a_team

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
QUIET_MS = 30_000
TYPED = "ftjob-half-typed"


@pytest.fixture
def lab(url):
    now = timezone.now()
    return a_connection(
        a_team(), slug="lab", name="Lab", dialect="openai", health=Health.OK, last_good_at=now
    )


@pytest.fixture
def page(url, visit, lab):
    page = visit(url, cookie_of(a_member(lab.team)))
    stop_the_clock(page)
    return page


def tick(page) -> None:
    with page.expect_response(is_refresh) as coming:
        page.clock.run_for(QUIET_MS)
    coming.value.finished()


def test_a_channel_that_fails_meanwhile_is_seen_to(page, lab):
    a_rule(a_channel(lab.team, name="on-call"))
    page.goto("/alerts/")
    expect(page.get_by_role("row", name="on-call")).to_contain_text("Not used yet")
    Channel.objects.update(failures=2, last_answer="503 busy")
    tick(page)
    expect(page.get_by_role("row", name="on-call")).to_contain_text("Failing")


@pytest.mark.parametrize("path", ["/connections/", "/connections/lab/", "/status/"])
def test_a_connection_that_is_rejected_meanwhile_is_seen_to(page, lab, path):
    page.goto(path)
    expect(page.locator("main")).not_to_contain_text("Key rejected")
    Connection.objects.update(health=Health.REJECTED, health_reason="401: no")
    tick(page)
    expect(page.locator("main")).to_contain_text("Key rejected")


def test_what_is_typed_meanwhile_stays(page, lab):
    page.goto("/connections/lab/")
    page.get_by_label("Job id").fill(TYPED)
    page.get_by_label("Signing secret").fill("whsec_half")
    Connection.objects.update(health=Health.REJECTED, health_reason="401: no")
    tick(page)
    expect(page.locator(".banner")).to_contain_text("401: no")
    expect(page.get_by_label("Job id")).to_have_value(TYPED)
    expect(page.get_by_label("Signing secret")).to_have_value("whsec_half")
    assert page.evaluate("document.activeElement.name") == "secret"


def test_on_paper_there_is_nothing_to_press(page, lab):
    a_job(lab, state="succeeded", fine_tuned_model="ft:gpt-x:acme::1")
    for path in ("/models/", "/connections/lab/", "/alerts/", "/status/", "/costs/"):
        page.goto(path)
        page.emulate_media(media="print")
        expect(page.locator("main button:visible, main .button:visible")).to_have_count(0)
