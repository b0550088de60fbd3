"""Curves as a browser draws them: uPlot over the server's drawing, with the same points in a table."""

import json

import pytest
from playwright.sync_api import Locator, expect

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

# How many pixels of the canvas have the colour of the first line's sample in the legend.
INKED = """(chart) => {
    const wanted = getComputedStyle(chart.querySelector(".legend path")).stroke.match(/\\d+/g).map(Number);
    const canvas = chart.querySelector("canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4)
        count += data[i + 3] > 200 && wanted.every((part, n) => Math.abs(data[i + n] - part) < 8);
    return { count, colour: wanted.join() };
}"""


@pytest.fixture
def page(visit, street):
    page = visit(street.url, street.homes["busy"].cookie, color_scheme="light")
    page.goto(street.homes["busy"].jobs["succeeded"])
    return page


@pytest.fixture
def chart(page):
    return page.locator("metric-chart").first


def payload(chart: Locator) -> list[dict]:
    return json.loads(chart.locator("script").text_content())["series"]


def opacity(chart: Locator) -> str:
    return chart.locator(".plot > [role=img]").evaluate("(one) => getComputedStyle(one).opacity")


def test_the_canvas_lies_over_the_drawing_at_its_size(chart):
    expect(chart.locator("canvas")).to_be_visible()
    canvas, drawing = (
        chart.locator("canvas").bounding_box(),
        chart.locator(".plot > [role=img]").bounding_box(),
    )
    assert canvas == pytest.approx(drawing, abs=2)
    assert opacity(chart) == "0"


def test_the_table_has_the_points_of_the_curve(chart):
    chart.get_by_text("Show as table").click()
    rows, series = chart.locator("tbody tr"), payload(chart)
    assert rows.count() == len({step for one in series for step in one["steps"]})
    for number, one in enumerate(series):
        cells = chart.locator(f"tbody td:nth-child({number + 2})").all_inner_texts()
        given = [value for value in one["values"] if value is not None]
        assert len([cell for cell in cells if cell != "–"]) == len(given) > 0


def test_the_lines_have_the_colours_of_the_theme(page, chart):
    expect(chart.locator("canvas")).to_be_visible()
    light = chart.evaluate(INKED)
    page.emulate_media(color_scheme="dark")
    dark = chart.evaluate(INKED)
    assert light["count"] > 50
    assert dark["count"] > 50
    assert light["colour"] != dark["colour"]


def test_the_key_t_changes_the_theme_of_the_lines(visit, street):
    page = visit(street.url, street.homes["busy"].guest)
    page.goto(street.homes["busy"].jobs["succeeded"])
    chart = page.locator("metric-chart").first
    expect(chart.locator("canvas")).to_be_visible()
    before = chart.evaluate(INKED)
    with page.expect_response("**/theme/"):
        page.keyboard.press("t")
    after = chart.evaluate(INKED)
    assert after["count"] > 50
    assert before["colour"] != after["colour"]


def test_a_chart_that_cannot_be_built_leaves_the_drawing(visit, street):
    page = visit(street.url, street.homes["busy"].cookie)
    page.route("**/uPlot*.js", lambda route: route.fulfill(status=200, body=""))
    page.goto(street.homes["busy"].jobs["succeeded"])
    chart = page.locator("metric-chart").first
    expect(chart.locator("canvas")).to_have_count(0)
    expect(chart.locator(".plot > [role=img]")).to_be_visible()
    assert opacity(chart) == "1"


def test_pointing_at_the_curve_shows_the_value_there(page, chart):
    last = chart.locator("output").first.inner_text()
    chart.locator(".u-over").hover(position={"x": 5, "y": 40})
    expect(chart.locator("output").first).not_to_have_text(last)


def test_a_reinforcement_job_shows_rewards_and_no_empty_panel(page, street):
    page.goto(street.homes["busy"].jobs["reinforcement"])
    titles = page.locator("metric-chart figcaption strong").all_inner_texts()
    assert any("reward" in title.lower() for title in titles)
    for chart in page.locator("metric-chart").all():
        assert payload(chart)
        assert all(one["steps"] for one in payload(chart))
