"""/team/retention/: nothing is turned on before its dry run was seen."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, Role
from jobs import retention
from jobs.models import Event, Retention, Snapshot, Transition
from jobs.retention import Rules
from tests.builders import NOON, a_connection, a_job, a_member, a_team, a_transition

pytestmark = pytest.mark.django_db
PAGE = "/team/retention/"


@pytest.fixture
def team():
    return a_team()


@pytest.fixture
def admin(team):
    browser = Client()
    browser.force_login(a_member(team, Role.ADMIN))
    return browser


def an_old_job(team, events=3):
    ended = timezone.now() - timedelta(days=100)
    job = a_job(a_connection(team), state="succeeded", ended_at=ended, settled_at=ended)
    for number in range(4):
        Snapshot.objects.create(
            job=job, source="list", body="{}", first_seen_at=NOON + timedelta(number),
            last_seen_at=NOON, is_newest=number == 3,
        )  # fmt: skip
    Event.objects.bulk_create(
        Event(job=job, provider_id=f"e{number}", level="info") for number in range(events)
    )
    return job


def text_of(answer):
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def seal_of(answer):
    return re.search(r'name="seen" value="([^"]+)"', answer.content.decode())[1]


def test_it_is_off_until_somebody_turns_it_on(admin):
    assert "Off: everything is kept." in text_of(admin.get(PAGE))


def test_typed_days_are_shown_as_a_dry_run_before_anything_is_saved(admin, team):
    an_old_job(team)
    shown = text_of(admin.get(PAGE, {"snapshot_days": "30", "event_days": ""}))
    assert "If snapshots go 30 days after the end of a job." in shown
    assert "Snapshots 2 older than 30 days Events – kept for ever Of 1 job" in shown
    assert "Remove them now and every day" in shown
    assert not Retention.objects.exists()
    assert Snapshot.objects.count() == 4


def test_the_confirmed_dry_run_turns_it_on_and_is_logged(admin, team):
    an_old_job(team)
    seen = seal_of(admin.get(PAGE, {"snapshot_days": "30", "event_days": "90"}))
    shown = text_of(admin.post(f"{PAGE}on/", {"seen": seen}, follow=True))
    assert "On: snapshots go 30 days and events go 90 days after the end of a job." in shown
    assert retention.prune_due(budget_s=60) == 5
    entry = AuditEntry.objects.get(action="retention turned on")
    assert entry.subject == "snapshots go 30 days and events go 90 days"


def test_turned_off_it_stops(admin, team):
    an_old_job(team)
    retention.enable(team, Rules(1, 1))
    admin.post(f"{PAGE}off/")
    assert retention.prune_due() == 0
    assert AuditEntry.objects.filter(action="retention turned off").exists()


@pytest.mark.parametrize("seen", ["", "x", "WzEsMSwxXQ:made:up"])
def test_without_a_dry_run_nothing_is_turned_on(admin, seen):
    shown = text_of(admin.post(f"{PAGE}on/", {"seen": seen}, follow=True))
    assert "Nothing was turned on." in shown
    assert not Retention.objects.exists()


def test_the_dry_run_of_another_team_or_of_yesterday_does_not_count(admin, team):
    stranger = Client()
    stranger.force_login(a_member(a_team(), Role.ADMIN))
    theirs = seal_of(stranger.get(PAGE, {"event_days": "1"}))
    admin.post(f"{PAGE}on/", {"seen": theirs})
    with time_machine.travel(timezone.now() - timedelta(days=1)):
        old = seal_of(admin.get(PAGE, {"event_days": "1"}))
    admin.post(f"{PAGE}on/", {"seen": old})
    assert not Retention.objects.exists()


@pytest.mark.parametrize("days", ["0", "-1", "3651", "99999999999999999999", "soon", "1.5"])
def test_absurd_days_are_refused_beside_their_field(admin, days):
    answer = admin.get(PAGE, {"snapshot_days": days, "event_days": "30"})
    assert answer.status_code == 400
    assert "Give a whole number of days from 1 to 3650, or leave it empty." in text_of(answer)
    assert 'aria-invalid="true"' in answer.content.decode()
    assert "What would go now" not in text_of(answer)


def test_no_days_at_all_are_no_rule(admin):
    answer = admin.get(PAGE, {"snapshot_days": "", "event_days": ""})
    assert answer.status_code == 400
    assert "Give a number of days" in text_of(answer)


def test_only_admins_see_and_change_it(team):
    editor = Client()
    editor.force_login(a_member(team, Role.EDITOR))
    assert {editor.get(PAGE).status_code, editor.post(f"{PAGE}off/").status_code} == {403}


def test_other_teams_do_not_count(admin):
    an_old_job(a_team())
    assert "Turn it on, from now on every day" in text_of(admin.get(PAGE, {"event_days": "1"}))


def test_after_it_every_page_and_the_mirror_still_answer(admin, team):
    job = an_old_job(team)
    a_transition(job)
    retention.enable(team, Rules(30, 30))
    retention.prune_due(budget_s=60)
    address = f"/jobs/{job.connection.slug}/{job.provider_id}/"
    for page in ("", "events/", "timeline/", "raw/"):
        assert admin.get(address + page).status_code == 200
    assert "removed by the team's retention, 30 days after the end" in text_of(admin.get(address))
    assert "thinned out by the team's retention" in text_of(admin.get(address + "timeline/"))
    assert Transition.objects.count() == 1
    bearer = {"Authorization": f"Bearer {a_token(team)}"}
    mirrored = admin.get(f"/v1/fine_tuning/jobs/{job.provider_id}/events", headers=bearer)
    assert mirrored.json()["data"] == []
    history = admin.get(f"/api/jobs/{job.provider_id}/snapshots", headers=bearer)
    assert len(history.json()["data"]) == 3


def a_token(team):
    from accounts.models import ApiToken

    return ApiToken.create_token(team, "reader")


def test_a_job_without_events_says_so_where_nothing_was_removed(admin, team):
    job = an_old_job(team, events=0)
    shown = text_of(admin.get(f"/jobs/{job.connection.slug}/{job.provider_id}/"))
    assert "No events were given for this job." in shown
