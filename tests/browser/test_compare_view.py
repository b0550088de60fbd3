"""The curves of a comparison as people change them: by controls, by dragging, by pointing, and without scripts."""

import json
import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from dashboard.queries.compare import ref_of
from jobs.models import Event, Job, Point
from jobs.refs import compare_path
from tests.browser.homes import cookie_of
from tests.browser.test_metric_view import drag, drawn, steps_of
from tests.browser.watching import faults
from tests.builders import NOON, a_connection, a_job, a_member, a_team, a_transition

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LENGTH = 1200
SELDOM = 8  # one of the runs was logged every so many steps
REFS = r"jobs=lab/ftjob-a,lab/ftjob-b"


def a_run(lab, name: str, every: int, begun) -> Job:
    facts = {"state": "succeeded", "settled_at": NOON, "ended_at": NOON, "trained_tokens": 90_000}
    job = a_job(lab, provider_id=f"ftjob-{name}", suffix=name, total_steps=LENGTH, **facts)
    a_transition(job, from_state="queued", to_state="running", stayed_s=5, recorded_at=begun)
    steps = range(every, LENGTH + 1, every)
    Point.objects.bulk_create(
        Point(
            job=job,
            metric="train_loss",
            step=step,
            value=4 - step / LENGTH * 3 + step % 7 / 9,
            source=1,
            seen_at=NOON,
        )
        for step in steps
    )
    Event.objects.bulk_create(
        Event(
            job=job,
            provider_id=f"m{step}",
            type="metrics",
            level="info",
            created_at=begun + timedelta(seconds=6 * step),
            body={"step": step},
        )
        for step in steps
    )
    return job


@pytest.fixture
def place():
    """The cookie of who may look, and the address of two runs: of other days, logged at other steps."""
    lab = a_connection(a_team(), slug="lab")
    runs = [a_run(lab, "a", 1, NOON), a_run(lab, "b", SELDOM, NOON - timedelta(days=3))]
    return cookie_of(a_member(lab.team)), compare_path(map(ref_of, runs))


@pytest.fixture
def page(visit, url, place) -> Page:
    cookie, path = place
    page = visit(url, cookie)
    page.goto(path)
    expect(page.locator("canvas")).to_be_visible()
    return page


def test_controls_change_the_curves_the_address_and_every_link(page):
    page.get_by_label("Smoothing").fill("0.9")
    page.get_by_label("y axis").select_option("log")
    expect(page).to_have_url(re.compile(rf"{REFS}.*y=log&smooth=0\.9$"))
    expect(page.locator(".legend")).to_contain_text("a, smoothed")
    kept = re.compile(r"y=log&smooth=0\.9")
    for name in ("Only differences", "Jobs as rows", "Leave out a", "Add or change jobs"):
        expect(page.get_by_role("link", name=name, exact=True)).to_have_attribute("href", kept)
    page.get_by_role("link", name="Only differences").click()
    expect(page).to_have_url(re.compile(r"diff=1.*y=log&smooth=0\.9$"))
    expect(page.locator(".legend")).to_contain_text("a, smoothed")


def test_a_reset_leaves_the_metric_and_the_jobs(page):
    page.get_by_label("Smoothing").fill("0.9")
    page.get_by_role("link", name="Reset view").click()
    expect(page).to_have_url(re.compile(rf"{REFS}$"))
    expect(page.locator(".legend")).not_to_contain_text("smoothed")
    expect(page.get_by_label("Metric", exact=True)).to_have_value("train_loss")


def test_a_drag_zooms_brings_finer_points_and_has_a_way_out(page):
    before = set(steps_of(page))
    drag(page, 0.4, 0.5)
    expect(page).to_have_url(re.compile(r"from=[\d.]+&to=[\d.]+$"))
    expect(page.get_by_role("link", name="Reset zoom of Training loss")).to_be_visible()
    assert set(steps_of(page)) - before
    page.locator(".u-over").dblclick()
    expect(page).to_have_url(re.compile(rf"{REFS}$"))


def test_runs_of_other_days_lie_over_each_other_by_time(page):
    page.get_by_label("x axis").select_option("time")
    expect(page).to_have_url(re.compile("x=time$"))
    expect(page.locator(".chart figcaption")).to_contain_text("minutes since it began running")
    first, second = drawn(page)
    assert first["steps"][-1] == second["steps"][-1] == LENGTH / 10


def test_the_pointer_tells_of_each_run_its_last_value_before(page):
    page.goto(f"{page.url}&from=400&to=420")
    expect(page.locator("canvas")).to_be_visible()
    plot = page.locator(".u-over")
    plot.scroll_into_view_if_needed()
    plot.hover(position={"x": plot.bounding_box()["width"] * 7.2 / 20, "y": 60})  # step 407
    expect(page.locator("[data-x]")).to_have_text("407")
    told = json.loads(page.locator("metric-chart script").text_content())
    first, second = (one["values"] for one in told["series"])
    shown = [float(text) for text in page.locator("output[data-value]").all_inner_texts()]
    assert shown == pytest.approx([first[7], second[0]], rel=1e-3)


def test_an_address_shows_the_same_to_a_colleague(page, visit, url, place):
    page.get_by_label("x axis").select_option("tokens")
    expect(page).to_have_url(re.compile("x=tokens$"))
    expect(page.locator("metric-view > .small")).to_contain_text("estimate")
    other = visit(url, place[0])
    other.goto(page.url)
    assert drawn(other) == drawn(page)


@pytest.mark.parametrize(
    "query", ["&smooth=0.9&y=log", "&x=tokens", "&x=time&from=10&to=20", "&from=9999"]
)
def test_every_view_is_open_to_all(page, query):
    page.goto(f"{page.url}{query}")
    assert faults(page, query) == []


def test_without_scripts_the_form_asks_and_the_server_draws(visit, url, place):
    cookie, path = place
    page = visit(url, cookie, java_script_enabled=False)
    page.goto(f"{path}&diff=1")
    page.get_by_role("spinbutton", name="From step").fill("100")
    page.get_by_role("spinbutton", name="To step").fill("120")
    page.get_by_label("y axis").select_option("log")
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile(r"diff=1.*y=log.*from=100&to=120$"))
    expect(page.locator("#compare-overlay-sentence")).to_contain_text(
        "From step 100 to step 120: a "
    )
    expect(page.locator("#compare-overlay-sentence")).to_contain_text(f"at step {15 * SELDOM}")
    page.get_by_text("Show as table").click()
    expect(page.locator("metric-chart tbody tr")).to_have_count(21)
    page.get_by_role("link", name="Reset zoom of Training loss").click()
    expect(page).to_have_url(re.compile(r"diff=1&metric=train_loss&y=log$"))
