"""The pages of one job, as a person reads and uses them."""

import re

import pytest
from playwright.sync_api import Page, expect

from jobs.models import Event, Job
from tests.browser.homes import address_of, cookie_of
from tests.browser.watching import faults
from tests.builders import NOON, a_connection, a_job, a_member, a_team
from tests.contracts.test_hostile_job import WORDS, a_hostile_job, belongings_of
from tests.dashboard.job_pages import some_snapshots
from tests.provider_double import ProviderDouble

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SCREENS = [(1440, 900), (390, 844)]
TURNED = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
        const parent = walker.currentNode.parentElement;
        if (!walker.currentNode.data.includes("\\u202e") || parent.closest("script")) continue;
        if (getComputedStyle(parent).unicodeBidi === "normal") found.push(parent.outerHTML.slice(0, 200));
    }
    return found;
}"""


@pytest.fixture
def lab(url):
    return a_connection(a_team(), slug="lab", name="Lab", health="ok")


@pytest.fixture
def page(url, visit, lab) -> Page:
    return visit(url, cookie_of(a_member(lab.team)))


@pytest.fixture
def failed(lab) -> Job:
    """As long as failures usually are, with three warnings."""
    job = a_job(
        lab,
        state="failed",
        error_code="invalid_training_file",
        error_param="training_file",
        error_message="The job failed due to an invalid training file. Invalid file format. "
        "Line 6174, message 3 has no content.",
    )
    for number, level in enumerate(("warn", "warn", "error")):
        said = "Some examples exceed the recommended length and were cut."
        Event.objects.create(
            job=job, provider_id=f"e{number}", level=level, message=said, created_at=NOON
        )
    return job


@pytest.mark.parametrize("screen", SCREENS)
def test_cause_warnings_and_next_step_stand_on_the_first_screen(page, failed, screen):
    page.set_viewport_size({"width": screen[0], "height": screen[1]})
    page.goto(address_of(failed))
    cause = page.get_by_role("region", name="Why it failed")
    for text in ("invalid_training_file", "training_file", "has no content", "Fix line 6174"):
        box = cause.get_by_text(text).last.bounding_box()
        assert box["y"] + box["height"] <= screen[1], text
    box = cause.get_by_role("listitem").last.bounding_box()
    assert box["y"] + box["height"] <= screen[1]


def test_a_failure_is_copied_as_markdown(page, failed):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(address_of(failed))
    page.get_by_role("button", name="Copy as Markdown").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    page.get_by_role("link", name="Markdown as text").click()
    expect(page).to_have_url(re.compile("/markdown/$"))
    shown = page.request.get(page.url).text()
    assert copied.replace("\r\n", "\n") == shown
    assert shown.startswith(f"## `{failed.name}`: `failed`")


def test_it_is_copied_where_the_browser_has_no_clipboard_for_the_site(page, failed):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.add_init_script(
        "Object.defineProperty(navigator.clipboard, 'writeText', {value: () => Promise.reject()})"
    )
    page.goto(address_of(failed))
    button = page.get_by_role("button", name="Copy as Markdown")
    button.click()
    expect(page.get_by_role("button", name="Copied")).to_be_focused()
    assert "invalid_training_file" in page.evaluate("navigator.clipboard.readText()")
    expect(button).to_be_visible()  # its own words come back


def test_two_snapshots_are_chosen_compared_and_swapped(page, lab):
    job = a_job(lab)
    first, _, last = some_snapshots(job, {"n": "one"}, {"n": "two"}, {"n": "three"})
    page.goto(f"{address_of(job)}timeline/")
    page.get_by_role("link", name="Compare any two").click()
    row = page.get_by_role("row").last
    expect(row).to_contain_text(re.compile(r"n\s*→ Changed\s*one\s*three"))
    page.get_by_label("To").select_option(index=1)
    page.get_by_role("button", name="Compare").click()
    expect(row).to_contain_text(re.compile(r"one\s*two"))
    page.get_by_role("link", name="Swap").click()
    expect(row).to_contain_text(re.compile(r"two\s*one"))
    page.goto(f"{address_of(job)}changes/?from={first}&to={last}&all=1")
    assert faults(page, "changes") == []


def test_older_snapshots_are_a_page_away(page, lab):
    job = a_job(lab)
    some_snapshots(job, *({"n": number} for number in range(60)), is_newest=False)
    page.goto(f"{address_of(job)}timeline/")
    page.get_by_role("link", name="Show older").click()
    expect(page.get_by_text("First seen.")).to_be_visible()
    page.get_by_role("link", name="Newest").click()
    expect(page.get_by_text("59", exact=True).first).to_be_visible()


def test_events_are_searched_and_the_hit_is_marked(page, failed):
    page.goto(f"{address_of(failed)}events/?level=warn")
    page.get_by_role("searchbox").fill("LENGTH")
    page.get_by_role("button", name="Search").click()
    expect(page).to_have_url(re.compile("level=warn&q=LENGTH$"))
    expect(page.locator("mark")).to_have_text(["length", "length"])
    page.get_by_role("link", name="All 3").click()
    expect(page.locator("mark")).to_have_count(3)


def test_a_job_prints_with_open_folds_and_without_what_is_pressed(page, failed):
    some_snapshots(failed, {"status": "failed"})
    page.goto(address_of(failed))
    raw = page.locator("#raw pre")
    expect(raw).not_to_be_visible()
    page.emulate_media(media="print", color_scheme="dark")
    expect(raw).to_be_visible()
    for gone in (
        page.locator(".site-nav"),
        page.locator(".section-index"),
        page.locator("main .button").first,
    ):
        expect(gone).not_to_be_visible()
    assert (
        page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        == "rgb(247, 248, 250)"
    )


@pytest.mark.parametrize("name", WORDS)
def test_no_text_of_others_breaks_a_page(page, lab, poll, name):
    words = WORDS[name]
    provider = ProviderDouble()
    type(lab).objects.update(base_url=provider.url)
    provider.control("jobs", {"raw": a_hostile_job(words), **belongings_of(words)})
    poll(2)
    provider.close()
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for part in ("", "events/", "timeline/", "changes/?all=1", "raw/", "files/file-r/preview/"):
        for width in (390, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(f"/jobs/lab/ftjob-hostile/{part}")
            assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth"), (
                part,
                width,
            )
            assert page.evaluate(TURNED) == [], part
    assert dialogs == []
