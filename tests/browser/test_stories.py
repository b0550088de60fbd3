"""What people come for, from the first click to the answer."""

import re
from contextlib import closing

import pytest
from playwright.sync_api import Page, expect

from alerts.outbox import announce, deliver
from dashboard.models import Heartbeat
from tests.browser.homes import cookie_of, poll
from tests.browser.watching import faults
from tests.builders import NOON, a_channel, a_connection, a_member, a_rule, a_team
from tests.jobs.acting import Actor
from tests.provider_double import ProviderDouble
from tests.receiver import Answer, Receiver

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
FATE = {"code": "invalid_training_file", "message": "Line 6174 is not JSON.", "param": None}


@pytest.fixture
def provider():
    double = ProviderDouble(key="sk-right")
    yield double
    double.close()


@pytest.fixture
def receiver():
    server = Receiver().up()
    yield server
    server.down()


@pytest.fixture
def team(url):
    return a_team(name="Newcomers")


@pytest.fixture
def page(url, visit, team):
    return visit(url, cookie_of(a_member(team)))


def fill_connection(page: Page, url: str, key: str) -> None:
    page.goto("/connections/add/")
    page.get_by_label("Name").fill("Prod EU")
    page.get_by_label("Base URL").fill(url)
    page.get_by_label("API key").fill(key)


def try_connection(page: Page, url: str, key: str) -> str:
    """What the test of these settings answers."""
    fill_connection(page, url, key)
    page.get_by_role("button", name="Only test").click()
    return page.get_by_role("region", name=re.compile("^The test")).inner_text()


def test_a_first_connection_is_added_and_its_jobs_appear(page, provider):
    provider.serves("ftjob-first", status="running", user_provided_suffix="support-bot-v7")
    page.goto("/jobs/")
    page.get_by_role("link", name="Add a connection").click()
    answers = try_connection(page, provider.url, "sk-right")
    for capability in ("Jobs", "Events", "Files", "Models"):
        assert capability in answers
    assert "Jobs can be read" in answers
    page.get_by_role("button", name="Test and save").click()
    expect(page.get_by_role("heading", name="Prod EU")).to_be_visible()
    poll()
    page.goto("/jobs/")
    expect(page.locator(".jobs .name")).to_have_text(["support-bot-v7"])
    expect(page.locator("body")).not_to_contain_text("sk-right")


def test_three_mistakes_give_three_different_sentences(page, provider):
    said = [try_connection(page, provider.url, "sk-wrong")]
    assert faults(page, "failed test") == []
    said.append(try_connection(page, f"{provider.url}/v1", "sk-right"))
    provider.breaks("html")
    said.append(try_connection(page, provider.url, "sk-right"))
    assert "does not accept this key" in said[0]
    assert f"The API answers at {provider.url}: use that as the base URL." in said[1]
    assert "HTML" in said[2]
    assert len(set(said)) == 3


def test_a_key_that_was_tested_need_not_be_typed_again(page, provider):
    try_connection(page, provider.url, "sk-right")
    expect(page.get_by_label("API key")).to_have_value("")
    page.get_by_role("button", name="Test and save").click()
    expect(page.get_by_role("heading", name="Prod EU")).to_be_visible()


def test_a_webhook_is_set_up_tested_and_told_by_a_rule(page, receiver):
    page.goto("/alerts/")
    page.get_by_role("link", name="Add a channel").click()
    page.get_by_role("link", name=re.compile("webhook")).click()
    page.get_by_label("Name").fill("on-call")
    page.get_by_label(re.compile("URL")).fill(receiver.url)
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".once code")).to_have_text(re.compile("^whsec_"))
    assert faults(page, "secret shown once") == []
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("status").first).to_contain_text("accepted, 200 in")
    assert len(receiver.journal) == 1
    page.get_by_role("link", name="Add a rule").click()
    page.get_by_label("on-call").check()
    page.get_by_role("button", name="Save the rule").click()
    expect(page.locator(".lines .sentence")).to_contain_text("any job becomes")
    expect(page.locator(".lines .sentence")).to_contain_text("tell on-call")


def test_a_test_shows_what_the_receiver_really_said(page, receiver):
    set_up_webhook(page, receiver)
    receiver.script.extend([Answer(403, body=b"signature unknown"), Answer(202, body=b"queued")])
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("status").first).to_contain_text("not accepted")
    expect(page.get_by_role("status").first).to_contain_text("403")
    assert faults(page, "refused test") == []
    page.get_by_role("button", name=re.compile("^Send a test to")).click()
    expect(page.get_by_role("status").first).to_contain_text("202")


def set_up_webhook(page: Page, receiver: Receiver) -> None:
    page.goto("/alerts/channels/add/webhook/")
    page.get_by_label(re.compile("URL")).fill(receiver.url)
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".once code")).to_be_visible()  # a click does not wait for the answer


def test_the_cause_of_a_failure_and_the_next_step_are_on_the_first_screen(page, team, provider):
    a_connection(team, "sk-right", base_url=provider.url, slug="lab")
    job_id = provider.serves(status="failed", error=FATE)
    poll()
    page.goto(f"/jobs/lab/{job_id}/")
    for text in ("invalid_training_file", "Line 6174 is not JSON.", "What to do"):
        expect(page.get_by_text(text).first).to_be_in_viewport(ratio=1)
    expect(page.locator(".cause li").first).to_be_in_viewport(ratio=1)


