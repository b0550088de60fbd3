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


def test_the_list_with_ticks_and_open_folds_is_open_to_all(visit, street):
    page = visit(street.url, street.homes["busy"].cookie)
    page.goto("/jobs/")
    page.locator("form#ticked input").first.check()
    for fold in page.locator("main summary").all():
        fold.click()
    assert "\n".join(faults(page, "/jobs/")) == ""


def test_two_jobs_are_ticked_and_downloaded_without_scripts(visit, street):
    page = visit(street.url, street.homes["busy"].cookie, java_script_enabled=False)
    page.goto("/jobs/")
    page.locator("summary", has_text="Export").click()
    expect(page.get_by_text("Without a tick it is all jobs of this list")).to_be_visible()
    table = page.get_by_role("table", name="Jobs", exact=True)
    for box in table.get_by_role("checkbox").all()[:2]:
        box.check()
    expect(page.get_by_text("The ticked jobs are exported.")).to_be_visible()
    with page.expect_download() as starting:
        page.get_by_role("button", name="ZIP").click()
    assert re.fullmatch(r"tunebell-jobs-[0-9-]+\.zip", starting.value.suggested_filename)
    assert len(folders(starting.value.path())) == 2


def test_all_of_the_list_means_all_whatever_is_ticked_besides(visit, street):
    page = visit(street.url, street.homes["busy"].cookie, java_script_enabled=False)
    page.goto("/jobs/?state=failed&sort=name")
    boxes = page.get_by_role("table", name="Jobs", exact=True).get_by_role("checkbox")
    boxes.first.check()
    page.get_by_label("All of this list").check()
    page.locator("summary", has_text="Export").click()
    expect(page.get_by_text("All jobs of this list are exported")).to_be_visible()
    expect(page.get_by_text("The ticked jobs are exported.")).to_be_hidden()
    with page.expect_download() as starting:
        page.get_by_role("button", name="ZIP").click()
    assert len(folders(starting.value.path())) == boxes.count() > 1
    page.get_by_role("button", name="Compare").click()
    page.wait_for_url("**/compare/?jobs=**")
    assert len(page.url.split("jobs=")[1].split(",")) == page.locator(".pick").count() > 1


def test_c_compares_all_of_the_list(visit, street):
    page = visit(street.url, street.homes["busy"].cookie)
    page.goto("/jobs/?state=failed")
    page.get_by_label("All of this list").check()
    page.keyboard.press("c")
    page.wait_for_url("**/compare/?jobs=**")
