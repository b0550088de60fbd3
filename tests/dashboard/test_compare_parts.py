"""/compare/ on what is known in part: a training seen late, a job under way, what nobody knows."""

import pytest
from django.test import Client
from django.utils import timezone

from jobs.models import Job
from tests.builders import a_connection, a_job, a_member, a_transition
from tests.dashboard.test_compare_page import address, page_of, row, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def lab():
    return a_connection(slug="lab", name="Lab")


@pytest.fixture
def client(lab):
    client = Client()
    client.force_login(a_member(lab.team))
    return client


def test_a_job_that_was_first_seen_at_work_trained_at_least_as_long_as_we_saw(client, lab):
    whole, late, still = some_jobs(lab, 3)
    for job in (late, still):
        a_transition(job, from_state="", to_state="running")
    for job in (whole, late):
        a_transition(job, from_state="running", to_state="succeeded", stayed_s=77)
    since = {"state_since": timezone.now(), "is_since_exact": True}
    Job.objects.filter(pk=still.pk).update(state="running", **since)
    cells = row(page_of(client, whole, late, still), "trained_s").cells
    assert [cell.note for cell in cells] == ["", "at least", "at least so far"]
    assert [cell.text for cell in cells[:2]] == ["1:17", "1:17"]


def test_a_job_under_way_costs_what_its_own_page_projects(client, lab):
    used = {"base_model": "gpt-4o-mini-2024-07-18", "trained_tokens": 500_000}
    half = a_job(lab, state="running", **used, step=25, total_steps=100)
    blind = a_job(lab, state="running", **used)
    cells = row(page_of(client, half, blind), "cost_estimate_usd").cells
    assert [(cell.text, cell.note) for cell in cells] == [
        ("$6.00", "projected"),
        ("$1.50", "so far"),
    ]
    figures = client.get(f"/jobs/lab/{half.provider_id}/").context["page"].figures
    assert [one.value for one in figures if one.label.startswith("Cost")] == ["$6.00"]


def test_a_dash_names_who_it_is_that_does_not_know(client, lab):
    page = page_of(client, a_job(lab, tags=" prod "), a_job(lab))
    absent = {name: row(page, name).absent for name in ("waited_s", "cost_estimate_usd", "tags")}
    assert absent == {
        "waited_s": "Not seen from here, from its beginning to its end",
        "cost_estimate_usd": "No estimate; the page of the job says why",
        "tags": "It has no tags",
    }
    body = client.get(address(*some_jobs(lab, 2), view="table")).content.decode()
    assert 'title="No estimate; the page of the job says why"' in body
