"""The view of the metrics as people change it: by dragging, by keys, by links, and without scripts."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from dashboard.smoothing import smoothed
from jobs.models import Checkpoint, Job, Point
from tests.browser.homes import cookie_of
from tests.browser.test_live import Lab, requests_during, steps, stop_the_clock, tick
from tests.browser.watching import faults
from tests.builders import NOON, a_connection, a_job, a_member, a_team
from tests.provider_double import ProviderDouble

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LENGTH = 3000
ADDRESS = "/jobs/lab/ftjob-a/"
# The average once more, by somebody else: over what the page says was measured.
EVEN = """([values, weight]) => {
    let [mean, left] = [0, 1];
    return values.map((value) => {
        mean = weight * mean + (1 - weight) * value;
        left *= weight;
        return mean / (1 - left);
    });
}"""


def a_run(length: int = LENGTH) -> Job:
    """A settled run, with more points than a panel shows at once."""
    lab = a_connection(a_team(), slug="lab")
    settled = {"state": "succeeded", "settled_at": NOON, "ended_at": NOON, "trained_tokens": 90_000}
    job = a_job(lab, provider_id="ftjob-a", **settled)
    measured = {
        "train_loss": lambda step: 4 - step / length * 3 + step % 7 / 9,
        "valid_loss": lambda step: 2 + abs(step / length - 0.5),
        "train_accuracy": lambda step: step / length,
    }
    Point.objects.bulk_create(
        Point(job=job, metric=metric, step=step, value=value(step), source=1, seen_at=NOON)
        for metric, value in measured.items()
        for step in range(1, length + 1)
    )
    Checkpoint.objects.create(job=job, provider_id="c", step=length // 2)
    return job


@pytest.fixture
def cookie(url):
    return cookie_of(a_member(a_run().team))


@pytest.fixture
def page(visit, url, cookie) -> Page:
    page = visit(url, cookie)
    page.goto(ADDRESS)
    expect(page.locator("canvas")).to_have_count(2)
    return page


def drawn(page: Page, panel: int = 0) -> list[dict]:
    return json.loads(page.locator("metric-chart script").nth(panel).text_content())["series"]


def steps_of(page: Page, panel: int = 0) -> list[float]:
    """What uPlot has, not only what the page was told."""
    chart = page.locator("metric-chart").nth(panel)
    return chart.evaluate("(one) => [...one.chart.data[0]]")


def open_form(page: Page) -> None:
    page.get_by_text("Change the view").click()


def drag(page: Page, start: float, end: float) -> None:
    """Over the first panel, in shares of its plot."""
    page.locator("metric-chart").first.scroll_into_view_if_needed()
    box = page.locator("metric-chart .u-over").first.bounding_box()
    across = [box["x"] + box["width"] * share for share in (start, end)]
    page.mouse.move(across[0], box["y"] + 50)
    page.mouse.down()
    page.mouse.move(across[1], box["y"] + 60, steps=4)
    page.mouse.up()


def test_a_drag_zooms_all_panels_writes_the_address_and_brings_finer_points(page):
    before = steps_of(page)
    assert len(before) < LENGTH
    drag(page, 0.4, 0.5)
    expect(page).to_have_url(re.compile(r"\?from=1\d\d\d(\.\d)?&to=1\d\d\d(\.\d)?$"))
    expect(page.get_by_role("link", name="Reset zoom")).to_have_count(2)
    for panel in (0, 1):
        shown = steps_of(page, panel)
        assert shown == [float(step) for step in range(int(shown[0]), int(shown[-1]) + 1)]
        assert set(shown) - set(before)
    open_form(page)
    expect(page.get_by_role("spinbutton", name="From step")).to_have_value(re.compile(r"^1\d\d\d"))


def test_the_way_out_of_a_zoom(page):
    drag(page, 0.4, 0.5)
    expect(page.get_by_role("link", name="Reset zoom of Loss")).to_be_visible()
    page.locator(".u-over").first.dblclick()
    expect(page).to_have_url(re.compile(f"{ADDRESS}$"))
    expect(page.get_by_role("link", name="Reset zoom")).to_have_count(0)
    drag(page, 0.1, 0.3)
    page.get_by_role("link", name="Reset zoom of Loss").click()
    expect(page).to_have_url(re.compile(f"{ADDRESS}$"))


def test_the_two_fields_zoom_by_keys_alone(page):
    open_form(page)
    page.get_by_role("spinbutton", name="From step").focus()
    page.keyboard.type("100")
    page.keyboard.press("Tab")
    page.keyboard.type("200")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?from=100&to=200$"))
    expect(page.locator("#metric-loss-sentence")).to_contain_text("From step 100 to step 200")
    assert steps_of(page) == [float(step) for step in range(100, 201)]
    expect(page.get_by_role("spinbutton", name="To step")).to_be_focused()


def test_an_address_shows_the_same_to_a_colleague(page, visit, url, cookie):
    open_form(page)
    page.get_by_label("Smoothing").fill("0.9")
    page.get_by_label("y axis of losses").select_option("log")
    expect(page).to_have_url(re.compile(r"\?y=log&smooth=0\.9$"))
    expect(page.locator('metric-view[data-shown="y=log&smooth=0.9"]')).to_be_attached()
    other = visit(url, cookie)
    other.goto(page.url)
    assert drawn(other) == drawn(page)


def test_the_smoothed_line_is_the_average_of_the_measured_one(page):
    page.goto(f"{ADDRESS}?smooth=0.9&from=1&to=400")
    raw, even = drawn(page)[:2]
    assert raw["faint"]
    by_hand = page.evaluate(EVEN, [raw["values"], 0.9])
    assert even["values"] == pytest.approx(by_hand)
    assert even["values"] == pytest.approx(list(smoothed(raw["values"], 0.9)))
    shown = page.locator("metric-chart").first.evaluate("(one) => [...one.chart.data[2]]")
    assert shown == pytest.approx(by_hand)


def test_a_logarithmic_scale_has_its_own_lines_of_equal_factors(page):
    open_form(page)
    page.get_by_label("y axis of losses").select_option("log")
    expect(page).to_have_url(re.compile(r"\?y=log$"))
    loss = page.locator("metric-chart").first
    expect(loss.locator("canvas")).to_be_visible()
    page.wait_for_function(
        "() => document.querySelector('metric-chart').chart?.scales.y.distr === 3"
    )
    accuracy = page.locator("metric-chart").nth(1)
    assert accuracy.evaluate("(one) => one.chart.scales.y.distr") == 1


def test_the_canvas_and_the_drawing_below_have_one_scale(page):
    page.goto(f"{ADDRESS}?from=100&to=200")
    scale = "(one) => [one.chart.scales.x.min, one.chart.scales.x.max, one.chart.scales.y.min]"
    chart = page.locator("metric-chart").first
    told = json.loads(page.locator("metric-chart script").first.text_content())
    low, high, floor = chart.evaluate(scale)
    assert ([low, high], floor) == ([100, 200], told["y"]["range"][0])


def test_the_best_point_and_the_checkpoints_lie_on_the_plot(page):
    plot = page.locator("metric-chart .u-over").first.bounding_box()
    best = page.locator("metric-chart circle.best").first.bounding_box()
    middle = best["x"] + best["width"] / 2
    assert middle == pytest.approx(plot["x"] + plot["width"] / 2, abs=2)
    assert plot["y"] < best["y"] < plot["y"] + plot["height"]
    tick = page.locator("metric-chart line.mark").first.bounding_box()
    assert tick["x"] == pytest.approx(plot["x"] + plot["width"] / 2, abs=2)


def test_pointing_at_one_panel_shows_the_values_of_all_at_that_step(page):
    page.locator("metric-chart").first.scroll_into_view_if_needed()
    page.locator(".u-over").first.hover(position={"x": 100, "y": 60})
    here = [one.inner_text() for one in page.locator("[data-x]").all()]
    assert here[0] == here[1] != ""
    values = page.locator("metric-chart").nth(1).locator("output[data-value]").all_inner_texts()
    assert "–" not in values


def test_lines_are_chosen_in_the_form(page):
    open_form(page)
    page.get_by_text("Choose lines").click()
    page.get_by_role("checkbox", name="Validation loss").uncheck()
    expect(page).to_have_url(re.compile("series=train_loss&series=train_accuracy"))
    expect(page.locator("metric-chart").first.locator(".legend")).not_to_contain_text("Validation")
    page.get_by_role("link", name="Reset view").click()
    expect(page).to_have_url(re.compile(f"{ADDRESS}$"))
    expect(page.locator("metric-chart").first.locator(".legend")).to_contain_text("Validation")


def test_without_any_line_all_are_shown_and_ticked(page):
    page.goto(f"{ADDRESS}?series=train_loss")
    page.get_by_role("checkbox", name="Training loss").uncheck()
    expect(page).to_have_url(re.compile(f"{ADDRESS}$"))
    expect(page.locator("metric-chart").first.locator(".legend")).to_contain_text("Validation")
    for box in page.locator("[name=series]").all():
        expect(box).to_be_checked()


def test_another_axis_drops_the_range_of_the_old_one(page):
    drag(page, 0.4, 0.5)
    expect(page).to_have_url(re.compile("from="))
    open_form(page)
    page.get_by_label("x axis").select_option("tokens")
    expect(page).to_have_url(re.compile(r"\?x=tokens$"))
    expect(page.get_by_role("spinbutton", name="From token")).to_have_value("")
    expect(page.locator(".view-form")).to_contain_text("estimate")


def test_a_settled_job_is_asked_for_only_when_the_view_changes(visit, url, cookie):
    page = visit(url, cookie)
    stop_the_clock(page)
    page.goto(ADDRESS)
    assert requests_during(page, 60_000) == []


@pytest.mark.parametrize(
    "query", ["?smooth=0.9&y=log", "?from=100&to=200", "?from=9999", "?x=tokens"]
)
def test_every_view_is_open_to_all(visit, url, cookie, query):
    page = visit(url, cookie)
    page.goto(f"{ADDRESS}{query}")
    assert faults(page, query) == []


def test_without_scripts_the_form_asks_and_the_server_draws(visit, url, cookie):
    page = visit(url, cookie, java_script_enabled=False)
    page.goto(ADDRESS)
    open_form(page)
    page.get_by_role("spinbutton", name="From step").fill("100")
    page.get_by_role("spinbutton", name="To step").fill("200")
    page.get_by_label("y axis of losses").select_option("log")
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile(r"y=log.*from=100&to=200.*#metrics$"))
    expect(page.locator("#metric-loss-sentence")).to_contain_text("From step 100 to step 200")
    page.locator("metric-chart").first.get_by_text("Show as table").click()
    expect(page.locator("metric-chart").first.locator("tbody tr")).to_have_count(101)
    page.get_by_role("link", name="Reset zoom of Loss").click()
    expect(page.locator("#metric-loss-sentence")).to_contain_text("over 3\u2009000 steps")


def test_without_scripts_the_best_point_lies_on_its_line_and_above_the_labels(visit, url, cookie):
    page = visit(url, cookie, java_script_enabled=False)
    page.goto(ADDRESS)
    chart = page.locator("metric-chart").first
    best, label = (
        chart.locator(one).bounding_box() for one in ("circle.best", ".plot > svg > text >> nth=0")
    )
    # The validation loss has its minimum in the middle, and nothing lower is drawn but training.
    path = chart.locator("path.line-2").last.bounding_box()
    assert best["y"] + best["height"] / 2 == pytest.approx(path["y"] + path["height"], abs=2)
    assert best["y"] + best["height"] < label["y"]


def test_the_file_of_a_panel_is_its_table(page):
    with page.expect_download() as starting:
        page.get_by_role("link", name="CSV of Loss").click()
    lines = starting.value.path().read_text().splitlines()
    assert lines[0] == '"Step","Training loss","Validation loss"'
    assert len(lines) == 1 + page.locator("metric-chart").first.locator("tbody tr").count()


def test_on_paper_the_server_s_drawing_is_seen(page):
    drawing, canvas = page.locator(".plot > [role=img]").first, page.locator(".over").first
    assert drawing.evaluate("(one) => getComputedStyle(one).opacity") == "0"
    page.emulate_media(media="print")
    assert drawing.evaluate("(one) => getComputedStyle(one).opacity") == "1"
    expect(canvas).to_be_hidden()


def test_a_live_page_keeps_its_zoom_and_grows_in_place(url, visit):
    provider = ProviderDouble()
    lab = Lab(provider, url)
    lab.serves("ftjob-a", "running", events=steps(6))
    page = visit(url, lab.cookie)
    stop_the_clock(page)
    page.goto(ADDRESS)
    open_form(page)
    page.get_by_role("spinbutton", name="From step").fill("2")
    page.get_by_role("spinbutton", name="From step").press("Enter")
    expect(page.locator("#metric-loss-sentence")).to_contain_text("From step 2 on")
    page.locator("canvas").first.evaluate("(one) => one.setAttribute('data-mark', 'kept')")
    page.locator("h1").click()
    lab.serves("ftjob-a", "running", events=steps(9))
    assert tick(page) == [200]
    expect(page.locator("metric-chart tbody tr")).to_have_count(8)
    assert steps_of(page) == [float(step) for step in range(2, 10)]
    expect(page.locator("canvas[data-mark=kept]")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?from=2$"))
    provider.close()
