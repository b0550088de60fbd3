"""The list of jobs as people use it: by keys alone, with ticks that stay, in columns of their choice, on paper."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_live import INTERVAL_MS, Lab, requests_during, stop_the_clock, tick
from tests.browser.watching import faults
from tests.provider_double import ProviderDouble

pytestmark = [pytest.mark.browser]
LOOKS = pytest.mark.django_db
WRITES = pytest.mark.django_db(transaction=True)


@pytest.fixture
def page(visit, street):
    page = visit(street.url, street.homes["busy"].cookie)
    page.goto("/jobs/")
    return page


@pytest.fixture
def lab(url):
    provider = ProviderDouble()
    yield Lab(provider, url)
    provider.close()


def titles(page) -> list[str]:
    return page.locator("form#ticked thead th").all_inner_texts()


@LOOKS
def test_x_ticks_the_row_and_c_compares_what_is_ticked(page):
    rows = page.locator("form#ticked tbody tr")
    names = [rows.nth(n).locator(".name").get_attribute("href") for n in range(2)]
    rows.first.locator(".name").focus()
    page.keyboard.press("x")
    expect(rows.first.get_by_role("checkbox")).to_be_checked()
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("c")
    page.wait_for_url("**/compare/?jobs=**")
    jobs = {"/".join(name.split("/")[2:4]) for name in names}
    assert set(page.url.split("jobs=")[1].split(",")) == jobs


@LOOKS
def test_c_compares_as_many_as_the_button_does(page):
    boxes = page.locator("form#ticked tbody input").all()[:9]
    for box in boxes:
        box.check()
    page.keyboard.press("c")
    page.wait_for_url("**/compare/?jobs=**")
    assert page.url.count(",") == len(boxes) - 1


@LOOKS
def test_x_on_a_pinned_row_ticks_the_same_job_in_the_list(page):
    pinned = page.locator(".is-strip .name").first
    pinned.focus()
    page.keyboard.press("x")
    row = page.locator("form#ticked tbody tr", has_text=pinned.inner_text())
    expect(row.get_by_role("checkbox")).to_be_checked()
    expect(page.get_by_text("Ticked in the list below.")).to_be_visible()


@LOOKS
def test_c_says_how_many_are_needed(page):
    page.locator("form#ticked .name").first.focus()
    page.keyboard.press("x")
    page.keyboard.press("c")
    expect(page.get_by_text("Tick at least 2 jobs to compare them; 1 is ticked.")).to_be_visible()
    page.keyboard.press("x")
    expect(page.locator("form#ticked :checked")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/jobs/$"))


@LOOKS
def test_the_keys_that_the_list_has_are_told(page):
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    for key in ("/", "j", "k", "Enter", "x", "c", "f", "r", "g", "t", "?"):
        expect(dialog.locator("kbd", has_text=key).first).to_be_visible()


@LOOKS
def test_ticked_jobs_are_compared_without_scripts(visit, street):
    page = visit(
        street.url, street.homes["busy"].cookie, java_script_enabled=False, is_watched=False
    )
    page.goto("/jobs/")
    for box in page.locator("form#ticked tbody input").all()[:2]:
        box.check()
    page.get_by_role("button", name="Compare").click()
    expect(page).to_have_url(re.compile(r"/compare/\?jobs=[^,]+/[^,]+,[^,]+/[^,]+"))


@LOOKS
def test_columns_are_chosen_without_scripts_and_stay_with_the_filter(visit, street):
    page = visit(street.url, street.homes["busy"].cookie, java_script_enabled=False)
    page.goto("/jobs/?state=succeeded")
    page.locator("summary", has_text="Columns").click()
    for name in ("Curve", "Cost estimate"):
        page.get_by_label(name, exact=True).set_checked(False)
    page.get_by_label("Job id").check()
    page.get_by_role("button", name="Show these").click()
    shown = ["State", "Job", "Progress", "Trained tokens", "Job id", "Created ↓", "Changed"]
    assert titles(page) == shown
    page.get_by_role("searchbox").fill("bot")
    page.get_by_role("button", name="Search").click()
    expect(page).to_have_url(re.compile(r"q=bot.*state=succeeded"))
    assert titles(page) == shown
    page.locator("summary", has_text="Columns").click()
    page.get_by_role("link", name="The usual ones").click()
    assert "Curve" in titles(page)


@LOOKS
def test_all_columns_are_open_to_all_and_scroll_in_their_own_frame(visit, street):
    page = visit(street.url, street.homes["busy"].cookie)
    path = (
        "/jobs/?cols=curve,progress,tokens,cost,loss,method,model,connection,id,file,tags,changed"
    )
    page.goto(path)
    frame = page.get_by_role("region", name="Jobs", exact=True)
    assert frame.evaluate("(one) => one.scrollWidth > one.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert faults(page, path) == []


@LOOKS
def test_a_bad_date_is_said_and_the_search_stays_in_its_box(page):
    page.goto("/jobs/?q=no-such-job&from=2026-13-45")
    expect(page.get_by_text("is no date like")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_value("no-such-job")
    expect(page.get_by_text("Asked for: “no-such-job”.")).to_be_visible()
    page.get_by_role("link", name="Clear filter").first.click()
    expect(page.locator("form#ticked tbody tr").first).to_be_visible()


@LOOKS
def test_paper_shows_the_table_and_nothing_to_press(page):
    page.emulate_media(media="print")
    expect(page.locator("form#ticked .name").first).to_be_visible()
    for control in ("form#ticked input", ".tools", ".bulk", ".chips", ".site-header"):
        expect(page.locator(control).first).to_be_hidden()


@WRITES
def test_ticks_and_open_folds_stay_through_a_refresh_that_moves_the_rows(lab, visit):
    lab.serves("ftjob-a", "running")
    lab.serves("ftjob-b", "running")
    page = visit(lab.url, lab.cookie)
    stop_the_clock(page)
    page.goto("/jobs/")
    page.get_by_label("Tick ftjob-a").check()
    page.locator("summary", has_text="Columns").click()
    page.get_by_role("heading", level=1).click()
    lab.serves("ftjob-c", "running", created_at=1_795_000_500)
    assert tick(page) == [200]
    expect(page.locator("form#ticked tbody tr")).to_have_count(3)
    expect(page.get_by_label("Tick ftjob-a")).to_be_checked()
    expect(page.locator("form#ticked :checked")).to_have_count(1)
    expect(page.get_by_role("button", name="Show these")).to_be_visible()
    assert tick(page) == [304]


@WRITES
def test_a_hidden_list_asks_for_nothing_and_catches_up_when_it_is_seen(lab, visit):
    lab.serves("ftjob-a", "running")
    page = visit(lab.url, lab.cookie)
    stop_the_clock(page)
    page.goto("/jobs/")
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {get: () => true, configurable: true})"
    )
    lab.serves("ftjob-a", "failed")
    assert requests_during(page, 4 * INTERVAL_MS) == []
    page.evaluate("delete document.hidden")
    assert tick(page) == [200]
    expect(page.locator("tr", has_text="ftjob-a").last).to_contain_text("Failed")
