"""Where conditions are seen: rows, chip, filter and strip of the list, notices and timeline of a job."""

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Role
from jobs.models import Job
from jobs.watch import watch
from providers.states import State
from tests.builders import a_job, a_member, a_team, a_transition
from tests.jobs.test_watch import OVERFIT, runs
from tests.jobs.waiting import HOUR, a_waiting_job, a_well_connection, some_stays

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    return a_team()


@pytest.fixture
def lab(team):
    return a_well_connection(team, slug="lab", name="Lab")


@pytest.fixture
def client(team):
    client = Client()
    client.force_login(a_member(team, Role.VIEWER))
    return client


@pytest.fixture
def stuck(lab):
    """Queued for 5 h in a team whose jobs usually wait 22 min."""
    some_stays(lab, *[22 * 60] * 14)
    job = a_waiting_job(lab, 5 * HOUR, suffix="slow-one", provider_id="ftjob-slow")
    watch()
    return job


def page_of(client, address="/jobs/"):
    return client.get(address).context["page"]


def html_of(client, address):
    return client.get(address).content.decode()


def test_a_row_has_the_flag_and_the_hourglass(client, stuck):
    html = html_of(client, "/jobs/")
    assert (
        'class="flag stuck"><svg aria-hidden="true"><use href="#shape-hourglass"/></svg>Stuck?'
        in html
    )


def test_a_loss_that_goes_wrong_has_a_flag_and_is_not_pinned(client, lab):
    a_waiting_job(lab, HOUR, **OVERFIT)
    watch()
    assert "Overfitting?" in html_of(client, "/jobs/")
    assert page_of(client).strip == ()


def test_what_is_stuck_is_pinned_and_counted(client, lab, stuck):
    page = page_of(client)
    assert [row.name for row in page.strip] == ["slow-one"]
    assert (page.stuck, page.strip_title, page.news) == (1, "Stuck", "slow-one looks stuck")
    assert page.verdict == "1 queued. 1 job looks stuck."


def test_failures_stand_above_what_is_stuck(client, lab, stuck):
    a_transition(a_job(lab, state=State.FAILED, suffix="broken", ended_at=stuck.last_seen_at))
    page = page_of(client)
    assert [row.name for row in page.strip] == ["broken", "slow-one"]
    assert page.strip_title == "Failed in the last 24 hours, or stuck"


def test_the_chip_filters_and_says_how_many(client, lab, stuck):
    a_waiting_job(lab, HOUR / 2)
    assert 'href="?stuck=1"' in html_of(client, "/jobs/")
    page = page_of(client, "/jobs/?stuck=1")
    assert [row.name for row in page.rows] == ["slow-one"]
    assert (page.asked.words, page.stuck) == ("stuck or without progress", 1)
    assert page_of(client, "/jobs/?state=running").stuck == 1
    assert page_of(client, "/jobs/?state=running&stuck=1").rows == ()


def test_the_filter_without_hits_can_be_left(client, lab):
    a_waiting_job(lab, HOUR / 2)
    html = html_of(client, "/jobs/?stuck=1&state=queued")
    assert "No job matches" in html
    assert 'href="?state=queued"' in html
    assert 'name="stuck" value="1"' in html


def test_a_list_without_stuck_jobs_has_no_chip(client, lab):
    a_waiting_job(lab, HOUR / 2)
    assert "Stuck?" not in html_of(client, "/jobs/")


def test_stuck_jobs_of_another_team_are_not_counted(client, lab):
    a_waiting_job(a_well_connection())
    watch()
    assert page_of(client).stuck == 0


def test_the_number_of_queries_stays_flat(client, lab, stuck):
    counts = []
    for _ in range(2):
        for _ in range(7):
            a_waiting_job(lab)
        watch()
        with CaptureQueriesContext(database) as asked:
            client.get("/jobs/")
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 10
    assert (page_of(client).stuck, len(page_of(client).strip)) == (15, 5)


def test_the_page_of_a_job_says_why(client, stuck):
    html = html_of(client, "/jobs/lab/ftjob-slow/")
    assert "Queued for 5 h; usual wait is 22 min (14 jobs)." in html
    assert "Wait, cancel it, or try another region or model." in html


def test_an_open_page_is_sent_again_when_a_condition_begins(client, lab):
    a_waiting_job(lab, provider_id="ftjob-slow")
    tag = client.get("/jobs/lab/ftjob-slow/", headers={"HX-Request": "true"}).headers["HX-PTag"]
    watch()
    again = {"HX-Request": "true", "HX-PTag": tag}
    assert client.get("/jobs/lab/ftjob-slow/", headers=again).status_code == 200


def test_the_timeline_lists_beginning_and_end(client, stuck):
    runs(stuck)
    watch()
    html = html_of(client, "/jobs/lab/ftjob-slow/timeline/")
    assert html.index("queued for 5 h; usual wait") < html.index("Recovered: stuck in a state")
    assert "running now, after 5 h in queued" in html
    assert page_of(client, "/jobs/lab/ftjob-slow/").doubts == ()


def test_a_reason_is_text_and_a_kind_nobody_knows_is_shown(client, stuck):
    Job.objects.filter(pk=stuck.pk).update(flags="on_fire <b>")
    html = html_of(client, "/jobs/")
    assert "On fire" in html
    assert "<b></span>" not in html
