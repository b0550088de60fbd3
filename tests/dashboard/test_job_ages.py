"""The page of a job says how old each part of it is, what it was restarted from, and until when its model lives."""

from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Role
from dashboard.queries.ages import ages
from dashboard.queries.relatives import retirement
from jobs.models import BaseModel, Connection, Job
from tests.builders import NOON, a_connection, a_job, a_member, a_team

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def team():
    return a_team()


@pytest.fixture
def lab(team):
    return a_connection(team, slug="lab", name="Lab", poll_interval_s=60, health="ok")


@pytest.fixture
def client(team):
    client = Client()
    client.force_login(a_member(team, Role.VIEWER))
    return client


def ages_of(job, now=NOON):
    return ages(job, now, last_point_at=None, last_file_at=None)


def shown(client, job, **headers):
    return client.get(f"/jobs/lab/{job.provider_id}/", headers=headers)


def words_of(response):
    return " ".join(response.content.decode().split())


def test_events_and_checkpoints_carry_the_time_they_were_really_read(provider, poll):
    a_connection(base_url=provider.url)
    provider.serves(status="running")
    poll()
    job = Job.objects.get()
    assert job.events_read_at == job.checkpoints_read_at == job.retrieved_at


def test_what_is_refused_was_not_read(provider, poll):
    a_connection(base_url=provider.url)
    provider.serves(status="running")
    provider.breaks("status", match="*/events", status=403)
    poll()
    job = Job.objects.get()
    assert (job.events_read_at, bool(job.checkpoints_read_at)) == (None, True)


@pytest.mark.parametrize(("minutes", "is_stale"), [(3, False), (4, True)])
def test_a_look_older_than_three_intervals_is_stale(lab, minutes, is_stale):
    job = a_job(lab, last_seen_at=NOON - minutes * MINUTE)
    assert ages_of(job).job.is_stale == is_stale


def test_what_is_over_does_not_go_stale(lab):
    job = a_job(lab, state="succeeded", last_seen_at=NOON - timedelta(days=90))
    assert not ages_of(job).job.is_stale


def test_events_of_a_running_job_go_stale_by_themselves(lab):
    job = a_job(lab, retrieved_at=NOON, events_read_at=NOON - 9 * MINUTE)
    assert (ages_of(job).job.is_stale, ages_of(job).events.is_stale) == (False, True)


def test_events_of_a_waiting_job_do_not_for_nobody_asks(lab):
    job = a_job(lab, state="queued", retrieved_at=NOON, events_read_at=NOON - 9 * MINUTE)
    assert not ages_of(job).events.is_stale


def test_where_there_is_no_list_a_job_goes_stale_by_its_own_rhythm(team):
    bare = a_connection(team, dialect="generic", poll_interval_s=60)
    bare.refused = {"list": {"said": "none", "since": NOON.isoformat()}}
    job = a_job(bare, state="paused", changed_at=NOON - timedelta(hours=9))
    job.last_seen_at = job.retrieved_at = NOON - 8 * MINUTE
    assert not ages_of(job).job.is_stale
    job.last_seen_at = job.retrieved_at = NOON - 60 * MINUTE
    assert ages_of(job).job.is_stale


def test_each_part_of_the_page_says_when_it_was_read(client, lab):
    now = timezone.now()
    job = a_job(
        lab,
        last_seen_at=now,
        events_read_at=now - 2 * MINUTE,
        checkpoints_read_at=now - 7 * MINUTE,
    )
    page = words_of(shown(client, job))
    assert f'As of <time-ago><time datetime="{job.events_read_at:%Y-%m-%dT%H:%M:%SZ}"' in page
    assert "7 min ago</time></time-ago>, stale" in page


def test_a_connection_in_trouble_is_said_with_both_times(client, lab):
    now = timezone.now()
    job = a_job(lab, last_seen_at=now - 14 * MINUTE)
    Connection.objects.update(health="unreachable", health_since=now - 12 * MINUTE)
    page = words_of(shown(client, job))
    assert "<bdi>Lab</bdi>: unreachable since <time-ago>" in page
    assert "12 min ago" in page
    assert "What follows is as last seen, <time-ago>" in page


def test_an_open_page_learns_of_the_trouble_though_the_job_stands_still(client, lab):
    job = a_job(lab, last_seen_at=timezone.now())
    tag = shown(client, job).headers["HX-PTag"]
    fragment = {"HX-Request": "true", "HX-PTag": tag}
    assert shown(client, job, **fragment).status_code == 304
    Connection.objects.update(health="unreachable")
    assert shown(client, job, **fragment).status_code == 200


def test_a_restarted_job_links_both_ways(client, lab):
    old = a_job(lab, provider_id="ft-0001", suffix="first-try", state="cancelled")
    new = a_job(lab, provider_id="ft-0002", suffix="second-try", restarted_from="ft-0001")
    assert 'Restarted from <a href="/jobs/lab/ft-0001/">first-try</a>' in words_of(
        shown(client, new)
    )
    assert 'Restarted as <a href="/jobs/lab/ft-0002/">second-try</a>' in words_of(
        shown(client, old)
    )


def test_the_job_before_may_be_unknown_here_or_on_another_connection(client, team, lab):
    a_job(a_connection(team), provider_id="ft-0001", suffix="a-namesake")
    page = words_of(shown(client, a_job(lab, restarted_from="ft-0001")))
    assert '<span class="mono">ft-0001</span> <span class="muted">(not known here)</span>' in page
    assert "a-namesake" not in page


def test_the_list_hints_at_a_restart(client, lab):
    a_job(lab, provider_id="ft-0002", restarted_from="ft-0001")
    assert "· restarted" in words_of(client.get("/jobs/"))


@pytest.mark.parametrize(
    ("on", "words"),
    [
        (date(2026, 1, 12), "in 53 days"),
        (date(2025, 11, 21), "in 1 day"),
        (date(2025, 11, 20), "today"),
        (date(2025, 11, 8), "12 days ago"),
    ],
)
def test_the_end_of_the_base_model_is_counted_in_days(lab, on, words):
    job = a_job(lab, base_model="gpt-x")
    BaseModel.objects.create(
        connection=lab, name="gpt-x", shutdown_on=on, first_seen_at=NOON, last_seen_at=NOON
    )
    assert retirement(job, NOON).words == words


def test_the_end_of_the_base_model_is_on_the_page(client, lab):
    on = timezone.now().date() + timedelta(days=53)
    seen = {"first_seen_at": NOON, "last_seen_at": NOON}
    BaseModel.objects.create(connection=lab, name="gpt-x", shutdown_on=on, **seen)
    job = a_job(lab, base_model="gpt-x", fine_tuned_model="ft:gpt-x:acme::1")
    page = words_of(shown(client, job))
    assert f'retires on <time datetime="{on}">{on}</time> (in 53 days), and the fine' in page


def test_a_model_trained_on_a_fine_tuned_one_shares_the_end_of_the_first(lab):
    seen = {"first_seen_at": NOON, "last_seen_at": NOON}
    BaseModel.objects.create(connection=lab, name="gpt-x", shutdown_on=NOON.date(), **seen)
    assert retirement(a_job(lab, base_model="ft:gpt-x:acme::9x"), NOON).model == "gpt-x"


@pytest.mark.parametrize("facts", [{}, {"name": "gpt-x-mini"}, {"name": "gpt-x"}])
def test_no_end_is_shown_where_none_is_known(client, lab, facts):
    if facts:
        BaseModel.objects.create(connection=lab, first_seen_at=NOON, last_seen_at=NOON, **facts)
    assert "retires" not in words_of(shown(client, a_job(lab, base_model="gpt-x")))
