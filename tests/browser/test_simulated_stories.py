"""What people come for, each story walked through on jobs of the simulator."""

import csv

import pytest
from playwright.sync_api import Page, expect

from tests.browser.homes import WAITS

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


@pytest.fixture
def page(visit, street) -> Page:
    page = visit(street.url, street.homes["busy"].cookie)
    page.goto("/jobs/")
    return page


def names(page: Page) -> list[str]:
    return page.locator("form#ticked .name").all_inner_texts()


def open_job(page: Page, name: str) -> None:
    page.locator("form#ticked").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def test_the_list_is_narrowed_and_a_colleague_sees_the_same_by_its_address(page, visit, street):
    page.get_by_role("navigation", name="Jobs by state").get_by_role("link", name="Failed").click()
    page.get_by_role("searchbox").fill("support-bot")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator("form#ticked .name")).to_have_text(["support-bot-v6"])
    colleague = visit(street.url, street.homes["busy"].guest)
    colleague.goto(page.url)
    assert names(colleague) == ["support-bot-v6"]
    expect(colleague.get_by_role("searchbox")).to_have_value("support-bot")


def test_a_failure_is_opened_and_says_why_and_what_to_do_next(page):
    open_job(page, "triage-nl-v1")
    for said in ("invalid_n_examples", "must have at least 10 examples"):
        expect(page.get_by_text(said).first).to_be_in_viewport()
    step = page.get_by_role("region", name="Why it failed").get_by_role("listitem").first
    expect(step).to_be_in_viewport()


def test_a_job_that_hangs_stands_first_and_is_measured_against_its_own_history(page):
    strip = page.locator(".is-strip tbody tr").filter(has_text="commit-messages-v2")
    expect(strip).to_contain_text("Stuck?")
    strip.get_by_role("link", name="commit-messages-v2").click()
    said = f"usual wait is 22 min ({WAITS} jobs)"
    expect(page.get_by_text(said).first).to_be_in_viewport()


def test_a_curve_is_watched_while_it_runs_and_read_by_tokens_when_it_is_over(page):
    open_job(page, "support-bot-v7")
    expect(page.locator("metric-chart canvas").first).to_be_attached()
    expect(page.locator("main")).to_contain_text("Running")
    page.go_back()
    open_job(page, "support-bot-v5")
    page.goto(f"{page.url}?x=tokens")
    rows = page.locator("figure.chart").first.get_by_role("columnheader", include_hidden=True)
    expect(rows.first).to_contain_text("Tokens")


def test_two_runs_are_compared_and_taken_home_as_a_table(page):
    for name in ("support-bot-v5", "triage-nl-v2"):
        page.get_by_role("checkbox", name=f"Tick {name}").check()
    page.get_by_role("button", name="Compare").click()
    table = page.get_by_role("table").filter(has_text="Base model").first
    expect(table).to_contain_text("gpt-4.1-nano-2025-04-14")
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download CSV").click()
    head, *rows = csv.reader(coming.value.path().read_text().splitlines())
    assert head[3:] == page.url.partition("jobs=")[2].split(",")
    differing = {row[1] for row in rows if row[2] == "true"}
    assert "base_model" in differing


def test_what_training_cost_is_an_estimate_and_unknown_is_not_nothing(page):
    page.get_by_role("link", name="Costs").click()
    expect(page.locator(".verdict").first).to_contain_text("estimate", ignore_case=True)
    page.get_by_role("link", name="brand-tone-dpo-v2").click()
    expect(page.locator("dl", has_text="Cost estimate").first).to_contain_text("$5.46")
    page.goto("/jobs/?q=text-to-sql")
    row = page.locator("form#ticked tbody tr").first
    expect(row).not_to_contain_text("$0")


def test_the_model_that_retires_soonest_is_first_and_its_id_is_copied(page):
    page.get_by_role("link", name="Models").click()
    row = page.locator("table.models tbody tr").filter(has_text="support-bot-v5").first
    expect(row).to_contain_text("2027-01-14")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    row.get_by_role("button", name="Copy").first.click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("ft:gpt-4o-mini-2024-07-18:acme:support-bot-v5")
