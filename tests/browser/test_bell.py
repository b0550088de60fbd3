"""The count in title and icon, and notifications on the desktop: real Chromium, its notifications overheard."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from accounts.models import Team
from tests.browser.homes import cookie_of
from tests.browser.watching import faults
from tests.builders import a_connection, a_job, a_member, a_team, a_transition

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
INTERVAL_MS = 15_000
# Notifications are noted where the tests can read them; the permission is the browser's own.
OVERHEAR = """
window.told = [];
const Real = window.Notification;
window.Notification = class extends EventTarget {
  static get permission() { return Real.permission; }
  static requestPermission() { window.asked = (window.asked ?? 0) + 1; return Real.requestPermission(); }
  constructor(title, options) { super(); window.told.push([title, options.body]); window.latest = this; }
  close() {}
};
"""


class Lab:
    def __init__(self, url: str, visit) -> None:
        self.url, self.team = url, a_team()
        self.connection = a_connection(self.team, slug="lab", name="Lab", health="ok")
        self.cookie, self.visit = cookie_of(a_member(self.team)), visit

    def page(self, *, is_granted: bool = True) -> Page:
        page = self.visit(self.url, self.cookie)
        if is_granted:
            page.context.grant_permissions(["notifications"], origin=self.url)
        page.context.add_init_script(OVERHEAR)
        stop_the_clock(page.context)
        return page

    def ends(self, state: str = "failed", **facts) -> None:
        """As a poll records it: the job, its transition, the team's new version."""
        a_transition(a_job(self.connection, state=state, **facts))
        Team.objects.filter(pk=self.team.pk).update(version=Team.objects.get().version + 1)


@pytest.fixture
def lab(url, visit):
    return Lab(url, visit)


def stop_the_clock(context: BrowserContext) -> None:
    now = datetime.now(UTC)
    context.clock.install(time=now)
    context.clock.pause_at(now + timedelta(seconds=1))


def switch_on(page: Page) -> None:
    page.locator(".site-user summary").click()
    with page.expect_response("**/alerts/news/**"):
        page.get_by_label("Notify me on this computer").check()
    page.locator(".site-user summary").click()


def hear(page: Page) -> None:
    """Until the answer to the next question has been read, whichever tab asks it."""
    with page.context.expect_event("response", lambda one: "/alerts/news/" in one.url) as coming:
        page.clock.run_for(INTERVAL_MS)
    coming.value.finished()
    page.evaluate("navigator.locks.request('tunebell:bell', () => {})")


def told(page: Page) -> list[list[str]]:
    return page.evaluate("window.told")


def icon(page: Page) -> str:
    return page.locator("link[rel=icon]").get_attribute("href")


def requests_during(page: Page, milliseconds: int) -> list[str]:
    """What the page asks for in this time; the last request is ours and marks the end."""
    seen = []
    page.on("request", lambda one: seen.append(one.url) if one.resource_type == "fetch" else None)
    page.clock.run_for(milliseconds)
    with page.expect_response("**/livez"):
        page.evaluate("fetch('/livez')")
    return seen[:-1]


def test_a_page_that_opens_has_the_count_and_the_marked_icon(lab):
    page = lab.page()
    page.goto("/connections/")
    expect(page).to_have_title(re.compile(r"^Connections"))
    assert "bell-alert" not in icon(page)
    lab.ends()
    page.goto("/connections/")
    expect(page).to_have_title(re.compile(r"^\(1\) Connections"))
    assert "bell-alert" in icon(page)


def test_an_open_list_counts_what_fails_meanwhile(lab):
    page = lab.page()
    lab.ends("succeeded")
    page.goto("/jobs/")
    lab.ends(suffix="bot")
    with page.expect_response(lambda one: "hx-request" in one.request.headers):
        page.clock.run_for(30_000)
    expect(page).to_have_title(re.compile(r"^\(1\) Jobs"))
    assert "bell-alert" in icon(page)


def test_nothing_is_asked_while_it_is_off(lab):
    page = lab.page()
    page.goto("/team/")
    assert requests_during(page, 4 * INTERVAL_MS) == []
    assert page.evaluate("window.asked") is None
    switch_on(page)
    page.locator(".site-user summary").click()
    page.get_by_label("Notify me on this computer").uncheck()
    assert requests_during(page, 4 * INTERVAL_MS) == []


def test_an_ending_is_told_with_its_reason_and_opens_the_job(lab):
    page = lab.page()
    lab.ends(suffix="before the switch")
    page.goto("/team/")
    switch_on(page)
    lab.ends(suffix="<img src=x onerror=alert(1)>", error_code="bad_file", provider_id="ftjob-a")
    hear(page)
    assert told(page) == [["FAILED <img src=x onerror=alert(1)>", "bad_file"]]
    expect(page).to_have_title(re.compile(r"^\(2\) "))
    assert "bell-alert" in icon(page)
    with page.context.expect_page() as opening:
        page.evaluate("window.latest.dispatchEvent(new Event('click'))")
    expect(opening.value).to_have_url(re.compile("/jobs/lab/ftjob-a/$"))


def test_many_at_once_are_one_notification(lab):
    page = lab.page()
    page.goto("/team/")
    switch_on(page)
    for state in ("failed", "failed", "succeeded", "cancelled"):
        lab.ends(state)
    hear(page)
    assert [title for title, _ in told(page)] == ["4 jobs ended"]


def test_two_tabs_tell_each_ending_once_and_both_count(lab):
    first = lab.page()
    first.goto("/team/")
    switch_on(first)
    second = first.context.new_page()
    second.goto("/connections/")
    lab.ends(suffix="bot")
    hear(first)  # time passes in both at once
    hear(second)
    assert told(first) + told(second) == [["FAILED bot", "gpt-4o-mini-2024-07-18 · Lab"]]
    for page in (first, second):
        expect(page).to_have_title(re.compile(r"^\(1\) "))


def test_the_choice_stays_for_other_pages_of_this_browser(lab):
    page = lab.page()
    page.goto("/team/")
    switch_on(page)
    page.goto("/connections/")
    lab.ends(suffix="bot")
    hear(page)
    assert len(told(page)) == 1
    assert page.evaluate("window.asked") is None


def test_nothing_is_asked_while_offline_and_all_is_told_afterwards(lab):
    page = lab.page()
    page.goto("/team/")
    switch_on(page)
    lab.ends(suffix="bot")
    page.context.set_offline(True)
    seen = []
    page.on("request", lambda one: seen.append(one.url))
    page.clock.run_for(4 * INTERVAL_MS)
    assert seen == []
    with page.expect_response("**/alerts/news/**"):
        page.context.set_offline(False)
    page.evaluate("navigator.locks.request('tunebell:bell', () => {})")
    assert len(told(page)) == 1


def test_a_browser_that_refuses_says_so_and_stays_off(lab):
    page = lab.page(is_granted=False)
    page.add_init_script("window.Notification.requestPermission = async () => 'denied'")
    page.goto("/team/")
    page.locator(".site-user summary").click()
    box = page.get_by_label("Notify me on this computer")
    box.click()
    expect(page.locator("job-bell [role=status]")).to_contain_text("Allow them in its settings")
    expect(box).not_to_be_checked()
    page.clock.resume()  # axe waits for time to pass
    assert faults(page, "the refused switch") == []


def test_a_browser_without_notifications_is_offered_none(lab):
    page = lab.page()
    page.add_init_script("delete window.Notification;")
    page.goto("/team/")
    page.locator(".site-user summary").click()
    expect(page.get_by_role("button", name="System")).to_be_visible()
    expect(page.get_by_label("Notify me on this computer")).to_be_hidden()
