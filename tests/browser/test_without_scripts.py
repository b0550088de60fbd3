"""The site without scripts: links, forms and downloads do all that a person needs."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.homes import PASSWORD
from tests.browser.test_every_page import PAGES, address

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


@pytest.fixture
def page(visit, street):
    """Signed in by password, as a person without scripts would."""
    page = visit(street.url, java_script_enabled=False)
    page.goto("/jobs/?sort=name")
    page.get_by_label("E-mail").fill("guest@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(r"/jobs/\?sort=name$"))
    return page


def names(page) -> list[str]:
    return page.get_by_role("table", name="Jobs", exact=True).locator(".name").all_inner_texts()


def test_jobs_are_filtered_by_state_and_the_way_back_works(page):
    everything = names(page)
    page.get_by_role("link", name=re.compile("^Failed")).click()
    expect(page).to_have_url(re.compile("state=failed"))
    failed = names(page)
    assert 0 < len(failed) < len(everything)
    assert set(page.locator(".jobs .status").all_inner_texts()) == {"Failed"}
    page.go_back()
    assert names(page) == everything


def test_jobs_are_searched(page):
    page.get_by_role("searchbox").fill("support-bot")
    page.get_by_role("button", name="Search").click()
    found = names(page)
    assert found
    assert all("support-bot" in name for name in found)
    page.get_by_role("searchbox").fill("no such job")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Clear filter").first.click()
    assert len(names(page)) > len(found)


def test_jobs_are_sorted(page):
    assert names(page) == sorted(names(page))
    page.get_by_role("table", name="Jobs", exact=True).get_by_role("link", name="Job").click()
    assert names(page) == sorted(names(page), reverse=True)


def test_a_job_opens_with_all_its_pages(page, street):
    address = street.homes["busy"].jobs["succeeded"]
    page.goto("/jobs/")
    page.locator(f'.jobs .name[href="{address}"]').first.click()
    expect(page).to_have_url(re.compile(address))
    for part in ("events/", "timeline/", "changes/", "raw/", "markdown/"):
        page.goto(address)
        page.locator(f'a[href="{address}{part}"]').first.click()
        expect(page).to_have_url(re.compile(f"{part}$"))
        expect(page.locator("h1, body > pre").first).to_be_visible()


def test_a_result_file_is_downloaded_decoded(page, street):
    page.goto(street.homes["busy"].jobs["succeeded"])
    with page.expect_download() as starting:
        page.get_by_role("link", name="Download CSV").click()
    lines = starting.value.path().read_text().splitlines()
    assert "train_loss" in lines[0]
    assert len(lines) > 10


def test_the_theme_is_changed_and_kept(page):
    for theme in ("Dark", "Light"):
        page.locator(".site-user summary").click()
        page.get_by_role("button", name=theme).click()
        expect(page).to_have_url(re.compile(r"/jobs/\?sort=name$"))
        assert page.locator("html").get_attribute("data-theme") == theme.lower()


def test_signing_out_ends_the_session(page):
    page.locator(".site-user summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto("/jobs/")
    expect(page).to_have_url(re.compile(r"/sign-in/\?next=/jobs/"))


def test_nothing_that_needs_a_script_is_offered(page):
    for path in ("/jobs/", "/alerts/", "/connections/"):
        page.goto(path)
        expect(page.get_by_role("button", name="Pause updates", exact=True)).to_have_count(0)
        expect(page.get_by_role("button", name="Keyboard shortcuts")).to_have_count(0)


def test_the_server_s_chart_is_the_chart(page, street):
    page.goto(street.homes["busy"].jobs["succeeded"])
    chart = page.locator("metric-chart").first
    expect(chart.locator(".plot > [role=img]")).to_be_visible()
    assert chart.locator("path.line").count() > 1
    expect(chart.locator("canvas")).to_have_count(0)


def test_a_rule_is_tried_before_it_is_saved(page):
    page.goto("/alerts/rules/add/")
    page.get_by_label("Quiet from").fill("22:00")
    page.get_by_label("until").fill("07:00")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("region", name="Preview")).to_contain_text("It would have rung")
    expect(page.get_by_label("Quiet from")).to_have_value("22:00")


@pytest.mark.parametrize("name", [name for name in PAGES if name != "styleguide"])
def test_every_page_answers_its_question_and_offers_no_dead_button(visit, street, name):
    home = street.homes["busy"]
    page = visit(street.url, home.cookie, java_script_enabled=False)
    page.goto(address(name, home.ids))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("button[type=button]:visible")).to_have_count(0)
    for form in page.locator("form:visible").all():
        named = form.get_attribute("id") or "nameless"
        buttons = form.locator("button[type=submit]").or_(
            page.locator(f"button[type=submit][form={named}]")
        )
        assert buttons.count(), form.inner_html()
