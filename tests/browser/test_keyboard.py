"""The way through the site by keys alone."""

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.django_db]
MOST_TABS = 60


@pytest.fixture
def page(visit, street):
    page = visit(street.url, street.homes["busy"].cookie)
    page.goto("/jobs/")
    return page


def tab_to(page: Page, selector: str) -> None:
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            return
    raise AssertionError(f"{selector} is not reached by Tab")


def test_tab_and_enter_lead_from_the_list_into_a_job(page):
    first = page.locator(".jobs .name").first
    tab_to(page, ".jobs .name")
    expect(first).to_be_focused()
    address = first.get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{address}")


def test_only_what_can_be_seen_takes_the_focus(page):
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement !== document.body"):
        box = page.locator(":focus").bounding_box()
        assert min(box["width"], box["height"]) > 8, page.locator(":focus").inner_html()
        page.keyboard.press("Tab")


def test_the_first_tab_offers_to_skip_to_the_content(page):
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_j_and_k_move_through_the_rows_that_can_be_ticked_and_enter_opens(page):
    links = page.locator("form#ticked .name")
    page.keyboard.press("j")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(links.nth(1)).to_be_focused()
    address = links.nth(1).get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{address}")


def test_slash_goes_to_the_search_and_letters_there_are_text(page):
    page.keyboard.press("/")
    search = page.get_by_role("searchbox")
    expect(search).to_be_focused()
    page.keyboard.type("jkt")
    expect(search).to_have_value("jkt")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=jkt*")


def test_f_finds_the_next_failed_job(page):
    page.keyboard.press("f")
    expect(page.locator("tr.is-failed .name").first).to_be_focused()


@pytest.mark.parametrize(("keys", "path"), [("ga", "/alerts/"), ("gc", "/connections/")])
def test_g_and_a_letter_go_to_a_page(page, keys, path):
    page.keyboard.type(keys)
    page.wait_for_url(f"**{path}")


def test_single_keys_can_be_turned_off(page):
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Use single keys").uncheck()
    dialog.get_by_role("button", name="Close").click()
    page.reload()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).not_to_be_focused()


def test_a_focused_row_is_not_hidden_by_the_head_of_the_page(page):
    page.keyboard.press("k")
    last = page.locator(".jobs .name").last
    expect(last).to_be_focused()
    expect(last).to_be_in_viewport(ratio=1)
