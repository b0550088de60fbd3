"""From a job whose cost nobody knows to a price, its estimate, and the month's sum."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Role
from jobs import repricing
from jobs.models import Job
from tests.browser.homes import address_of, cookie_of
from tests.browser.watching import faults
from tests.builders import a_connection, a_job, a_member, a_team

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MINI, OWN = "gpt-4o-mini-2024-07-18", "meta-llama/Llama-3.1-8B-Instruct"


@pytest.fixture
def team(url):
    team = a_team(name="Payers")
    lab = a_connection(team, slug="lab", name="Lab", dialect="generic", health="ok")
    prod = a_connection(team, slug="prod", name="Prod", health="ok")
    for connection, model in ((lab, OWN), (prod, MINI)):
        ended_at = datetime(2026, 10, 3, tzinfo=UTC)
        times = {"created_at": ended_at - timedelta(hours=1), "ended_at": ended_at}
        used = {"state": "succeeded", "trained_tokens": 2_000_000, "base_model": model}
        a_job(connection, **times, **used)
    repricing.reprice_due()
    return team


@pytest.fixture
def page(url, visit, team):
    return visit(url, cookie_of(a_member(team, Role.EDITOR)))


def add_price(page: Page, **facts: str) -> None:
    for label, value in facts.items():
        page.get_by_label(label.replace("_", " ").capitalize()).fill(value)
    page.get_by_role("button", name="Add the price").click()


def month_of(page: Page) -> str:
    page.goto("/costs/?by=month")
    rows = page.locator("section[aria-labelledby=groups-title] tbody tr")
    return rows.filter(has_text="2026-10").inner_text()


def test_a_missing_price_is_added_and_the_job_and_the_month_follow(page, team):
    assert "$6.00" in month_of(page)  # 2 M × $3; the other is unknown
    page.get_by_role("link", name="Add a price").click()
    expect(page.get_by_label("Base model")).to_have_value(OWN)
    add_price(page, us_dollars="0.5", valid_from="2026-01-01", source="Our own GPUs")
    expect(page.get_by_text("The price is added.")).to_be_visible()
    assert faults(page, "prices") == []
    assert "$7.00" in month_of(page)  # and 2 M × $0.50
    page.goto(address_of(Job.objects.get(base_model=OWN)))
    figures = page.locator(".figures")
    expect(figures).to_contain_text("$1.00")
    figures.get_by_role("link", name="price of 2026-01-01").click()
    expect(page.locator("tr:target")).to_contain_text("Our own GPUs")


def test_a_mistake_is_said_beside_its_field_and_nothing_typed_is_lost(page):
    page.goto("/costs/prices/")
    add_price(page, base_model="x", us_dollars="12", valid_from="1999-01-01", source="a bill")
    expect(page.get_by_role("alert")).to_contain_text("Give a day from 2018-01-01")
    expect(page.get_by_label("Source")).to_have_value("a bill")
    expect(page.get_by_label("Valid from")).to_have_attribute("aria-invalid", "true")
    assert faults(page, "a refused price") == []


def test_a_price_is_removed_without_scripts_too(url, visit, team):
    page = visit(url, cookie_of(a_member(team)), java_script_enabled=False)
    page.goto("/costs/prices/")
    add_price(page, base_model="*", us_dollars="1", valid_from="2026-01-01", source="a bill")
    page.get_by_text("Remove the price of *").click()
    page.get_by_role("button", name="Remove $1.00 per 1 M tokens").click()
    expect(page.get_by_text("The price is removed.")).to_be_visible()
    assert "$6.00" in month_of(page)


def test_the_sums_are_downloaded_as_they_are_shown(page):
    page.goto("/costs/?by=model")
    with page.expect_download() as started:
        page.get_by_role("link", name="CSV").click()
    lines = started.value.path().read_text().splitlines()
    assert lines[1:] == [f'"{MINI}",1,1,0,6', f'"{OWN}",1,0,1,']