def test_what_was_sent_is_on_the_page_of_the_job(page, team, provider, receiver):
    a_connection(team, "sk-right", base_url=provider.url, slug="lab")
    set_up_webhook(page, receiver)
    a_rule(team.channels.get(), created_at=NOON)
    job_id = provider.serves(status="running")
    poll()
    provider.serves(job_id, status="failed", error=FATE)
    poll()
    announce()
    deliver(budget_s=10)
    page.goto(f"/jobs/lab/{job_id}/#alerts")
    expect(page.locator("#alerts")).to_contain_text("Sent")
    expect(page.locator("#alerts")).to_contain_text("200")


@pytest.mark.parametrize("has_scripts", [True, False])
def test_a_job_is_cancelled_at_the_provider_after_a_question(url, visit, team, has_scripts):
    page = visit(url, cookie_of(a_member(team)), java_script_enabled=has_scripts)
    with closing(Actor()) as actor:
        actor.runs()
        actor.connection(team=team)
        poll()
        page.goto("/jobs/lab/ftjob-one/")
        page.get_by_role("link", name="Cancel job").click()
        expect(page.get_by_role("heading", name="Cancel bell?")).to_be_visible()
        page.get_by_role("button", name="Cancel job").click()
        expect(page.get_by_role("status").first).to_contain_text("accepted to cancel bell")
        poll()
    page.goto("/jobs/lab/ftjob-one/")
    expect(page.locator(".status").first).to_have_text("Cancelled")
    expect(page.get_by_role("link", name="Cancel job")).to_have_count(0)


def test_a_form_with_a_mistake_keeps_what_was_typed_and_points_at_it(page):
    page.goto("/alerts/channels/add/webhook/")
    page.get_by_label("Name").fill("on-call")
    page.get_by_label(re.compile("URL")).fill("http://10.0.0.1/hook")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert").last).to_be_focused()
    expect(page.get_by_label("Name")).to_have_value("on-call")
    assert faults(page, "form with a mistake") == []


def test_a_rule_without_a_state_is_refused(page, team):
    a_channel(team, name="on-call")
    page.goto("/alerts/rules/add/")
    for box in page.get_by_role("checkbox").all():
        box.uncheck()
    page.get_by_role("button", name="Save the rule").click()
    expect(page.get_by_role("alert")).to_be_focused()
    assert faults(page, "rule without a state") == []


def test_secrets_are_shown_once(page):
    page.goto("/team/tokens/")
    page.get_by_label("Name").fill("grafana")
    page.get_by_role("button", name="Make a read token").click()
    secret = page.locator(".once code").inner_text()
    assert faults(page, "token shown once") == []
    page.goto("/team/tokens/")
    expect(page.locator("body")).not_to_contain_text(secret)


def test_a_colleague_is_invited_by_a_link_that_works(page, url, visit):
    page.goto("/team/")
    page.get_by_label("E-mail").fill("erin@example.com")
    page.get_by_role("button", name="Make a sign-in link").click()
    link = page.locator(".once code").inner_text()
    assert faults(page, "link shown once") == []
    theirs = visit(url)
    theirs.goto("/sign-in/link/" + link.rstrip("/").split("/")[-1] + "/")
    expect(theirs.locator(".site-user summary")).to_contain_text("erin@example.com")


def test_removing_asks_for_the_name(page, team):
    a_connection(team, slug="lab", name="Lab")
    page.goto("/connections/lab/remove/")
    page.get_by_label(re.compile("^Type")).fill("Lap")
    page.get_by_role("button", name="Remove for good").click()
    expect(page.get_by_role("alert")).to_be_focused()
    assert faults(page, "removal refused") == []
    page.get_by_label(re.compile("^Type")).fill("Lab")
    page.get_by_role("button", name="Remove for good").click()
    expect(page).to_have_url(re.compile("/connections/$"))
    expect(page.get_by_role("status").first).to_contain_text("Lab")


def test_a_silent_worker_is_on_every_page(page, team):
    a_connection(team)
    Heartbeat.objects.create(part="poll", at=NOON)
    for path in ("/jobs/", "/alerts/", "/connections/", "/status/", "/team/"):
        page.goto(path)
        expect(page.locator(".banner.failed").first).to_contain_text("Poll worker not seen")
    assert faults(page, "silent worker") == []


def test_a_viewer_sees_no_button_that_would_be_refused(url, visit, team):
    from accounts.models import Role

    a_connection(team, slug="lab")
    page = visit(url, cookie_of(a_member(team, Role.VIEWER)))
    for path in ("/connections/", "/connections/lab/", "/alerts/", "/team/"):
        page.goto(path)
        forms = page.locator("main form[method=post]").evaluate_all(
            "(all) => all.map((one) => one.action)"
        )
        assert [
            action
            for action in forms
            if not action.endswith(("/team/leave/", "/team/choose/", "/export/"))
        ] == []
