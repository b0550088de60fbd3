"""/jobs/ of many jobs: what it costs, weighs and counts."""

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Role
from dashboard import columns
from dashboard.queries import state_counts
from jobs.models import Connection, Job
from jobs.record import touch_team
from tests.builders import (
    a_connection,
    a_job,
    a_member,
)
from tests.dashboard.job_lists import a_failure, names

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(viewer) -> Client:
    return viewer


def fill(lab: Connection, count: int) -> None:
    for number in range(count):
        a_job(
            lab,
            state=("failed", "running", "succeeded", "succeeded", "cancelled")[number % 5],
            error_code="invalid_training_file",
            error_message="Example 6174 message contains an invalid token. " * 5,
            curve=[3 - step / 20 for step in range(48)],
            headline_value=0.4123,
            headline_metric="valid_loss",
            step=number,
            total_steps=100,
            training_file="file-abcdefghijklmnop",
            changed_at=timezone.now(),
            ended_at=timezone.now(),
        )


# One less than the page may cost: the tabs of saved views need one.
@pytest.mark.parametrize(
    "query",
    [
        "",
        "state=failed&stuck=1",
        "q=bot&sort=loss&limit=20",
        "q=nothing-has-this-word",
        "q=file&state=paused&from=2020-01-01",
        "tag=prod&method=dpo&error=x&connection=lab&model=gpt&archived=1",
    ],
)
def test_queries_stay_at_nine_whatever_is_asked_and_found(client, lab, query) -> None:
    counts = []
    for more in (2, 30):
        fill(lab, more)
        page = client.get(f"/jobs/?{query}").context["page"]
        with CaptureQueriesContext(database) as queries:
            client.get(f"/jobs/?{query}&after={page.next_after}")
        counts.append(len(queries))
    assert max(counts) <= 9
    assert counts[0] == counts[1] or not page.rows


def test_connections_in_trouble_cost_no_query_each(client, lab) -> None:
    fill(lab, 3)
    counts = []
    for _ in range(2):
        for _ in range(3):
            a_connection(lab.team, health="rejected", health_reason="401", is_paused=False)
        with CaptureQueriesContext(database) as queries:
            client.get("/jobs/?q=bot")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_no_query_of_the_list_takes_a_job_by_its_number(client, lab) -> None:
    fill(lab, 3)
    with CaptureQueriesContext(database) as queries:
        client.get("/jobs/?cols=" + ",".join(column.name for column in columns.CHOICES))
    assert not [one["sql"] for one in queries if '"jobs_job"."id" = ' in one["sql"]]


def test_fifty_rows_below_ten_pinned_ones_are_at_most_sixty_kilobytes(team, lab) -> None:
    client = Client()
    client.force_login(a_member(team, Role.ADMIN))
    fill(lab, 60)
    Job.objects.update(cost_usd=3.2, trained_tokens=1_204_331)
    for _ in range(5):
        a_failure(lab, timedelta(hours=1), error_code="server_error", error_message="x" * 200)
        a_job(lab, flags="stuck", stuck_since=timezone.now(), step=7, total_steps=100)
    response = client.get("/jobs/")
    assert (len(names(response)), len(response.context["page"].strip)) == (50, 10)
    assert len(response.content) <= 60_000


def test_more_jobs_of_a_state_than_are_counted_are_said_to_be_more(
    client, lab, monkeypatch
) -> None:
    monkeypatch.setattr(state_counts, "MOST_COUNTED", 2)
    for _ in range(4):
        a_job(lab, state="running")
    a_job(lab, state="failed")
    page = client.get("/jobs/").context["page"]
    assert [one.shown for one in page.counts] == ["2+", "1"]
    assert page.total == "3+"


def test_many_jobs_are_counted_anew_when_one_of_them_changes_and_not_before(
    client, lab, monkeypatch
) -> None:
    monkeypatch.setattr(state_counts, "WORTH", 1)
    a_job(lab, state="running")
    texts = []
    for is_changed in (False, False, True):
        if is_changed:
            a_job(lab, state="running")
            touch_team(lab.team_id)
        with CaptureQueriesContext(database) as asked:
            page = client.get("/jobs/").context["page"]
        is_counted = any("UNION ALL SELECT 'queued', COUNT" in one["sql"] for one in asked)
        texts.append((page.total, is_counted))
    assert texts == [("1", True), ("1", False), ("2", True)]
