"""Pages that refresh by themselves. The browser's clock is moved by the tests; the database changes by real polls."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.homes import cookie_of, poll
from tests.builders import a_connection, a_member, a_team
from tests.provider_double import BORN, ProviderDouble

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
INTERVAL_MS = 5_000


class Lab:
    """One team, one connection, and what its provider says next."""

    def __init__(self, provider: ProviderDouble, url: str) -> None:
        self.provider, self.url, self.team = provider, url, a_team()
        a_connection(self.team, base_url=provider.url, slug="lab")
        self.cookie = cookie_of(a_member(self.team))

    def serves(self, job_id: str, status: str, **facts) -> None:
        self.provider.serves(job_id, status=status, user_provided_suffix=job_id, **facts)
        poll()


@pytest.fixture
def lab(url):
    provider = ProviderDouble()
    yield Lab(provider, url)
    provider.close()


@pytest.fixture
def page(visit, lab):
    page = visit(lab.url, lab.cookie)
    stop_the_clock(page)
    return page


def stop_the_clock(page: Page) -> None:
    """Time passes when a test says so; else a slow poll of ours lets the page's interval pass by itself."""
    now = datetime.now(UTC)
    page.clock.install(time=now)
    page.clock.pause_at(now + timedelta(seconds=1))


def tick(page: Page, times: int = 1) -> list[int]:
    """The statuses of the answers to this page's own requests while so many intervals pass."""
    statuses = []
    for _ in range(times):
        with page.expect_response(is_refresh) as coming:
            page.clock.run_for(INTERVAL_MS)
        coming.value.finished()
        statuses.append(coming.value.status)
    return statuses


def is_refresh(response) -> bool:
    return "hx-request" in response.request.headers


def requests_during(page: Page, milliseconds: int) -> list[str]:
    """What the page asks for by itself in this time; the last request is ours and marks the end."""
    seen = []
    page.on("request", lambda one: seen.append(one.url) if one.resource_type == "fetch" else None)
    page.clock.run_for(milliseconds)
    with page.expect_response("**/livez"):
        page.evaluate("fetch('/livez')")
    return seen[:-1]


def test_a_job_that_changes_appears_changed_without_moving_the_page(lab, page):
    for number in range(40):
        lab.provider.serves(f"ftjob-{number:03}", status="running", created_at=BORN + number)
    lab.serves("ftjob-000", "running")
    page.goto("/jobs/")
    page.evaluate("window.isTheSame = true; scrollTo(0, 600)")
    seen = page.locator("tr", has_text="ftjob-020").bounding_box()
    expect(page.locator("tr", has_text="ftjob-000")).to_contain_text("Running")
    lab.serves("ftjob-000", "failed", error={"code": "server_error", "message": "No."})
    assert tick(page) == [200]
    expect(page.locator("tr", has_text="ftjob-000").last).to_contain_text("Failed")
    assert page.evaluate("window.isTheSame")
    assert page.locator("tr", has_text="ftjob-020").bounding_box() == pytest.approx(seen, abs=1)


def test_a_failure_is_spoken_and_what_a_list_opened_with_is_not(lab, page):
    lab.serves("ftjob-a", "running")
    lab.serves("ftjob-b", "running")
    lab.serves("ftjob-a", "failed")
    page.goto("/jobs/")
    lab.serves("ftjob-b", "running", trained_tokens=1234)
    assert tick(page) == [200]
    expect(page.locator("form#ticked")).to_contain_text("1.23")
    expect(page.locator("#announcer")).to_be_empty()
    lab.serves("ftjob-b", "failed")
    tick(page)
    expect(page.locator("#announcer")).to_contain_text("ftjob-b failed")


def test_a_job_speaks_of_its_state_and_not_of_its_steps(lab, page):
    lab.serves("ftjob-a", "running", events=steps(3))
    page.goto("/jobs/lab/ftjob-a/")
    lab.serves("ftjob-a", "running", events=steps(6))
    tick(page)
    expect(page.locator("metric-chart").first.locator("tbody tr")).to_have_count(6)
    expect(page.locator("#announcer")).to_be_empty()
    lab.serves("ftjob-a", "failed", error={"code": "server_error", "message": "No."})
    tick(page)
    expect(page.locator("#announcer")).to_have_text("ftjob-a: Failed, server_error")


def test_quiet_polls_are_answered_304(lab, page):
    lab.serves("ftjob-a", "running")
    for path in ("/jobs/", "/jobs/lab/ftjob-a/"):
        page.goto(path)
        assert tick(page, times=3) == [304, 304, 304]
    lab.serves("ftjob-a", "running", trained_tokens=1234)
    assert tick(page, times=2) == [200, 304]


