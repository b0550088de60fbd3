"""/welcome/: from an empty installation to somebody who is told, each step done, next or open."""

import re

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from alerts.models import Channel, Rule
from alerts.setup import has_listener
from jobs.models import Backfill, Connection, Job
from tests.builders import NOON, a_channel, a_connection, a_job, a_member, a_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    return a_team()


@pytest.fixture
def admin(team, client):
    client.force_login(a_member(team, password="a long enough phrase"))
    return client


def states(answer) -> list[str]:
    """The word of each step, in their order."""
    html = answer.content.decode()
    return [
        word.strip() for word in re.findall(r"</h2><span class=\"status[^>]*>.*?</svg>(\w+)", html)
    ]


def test_a_new_team_is_led_to_its_first_open_step(admin):
    assert states(admin.get("/welcome/")) == ["Done", "Next", "Open", "Open"]


def test_without_a_password_the_account_comes_first(team, client):
    client.force_login(a_member(team))
    assert states(client.get("/welcome/"))[:2] == ["Next", "Open"]


def test_the_demo_is_no_connection_of_ours(admin, team):
    a_connection(team, origin=Connection.Origin.DEMO)
    answer = admin.get("/welcome/")
    assert states(answer)[1] == "Next"
    assert "Until then the demo shows simulated jobs" in answer.content.decode()


def test_a_connection_that_cannot_be_read_is_not_done_and_can_be_changed(admin, team):
    row = a_connection(
        team, health="rejected", health_reason="401: the key was rejected", slug="eu"
    )
    answer = admin.get("/welcome/").content.decode()
    assert "401: the key was rejected" in answer
    assert f"{reverse('connection-edit', args=[row.slug])}?from=welcome" in answer


def test_the_archive_is_offered_while_finished_jobs_are_not_kept(admin, team):
    line = a_connection(team, health="ok", last_good_at=NOON)
    a_job(line, state="succeeded", settled_at=None)
    assert states(admin.get("/welcome/")) == ["Done", "Done", "Next", "Open"]
    answer = admin.post(f"/connections/{line.slug}/backfill/start/?from=welcome")
    assert answer.url == "/welcome/"
    assert Backfill.objects.get(connection=line).state == Backfill.State.RUNNING
    assert states(admin.get("/welcome/"))[2] == "Done"


def test_where_everything_is_kept_no_archive_is_needed(admin, team):
    line = a_connection(team, health="ok", last_good_at=NOON)
    a_job(line, state="failed", settled_at=NOON)
    answer = admin.get("/welcome/")
    assert states(answer)[2] == "Done"
    assert "1 of 1 finished job kept in full" in answer.content.decode()


def test_one_press_makes_a_rule_for_every_ending(admin, team):
    channel = a_channel(team)
    assert states(admin.get("/welcome/"))[3] == "Open"
    assert admin.post("/welcome/ring/").url == "/welcome/"
    rule = Rule.objects.get(team=team)
    assert {*rule.states} == {"succeeded", "failed", "cancelled", "stuck"}
    assert list(rule.channels.all()) == [channel]
    assert states(admin.get("/welcome/"))[3] == "Done"
    assert AuditEntry.objects.filter(team=team, action="rule added").exists()


def test_a_second_press_makes_no_second_rule(admin, team):
    a_channel(team)
    admin.post("/welcome/ring/")
    admin.post("/welcome/ring/")
    assert Rule.objects.filter(team=team).count() == 1


def test_without_a_channel_that_is_on_no_rule_is_made(admin, team):
    a_channel(team, is_enabled=False)
    answer = admin.post("/welcome/ring/", follow=True)
    assert "Add a channel first" in answer.content.decode()
    assert not has_listener(team)


def test_the_mail_to_admins_is_not_taken_for_a_channel(admin, team):
    a_channel(team, origin=Channel.Origin.ADMINS)
    assert "Where shall it ring?" in admin.get("/welcome/").content.decode()


def test_a_password_set_from_here_leads_back(team, client):
    client.force_login(a_member(team))
    answer = client.post("/team/password/?from=welcome", {"new": "a long enough phrase"})
    assert answer.url == "/welcome/"


def test_a_rule_chosen_from_here_leads_back(admin, team):
    channel = a_channel(team)
    assert "/alerts/rules/add/?from=welcome" in admin.get("/welcome/").content.decode()
    facts = {"states": ["failed"], "channels": [channel.public_id]}
    assert admin.post("/alerts/rules/add/?from=welcome", facts).url == "/welcome/"


def test_only_the_name_of_the_page_leads_back(team, client):
    client.force_login(a_member(team))
    path = "/team/password/?from=//evil.example"
    assert client.post(path, {"new": "a long enough phrase"}).url == "/team/"


def test_the_page_refreshes_while_something_moves_and_rests_otherwise(admin, team):
    assert "hx-trigger" not in admin.get("/welcome/").content.decode()
    a_connection(team, last_good_at=None)
    assert "hx-trigger" in admin.get("/welcome/").content.decode()


def test_the_page_refreshes_until_what_ended_is_kept(admin, team):
    line = a_connection(team, health="ok", last_good_at=NOON)
    job = a_job(line, state="succeeded", settled_at=None)
    assert "hx-trigger" in admin.get("/welcome/").content.decode()
    Job.objects.filter(pk=job.pk).update(settled_at=NOON)
    assert "hx-trigger" not in admin.get("/welcome/").content.decode()


def test_a_quiet_refresh_is_a_304(admin, team):
    a_connection(team, last_good_at=None)
    tag = admin.get("/welcome/").headers["HX-PTag"]
    answer = admin.get("/welcome/", headers={"HX-Request": "true", "HX-PTag": tag})
    assert answer.status_code == 304


def test_at_the_end_the_jobs_are_one_press_away(admin, team):
    line = a_connection(team, health="ok", last_good_at=NOON)
    a_job(line, state="succeeded", settled_at=NOON)
    a_job(line, state="running")
    a_channel(team)
    admin.post("/welcome/ring/")
    answer = admin.get("/welcome/").content.decode()
    assert "All set." in answer
    assert "2 jobs found, 1 of them active." in answer


def test_the_list_of_a_demo_leads_an_admin_to_the_first_steps(admin, team):
    a_connection(team, origin=Connection.Origin.DEMO)
    assert "These jobs are simulated" in admin.get("/jobs/").content.decode()
    a_connection(team)
    assert "These jobs are simulated" not in admin.get("/jobs/").content.decode()


def test_before_its_first_answer_no_history_is_called_kept(admin, team):
    row = a_connection(team)
    answer = admin.get("/welcome/")
    assert states(answer) == ["Done", "Done", "Next", "Open"]
    assert "not read yet" in answer.content.decode()
    Connection.objects.filter(pk=row.pk).update(last_good_at=NOON, health="ok")
    assert states(admin.get("/welcome/"))[2] == "Done"
    assert "no finished job" in admin.get("/welcome/").content.decode()


def test_no_archive_is_offered_of_what_cannot_be_read(admin, team):
    a_connection(team, health="rejected", health_reason="401: the key was rejected")
    assert "Archive everything" not in admin.get("/welcome/").content.decode()
