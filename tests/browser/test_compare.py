"""Jobs side by side, as people choose, read and hand them on."""

import csv
import re

import pytest
from playwright.sync_api import Page, expect

from jobs.refs import Ref, compare_path
from tests.browser.test_keyboard import MOST_TABS, tab_to
from tests.browser.watching import faults

pytestmark = [pytest.mark.browser, pytest.mark.django_db]
SHOWN = ("succeeded", "dpo", "reinforcement", "failed", "running", "queued", "cancelled")


def compared(home, *shown: str) -> str:
    """The address that compares a home's jobs, each once."""
    parts = [home.jobs[name].split("/") for name in shown if name in home.jobs]
    return compare_path(dict.fromkeys(Ref(part[2], part[3]) for part in parts))


@pytest.fixture
def busy(street):
    return street.homes["busy"]


@pytest.fixture
def page(visit, street, busy):
    return visit(street.url, busy.cookie)


def chips(page: Page) -> list[str]:
    return page.get_by_role("list", name="Jobs compared").locator(".name").all_inner_texts()


def rows(page: Page) -> list[str]:
    return page.locator(".comparison tbody tr:not(.group)").all_inner_texts()


@pytest.mark.parametrize("more", ["", "&diff=1", "&view=table", "&choose=1"])
def test_a_comparison_is_open_to_all(page, busy, more):
    path = compared(busy, *SHOWN) + more
    page.goto(path)
    assert faults(page, path) == []


def test_a_comparison_of_hard_jobs_is_open_to_all(visit, street):
    home = street.homes["troubled"]
    page = visit(street.url, home.cookie)
    path = compared(home, "failed", "hostile", "unknown", "missing")
    page.goto(path)
    assert faults(page, path) == []


def test_too_many_jobs_are_told_so_openly(page, busy):
    page.goto("/jobs/?limit=20")
    hrefs = page.locator(".jobs .name").evaluate_all("all => all.map(one => one.pathname)")
    paths = dict.fromkeys(hrefs)
    path = compare_path(Ref(*one.split("/")[2:4]) for one in list(paths)[:9])
    page.goto(path)
    expect(page.get_by_text("Curves and columns hold 8 jobs")).to_be_visible()
    assert faults(page, path) == []
    page.get_by_role("link", name="Compare 9 jobs in a table").click()
    expect(page.locator(".comparison tbody tr")).to_have_count(9)