def test_nothing_is_asked_while_paused_and_after_a_reload(lab, page):
    lab.serves("ftjob-a", "running")
    page.goto("/jobs/")
    page.get_by_role("button", name="Pause").click()
    assert requests_during(page, 4 * INTERVAL_MS) == []
    page.reload()
    assert requests_during(page, 4 * INTERVAL_MS) == []
    page.get_by_role("button", name="Resume").click()
    assert tick(page) == [304]


def test_nothing_is_asked_while_the_focus_is_in_the_rows(lab, page):
    lab.serves("ftjob-a", "running")
    page.goto("/jobs/")
    page.keyboard.press("j")
    assert requests_during(page, 4 * INTERVAL_MS) == []


def test_a_job_being_searched_for_is_not_typed_over(lab, page):
    lab.serves("ftjob-a", "running")
    page.goto("/jobs/")
    page.get_by_role("searchbox").fill("half a wo")
    lab.serves("ftjob-a", "succeeded")
    tick(page)
    expect(page.locator("tr", has_text="ftjob-a").last).to_contain_text("Succeeded")
    expect(page.get_by_role("searchbox")).to_have_value("half a wo")
    expect(page.get_by_role("searchbox")).to_be_focused()


@pytest.mark.parametrize("part", ["", "events/", "timeline/", "changes/", "raw/"])
def test_a_settled_job_asks_for_nothing(lab, page, part):
    lab.serves("ftjob-a", "succeeded", finished_at=BORN + 60)
    poll()
    page.goto(f"/jobs/lab/ftjob-a/{part}", wait_until="networkidle")
    expect(page.locator(".status").first).to_have_text("Succeeded")
    expect(page.locator("[hx-trigger], [hx-get], [data-live]")).to_have_count(0)
    asked = []
    page.on("request", lambda one: asked.append(one.url))  # of any kind, not only by a script
    assert requests_during(page, 60_000) == []
    assert [url for url in asked if not url.endswith("/livez")] == []


def test_what_is_open_stays_open_through_a_refresh(lab, page):
    lab.serves("ftjob-a", "running")
    page.goto("/jobs/lab/ftjob-a/")
    raw = page.locator("details", has_text="JSON as received")
    raw.locator("summary").click()
    page.get_by_role("heading", level=1).click()
    lab.serves("ftjob-a", "running", trained_tokens=98_765)
    tick(page)
    expect(page.locator("#overview")).to_contain_text("98\u2009765")
    expect(raw).to_have_attribute("open", "")
    expect(raw.locator("pre")).to_contain_text("98765")


def test_a_curve_grows_in_the_chart_that_is_there(lab, page):
    lab.serves("ftjob-a", "running", events=steps(3))
    page.goto("/jobs/lab/ftjob-a/")
    chart = page.locator("metric-chart").first
    chart.locator("canvas").evaluate("(canvas) => canvas.setAttribute('data-mark', 'kept')")
    lab.serves("ftjob-a", "running", events=steps(6))
    tick(page)
    expect(chart.locator("tbody tr")).to_have_count(6)
    expect(chart.locator("canvas[data-mark=kept]")).to_have_count(1)
    assert chart.evaluate("(one) => one.chart.data[0].length") == 6


def steps(count: int) -> list[dict]:
    return [
        {
            "object": "fine_tuning.job.event",
            "id": f"ftevent-{step}",
            "created_at": BORN + step,
            "level": "info",
            "type": "metrics",
            "message": f"Step {step}",
            "data": {"step": step, "train_loss": 3 / step},
        }
        for step in range(1, count + 1)
    ]


def test_a_refresh_that_fails_keeps_the_rows_and_says_so(lab, visit):
    lab.serves("ftjob-a", "running")
    page = visit(lab.url, lab.cookie, is_watched=False)  # the browser logs what we break
    stop_the_clock(page)
    page.goto("/jobs/")
    page.route("**/jobs/", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        page.clock.run_for(INTERVAL_MS)
    expect(page.locator("[data-live-note]")).to_contain_text("Could not refresh (no answer).")
    expect(page.locator("tr", has_text="ftjob-a").last).to_contain_text("Running")


def test_signed_out_elsewhere_leads_to_the_sign_in_page(lab, page):
    lab.serves("ftjob-a", "running")
    page.goto("/jobs/")
    page.context.clear_cookies(name="tunebell")
    page.clock.run_for(INTERVAL_MS)
    expect(page).to_have_url(re.compile(r"/sign-in/\?next="))
