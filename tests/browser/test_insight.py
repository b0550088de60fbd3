"""From many jobs to a decision: what fails and why, what was best, and which model ends when."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from jobs.models import BaseModel
from tests.browser.homes import cookie_of
from tests.browser.watching import faults
from tests.builders import a_connection, a_job, a_member, a_team, a_transition

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def lab(url):
    return a_connection(a_team(), slug="lab", name="Lab")


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def page(url, visit, lab, request):
    return visit(url, cookie_of(a_member(lab.team)), java_script_enabled=request.param)


def ended(lab, state, **facts):
    yesterday = timezone.now() - timedelta(days=1)
    return a_job(lab, state=state, created_at=yesterday, ended_at=yesterday, **facts)


def trained(lab, name, epochs, loss):
    return ended(
        lab, "succeeded", suffix=name, base_model="gpt-x", fine_tuned_model=f"ft:gpt-x:{name}",
        best_valid_loss=loss, hyperparameters={"n_epochs": epochs},
    )  # fmt: skip


def test_a_failure_group_is_read_and_followed_to_its_jobs(page, lab):
    for name in ("returns-v1", "returns-v2"):
        ended(
            lab,
            "failed",
            suffix=name,
            error_code="invalid_training_file",
            error_message="Line 6174 is bad.",
        )
    trained(lab, "good", 3, 0.5)
    page.goto("/jobs/")
    page.get_by_role("link", name="Insight").click()
    expect(page.locator(".verdict")).to_contain_text("2 of 3 jobs failed (67 %)")
    group = page.get_by_role("listitem").filter(has_text="invalid_training_file").first
    expect(group).to_contain_text("Fix the example that the message names")
    group.get_by_role("link", name="Jobs that failed with").click()
    expect(page).to_have_url(re.compile("state=failed&error=invalid_training_file"))
    rows = page.get_by_role("table", name="Jobs", exact=True).locator(".name")
    expect(rows).to_have_text([re.compile("returns-v"), re.compile("returns-v")])


def test_the_best_value_seen_leads_to_its_job_from_the_table_twin(page, lab):
    for name, epochs, loss in (("one", 1, 0.9), ("three", 3, 0.4), ("five", 5, 0.6)):
        trained(lab, name, epochs, loss)
    page.goto("/insight/")
    plot = page.get_by_role("group", name="Best validation loss by n_epochs")
    expect(plot).to_contain_text(
        "Lowest validation loss seen on gpt-x: 0.4 at n_epochs 3 (3 jobs)."
    )
    plot.get_by_text("Show as table").click()
    expect(plot.get_by_role("link")).to_have_text(["three", "five", "one"])
    plot.get_by_role("link", name="three").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("three")


def test_a_model_that_retires_is_found_first_and_nobody_is_told_yet(page, lab):
    soon = timezone.now().date() + timedelta(days=12)
    BaseModel.objects.create(
        connection=lab, name="gpt-x", shutdown_on=soon, first_seen_at=timezone.now()
    )
    a_job(lab, state="succeeded", base_model="other", fine_tuned_model="ft:other:keeps")
    trained(lab, "ends", 3, 0.5)
    page.goto("/models/")
    expect(page.locator(".verdict")).to_contain_text("gpt-x first, in 12 d")
    first = page.get_by_role("region", name="Models", exact=True).get_by_role("row").nth(1)
    expect(first).to_contain_text("ft:gpt-x:ends")
    expect(first).to_contain_text("Retires in 12 d")
    page.get_by_role("link", name=re.compile("^Not announced")).click()
    expect(first).to_contain_text("ft:other:keeps")
    page.get_by_role("link", name="Add a rule").click()
    expect(page).to_have_url(re.compile(r"/alerts/rules/add/\?when=retiring$"))


def test_a_full_page_of_plots_is_open_to_all(url, visit, lab):
    """Boxes and single stays, several base models, dots that are links."""
    for number in range(12):
        job = trained(lab, f"v{number}", 1 + number % 4, 0.3 + number / 10)
        a_transition(job, from_state="queued", stayed_s=60 + number, base_model="gpt-x")
        a_transition(job, from_state="running", stayed_s=9.0**number, base_model="gpt-x")
    for number in range(2):
        job = ended(lab, "failed", base_model=f"base-{number}", error_message="Why?")
        a_transition(job, from_state="queued", stayed_s=7, base_model=f"base-{number}")
    page = visit(url, cookie_of(a_member(lab.team)))
    for path in ("/insight/", "/models/"):
        page.goto(path)
        for fold in page.locator("details.fold:not(.if-narrow) > summary").all():
            fold.click()
        assert faults(page, path) == []