def test_keys_alone_lead_from_a_job_to_its_comparison(page, busy):
    page.goto(busy.jobs["succeeded"])
    tab_to(page, 'a[href^="/compare/?jobs="]')
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Chosen").get_by_role("checkbox")).to_be_checked()
    tab_to(page, '[type="checkbox"]:not(:checked)')
    expect(page.locator(":focus")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Space")
    tab_to(page, "button.primary")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/compare/\?jobs=demo/[^,]+,[^,&]+$"))
    tab_to(page, ".compared")
    expect(page.get_by_role("region", name="Table of facts")).to_be_focused()


def first_names(page: Page) -> list[str]:
    """Of the first two rows of the list, as a comparison has them: a row may say more of its job."""
    links = page.locator("form#ticked .name")
    return [links.nth(place).get_attribute("href") for place in range(2)]


def compared_pages(page: Page) -> list[str]:
    names = page.get_by_role("list", name="Jobs compared").locator(".name")
    return names.evaluate_all("all => all.map(one => one.getAttribute('href'))")


def test_the_keys_of_the_list_open_a_comparison(page):
    page.goto("/jobs/")
    wanted = first_names(page)
    tab_to(page, "form#ticked .name")
    for key in "xjxc":
        page.keyboard.press(key)
    expect(page.get_by_role("heading", name="Compare", exact=True)).to_be_visible()
    assert compared_pages(page) == wanted


def test_boxes_and_the_button_of_the_list_open_a_comparison_by_tab_and_space(page):
    page.goto("/jobs/")
    wanted = first_names(page)
    for name in range(1, 3):
        tab_to(page, f"form#ticked tbody tr:nth-of-type({name}) [type=checkbox]")
        page.keyboard.press("Space")
    back_to(page, "button[formaction]", "Compare")
    page.keyboard.press("Enter")
    expect(page.get_by_role("list", name="Jobs compared")).to_be_visible()
    assert compared_pages(page) == wanted


def back_to(page: Page, selector: str, text: str) -> None:
    """The buttons stand before the rows."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Shift+Tab")
        focused = page.locator(":focus").filter(has_text=text)
        if focused.and_(page.locator(selector)).count():
            return
    raise AssertionError(f"{text} is not reached by Shift and Tab")


def test_a_job_is_left_out_by_its_chip(page, busy):
    page.goto(compared(busy, "succeeded", "dpo", "reinforcement") + "&diff=1")
    first, second, third = chips(page)
    page.get_by_role("link", name=f"Leave out {second}").click()
    expect(page.get_by_role("link", name=f"Leave out {second}", exact=True)).to_have_count(0)
    assert chips(page) == [first, third]
    expect(page).to_have_url(re.compile("diff=1"))


def test_equal_rows_go_and_come_back(page, busy):
    page.goto(compared(busy, "succeeded", "dpo"))
    everything = rows(page)
    page.get_by_role("link", name="Only differences").click()
    expect(page.get_by_text("equal rows hidden").first).to_be_visible()
    assert 0 < len(rows(page)) < len(everything)
    page.get_by_role("link", name="Show equal rows too").click()
    expect(page.get_by_role("link", name="Only differences")).to_be_visible()
    assert rows(page) == everything


def test_another_metric_is_drawn_and_is_part_of_the_address(page, busy):
    page.goto(compared(busy, "succeeded", "dpo"))
    page.get_by_label("Metric", exact=True).select_option("train_accuracy")
    expect(page).to_have_url(re.compile("metric=train_accuracy"))
    expect(page.get_by_role("group", name="Training accuracy")).to_be_visible()
    expect(page.locator("metric-chart canvas")).to_be_visible()


def test_the_pointer_tells_the_value_of_every_line(page, busy):
    page.goto(compared(busy, "succeeded", "dpo") + "&metric=train_loss")
    expect(page.locator("metric-chart canvas")).to_be_visible()
    values = page.locator("metric-chart output")
    before = values.all_inner_texts()
    plot = page.locator("metric-chart .u-over").bounding_box()
    page.mouse.move(plot["x"] + 4, plot["y"] + plot["height"] / 2)
    expect(values.first).not_to_have_text(before[0])
    assert all(re.fullmatch(r"\d+(\.\d+)?", text) for text in values.all_inner_texts())


def test_each_line_has_its_name_at_its_end(page, busy):
    page.goto(compared(busy, "succeeded", "dpo"))
    ends = page.locator(".ends .end title")
    assert sorted(ends.all_text_contents()) == sorted(chips(page))


def test_on_a_phone_the_curve_begins_on_the_first_screen(page, busy):
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(compared(busy, *SHOWN))
    expect(page.locator(".overlay canvas")).to_be_visible()
    assert page.locator(".overlay .plot").bounding_box()["y"] < 650
    expect(page.get_by_label("Smoothing")).to_be_hidden()
    page.get_by_text("Metric, axes and smoothing").click()
    expect(page.get_by_label("Smoothing")).to_be_visible()


def test_names_of_facts_stay_in_sight_on_the_way_sideways(page, busy):
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(compared(busy, *SHOWN))
    first = page.locator(".comparison tbody tr:not(.group) th").first
    page.locator(".compared").evaluate("frame => frame.scrollTo(600, 0)")
    first.scroll_into_view_if_needed()
    box, frame = first.bounding_box(), page.locator(".compared").bounding_box()
    assert abs(box["x"] - frame["x"]) < 3


def test_the_view_of_an_address_is_the_same_for_a_colleague(page, busy, visit, street):
    path = compared(busy, "succeeded", "dpo") + "&diff=1&metric=train_loss"
    page.goto(path)
    other = visit(street.url, busy.guest)
    other.goto(path)
    assert rows(other) == rows(page)
    assert chips(other) == chips(page)


def test_all_of_it_works_without_scripts(visit, street, busy):
    page = visit(street.url, busy.cookie, java_script_enabled=False)
    page.goto("/compare/")
    page.get_by_role("searchbox").fill("support-bot")
    page.get_by_role("button", name="Search").click()
    found = page.get_by_role("group", name="Found").get_by_role("checkbox")
    found.nth(0).check()
    found.nth(1).check()
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".comparison")).to_be_visible()
    expect(page.locator(".comparison thead th")).to_have_count(3)
    with page.expect_download() as starting:
        page.get_by_role("link", name="Download CSV").click()
    lines = list(csv.reader(starting.value.path().read_text().splitlines()))
    assert len(lines) == len(rows(page)) + 1


def test_the_print_shows_all_columns(page, busy):
    page.goto(compared(busy, *SHOWN))
    page.emulate_media(media="print")
    expect(page.locator(".site-header")).to_be_hidden()
    overflow = page.locator(".compared").evaluate("frame => getComputedStyle(frame).overflow")
    assert overflow == "visible"
