"""From two tagged jobs to a view that others follow: what a person clicks, with scripts and without."""

import re
from urllib.request import Request, urlopen
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Page, expect

from tests.browser.homes import cookie_of
from tests.browser.watching import faults
from tests.builders import a_connection, a_job, a_member, a_team, a_transition

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def team(url):
    return a_team(name="Blue")


@pytest.fixture
def jobs(team):
    lab = a_connection(team, slug="lab", name="Lab", health="ok")
    jobs = [a_job(lab, suffix=f"bot-{n}", state="failed", error_code="bad_file") for n in range(3)]
    for job in jobs:
        a_transition(job)
    return jobs


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def page(request, url, visit, team) -> Page:
    return visit(url, cookie_of(a_member(team)), java_script_enabled=request.param)


def shown(page: Page):
    return page.get_by_role("table", name="Jobs", exact=True).locator(".name")


def tag_two(page: Page) -> None:
    page.goto("/jobs/")
    for name in ("bot-0", "bot-1"):
        page.get_by_role("table", name="Jobs", exact=True).get_by_label(f"Tick {name}").check()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_label("Tags").fill("Prod")
    page.get_by_role("button", name="Tag 2 jobs").click()
    expect(page.get_by_text("2 jobs are tagged prod.")).to_be_visible()


def save_as_default(page: Page, name: str) -> None:
    page.get_by_text("Save this view", exact=True).click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("The list opens with it").check()
    page.get_by_role("button", name="Save view").click()
    expect(page.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")


def entries(address: str) -> list[str]:
    """What a news reader is told, which has no cookie."""
    with urlopen(Request(address), timeout=30) as answer:
        root = ElementTree.fromstring(answer.read())
    return [one.text for one in root.findall(f"{ATOM}entry/{ATOM}title")]


def test_two_jobs_are_tagged_kept_as_a_view_followed_and_let_go(page, url, jobs):
    tag_two(page)
    page.goto("/jobs/lab/" + jobs[0].provider_id + "/")
    page.get_by_role("link", name="prod").click()
    expect(shown(page)).to_have_text(["bot-0", "bot-1"])
    save_as_default(page, "In production")
    page.goto("/jobs/")
    expect(page).to_have_url(re.compile(r"/jobs/\?tag=prod$"))
    page.get_by_role("link", name="All jobs").click()
    expect(shown(page)).to_have_count(3)
    page.goto("/views/")
    page.get_by_role("link", name="Change In production").click()
    page.get_by_role("button", name="Make a feed").click()
    path = re.search(r"/feeds/[\w-]+/", page.locator(".once").inner_text())[0]
    assert entries(url + path) == ["Failed: bot-1", "Failed: bot-0"]
    page.goto("/views/")
    page.get_by_role("link", name="Change In production").click()
    page.get_by_text("Remove this view").click()
    page.get_by_role("button", name="Remove In production").click()
    expect(page.get_by_text("No saved view yet")).to_be_visible()


def test_a_note_is_left_for_the_team(page, jobs):
    page.goto(f"/jobs/lab/{jobs[0].provider_id}/")
    page.get_by_text("Add tags or a note").click()
    page.get_by_label("Tags").fill("eu prod")
    page.get_by_label("Note").fill("Ask Dana.\nBefore Friday.")
    page.get_by_role("button", name="Save tags and note").click()
    expect(page.get_by_role("list", name="Tags").get_by_role("link")).to_have_text(["eu", "prod"])
    expect(page.locator(".job-note")).to_contain_text("Ask Dana.\nBefore Friday.")


def test_archiving_asks_first(page, jobs):
    page.goto("/jobs/")
    page.get_by_label("All of this list").check()
    page.get_by_role("button", name="Archive", exact=True).click()
    expect(page.get_by_role("heading", name="Archive 3 jobs?")).to_be_visible()
    page.get_by_role("link", name="Leave them as they are").click()
    expect(shown(page)).to_have_count(3)
    page.get_by_label("All of this list").check()
    page.get_by_role("button", name="Archive", exact=True).click()
    page.get_by_role("button", name="Archive 3 jobs").click()
    expect(page.get_by_text("3 jobs are archived here.")).to_be_visible()


def test_what_opens_above_the_list_and_asks_is_open_to_all(url, visit, team, jobs):
    page = visit(url, cookie_of(a_member(team)))
    page.goto("/jobs/?state=failed")
    page.get_by_text("Save this view", exact=True).click()
    assert faults(page, "saving a view") == []
    page.goto(f"/jobs/lab/{jobs[0].provider_id}/")
    page.get_by_text("Add tags or a note").click()
    assert faults(page, "labelling") == []
    page.goto("/jobs/")
    page.get_by_label("All of this list").check()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_label("Tags").fill("a/b")
    page.get_by_role("button", name="Tag 3 jobs").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be a tag")
    assert faults(page, "bad tags") == []
