"""Exporting from the list of jobs, as a person does it."""

import re
import zipfile

import pytest
from playwright.sync_api import expect

from tests.browser.watching import faults

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


def folders(path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name.split("/")[2] for name in archive.namelist() if name.startswith("jobs/")}


def test_the_list_with_its_boxes_is_open_to_all(visit, street):
    page = visit(street.url, street.homes["busy"].cookie)
    page.goto("/jobs/?export=1")
    page.locator(".picking input").first.check()
    assert faults(page, "/jobs/?export=1") == []


def test_two_jobs_are_ticked_and_downloaded_without_scripts(visit, street):
    page = visit(street.url, street.homes["busy"].cookie, java_script_enabled=False)
    page.goto("/jobs/")
    page.get_by_role("link", name="Export").click()
    expect(page.get_by_text("Without a tick it is all jobs of this list")).to_be_visible()
    table = page.get_by_role("table", name="Jobs", exact=True)
    for box in table.get_by_role("checkbox").all()[:2]:
        box.check()
    expect(page.get_by_text("The ticked jobs are exported.")).to_be_visible()
    with page.expect_download() as starting:
        page.get_by_role("button", name="ZIP").click()
    assert re.fullmatch(r"tunebell-jobs-[0-9-]+\.zip", starting.value.suggested_filename)
    assert len(folders(starting.value.path())) == 2
    page.get_by_role("link", name="Done").click()
    expect(page.locator(".jobs input")).to_have_count(0)


def test_ticks_stay_through_a_refresh(visit, street):
    page = visit(street.url, street.homes["busy"].cookie)
    page.goto("/jobs/?export=1")
    page.locator(".picking input").nth(1).check()
    page.locator("#q").focus()  # a refresh waits while the focus is in the rows
    region = page.locator("#jobs")
    region.evaluate("(one) => one.setAttribute('hx-ptag', 'old')")
    with page.expect_response(lambda answer: "export=1" in answer.url, timeout=15_000):
        pass
    expect(page.locator(".picking :checked")).to_have_count(1)
