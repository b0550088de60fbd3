"""From an empty installation to a rung bell, as a newcomer would go."""

from contextlib import closing

import pytest
from playwright.sync_api import Page, expect

from tests.browser.homes import cookie_of, poll
from tests.browser.watching import faults
from tests.builders import a_member, a_team
from tests.provider_double import ProviderDouble
from tests.receiver import Receiver

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def lab():
    with closing(ProviderDouble(key="sk-right")) as double:
        double.serves("ftjob-one", status="succeeded", user_provided_suffix="support-bot-v7")
        yield double


@pytest.fixture
def receiver():
    server = Receiver().up()
    yield server
    server.down()


def take_connection_step(page: Page, url: str) -> None:
    page.get_by_role("link", name="Add a connection").click()
    page.get_by_label("Name").fill("Prod EU")
    page.get_by_label("Base URL").fill(url)
    page.get_by_label("API key").fill("sk-right")
    page.get_by_role("button", name="Test and save").click()


def take_alert_step(page: Page, url: str) -> None:
    page.get_by_role("link", name="Webhook").click()
    page.get_by_label("URL").fill(url)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Send a test").click()


@pytest.mark.parametrize("has_scripts", [True, False], ids=["with scripts", "without scripts"])
def test_the_first_steps_lead_to_a_filled_list(url, visit, lab, receiver, has_scripts):
    user = a_member(a_team(name="Newcomers"), password="a long enough phrase")
    page = visit(url, cookie_of(user), java_script_enabled=has_scripts, is_watched=has_scripts)
    page.goto("/welcome/")
    take_connection_step(page, lab.url)
    expect(page.get_by_text("Done: your account")).to_be_visible()
    poll(2)
    page.goto("/welcome/")
    page.get_by_role("button", name="Archive everything of Prod EU").or_(
        page.get_by_text("1 of 1 finished job kept")
    ).first.wait_for()
    take_alert_step(page, receiver.url)
    expect(page.get_by_text("the test message was accepted")).to_be_visible()
    page.get_by_role("button", name="Ring for every job that ends or hangs").click()
    expect(page.get_by_text("All set.")).to_be_visible()
    page.get_by_role("link", name="To the jobs").click()
    expect(page.locator(".jobs .name")).to_have_text(["support-bot-v7"])


def test_the_first_steps_fit_a_small_screen(url, visit):
    page = visit(url, cookie_of(a_member(a_team(name="Newcomers"))))
    page.goto("/welcome/")
    assert faults(page, "/welcome/") == []
