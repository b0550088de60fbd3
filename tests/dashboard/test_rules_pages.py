"""Rules as editors add, change, try, switch and remove them, and the buttons that silence a job."""

from datetime import time, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, Role
from alerts.models import Delivery, Rule, Silence
from alerts.setup import create_channel
from tests.builders import (
    a_connection,
    a_delivery,
    a_job,
    a_member,
    a_rule,
    a_team,
    a_transition,
)

pytestmark = pytest.mark.django_db
ADD = "/alerts/rules/add/"


@pytest.fixture
def team():
    return a_team()


@pytest.fixture
def editor(team):
    client = Client()
    client.force_login(a_member(team, Role.EDITOR, name="Dana"))
    return client


@pytest.fixture
def hook(team):
    return create_channel(team, "webhook", "on-call", {"url": "http://127.0.0.1:9/x"}).channel


@pytest.fixture
def whole(hook):
    """The least a rule needs."""
    return {"states": ["failed"], "channels": [str(hook.public_id)]}


@pytest.fixture
def job(team):
    return a_job(a_connection(team, slug="prod-eu"), provider_id="ftjob-1", suffix="bot")


def text(answer) -> str:
    words = " ".join(answer.content.decode().split())
    return words.replace("<strong>", "").replace("</strong>", "").replace("&#x27;", "'")


@pytest.mark.parametrize("query", ["?when=", "?when=nonsense&when=<b>", "?model=%0A%0A*&when[]=1"])
def test_a_senseless_address_opens_the_usual_form(editor, hook, query):
    form = editor.get(f"{ADD}{query}").context["form"]
    assert list(form["states"].value()) == ["succeeded", "failed", "cancelled"]


@pytest.mark.both_databases
def test_a_rule_with_everything_is_stored_and_read_as_one_sentence(editor, team, whole):
    lab = a_connection(team, name="lab")
    facts = {
        "connections": [str(lab.public_id)],
        "base_models": "gpt-4o-mini*\n\n llama*",
        "metadata": "project=x\nowner = *",
        "quiet_from": "22:00",
        "quiet_until": "07:00",
        "quiet_zone": "europe/berlin",
        "name": "nightly",
    }
    assert editor.post(ADD, {**whole, **facts}).url == "/alerts/"
    assert (
        "When any job on lab trained from gpt-4o-mini* or llama* with any owner and project=x becomes "
        "failed, tell on-call; quiet 22:00–07:00 Europe/Berlin." in text(editor.get("/alerts/"))
    )


@pytest.mark.both_databases
def test_what_was_stored_is_what_the_form_shows_again(editor, hook, whole):
    rule = a_rule(
        hook, states=["failed", "stuck"], base_models=["a*"], metadata={"owner": "*", "k": "v=w"}, is_urgent=True,
        quiet_from=time(22), quiet_until=time(7, 30), quiet_zone="Europe/Berlin",
    )  # fmt: skip
    form = editor.get(f"/alerts/rules/{rule.public_id}/").context["form"]
    shown = {
        name: form[name].value() for name in form.fields if form[name].value() not in (None, [])
    }
    before = Rule.objects.values().get()
    shown = {**shown, "channels": [hook.public_id], "quiet_from": "22:00", "quiet_until": "07:30"}
    assert editor.post(f"/alerts/rules/{rule.public_id}/", shown).status_code == 302
    assert Rule.objects.values().get() == before


def test_a_rule_is_changed_in_place_and_the_log_names_what(editor, hook, whole):
    rule = a_rule(hook, name="old")
    editor.post(f"/alerts/rules/{rule.public_id}/", {**whole, "is_urgent": "on", "name": "new"})
    rule.refresh_from_db()
    assert (rule.name, rule.states, rule.is_urgent) == ("new", ["failed"], True)
    entry = AuditEntry.objects.get(action="rule changed")
    assert set(entry.fields) >= {"is_urgent", "name", "states"}


def test_a_rule_is_switched_and_removed(editor, hook):
    rule = a_rule(hook)
    for action, is_enabled in (("disable", False), ("enable", True)):
        editor.post(f"/alerts/rules/{rule.public_id}/{action}/")
        rule.refresh_from_db()
        assert rule.is_enabled is is_enabled
    editor.post(f"/alerts/rules/{rule.public_id}/remove/")
    assert not Rule.objects.exists()
    assert AuditEntry.objects.filter(action__startswith="rule").count() == 3


@pytest.mark.parametrize(
    ("facts", "field", "words"),
    [
        ({"states": []}, "states", "required"),
        ({"states": ["sleeping"]}, "states", "not one of the available"),
        ({"channels": []}, "channels", "required"),
        ({"channels": ["x"]}, "channels", "not a valid UUID"),
        ({"base_models": "x" * 201}, "base_models", "at most 200 characters"),
        ({"base_models": "\n".join(map(str, range(21)))}, "base_models", "at most 20"),
        ({"base_models": "a\x07"}, "base_models", "control characters"),
        ({"metadata": "project"}, "metadata", "'project' has no ="),
        ({"metadata": "=x"}, "metadata", "a key and a value"),
        ({"metadata": "a=1\na=2"}, "metadata", "there twice"),
        ({"metadata": "a=" + "x" * 513}, "metadata", "at most 512 characters"),
        ({"metadata": "\n".join(f"k{n}=v" for n in range(17))}, "metadata", "at most 16"),
        ({"quiet_from": "22:00"}, "quiet_until", "both times"),
        ({"quiet_until": "22:00"}, "quiet_from", "both times"),
        ({"quiet_from": "25:00", "quiet_until": "07:00"}, "quiet_from", "valid time"),
        ({"quiet_from": "07:00", "quiet_until": "07:00"}, "quiet_until", "at the same time"),
        (
            {"quiet_from": "22:00", "quiet_until": "07:00", "quiet_zone": "Mars/Base"},
            "quiet_zone",
            "no such time zone",
        ),
        ({"name": "two\nlines"}, "name", "one line"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_beside_its_field(editor, whole, facts, field, words):
    answer = editor.post(ADD, {**whole, "metadata": "kept=yes", **facts})
    assert answer.status_code == 400
    assert words in " ".join(answer.context["form"].errors[field])
    assert facts.get("metadata", "kept=yes") in answer.context["form"]["metadata"].value()
    assert not Rule.objects.exists()


def test_another_teams_channel_or_connection_is_no_choice(editor, whole):
    foreign = create_channel(a_team(), "email", "theirs", {"address": "a@example.com"}).channel
    elsewhere = a_connection()
    for facts in (
        {"channels": [foreign.public_id]},
        {"connections": [elsewhere.public_id]},
        {"connections": [elsewhere.pk]},
    ):
        assert editor.post(ADD, {**whole, **facts}).status_code == 400
    assert not Rule.objects.exists()


def test_a_connection_that_was_put_away_stays_in_its_rules(editor, team, hook, whole):
    gone = a_connection(team, archived_at=timezone.now())
    rule = a_rule(hook)
    rule.connections.add(gone)
    facts = {**whole, "connections": [gone.public_id]}
    assert editor.post(f"/alerts/rules/{rule.public_id}/", facts).status_code == 302
    assert list(rule.connections.all()) == [gone]
    assert editor.post(ADD, facts).status_code == 400


@pytest.mark.both_databases
def test_a_rule_of_a_removed_connection_does_not_ring_for_all(team, hook):
    admin = Client()
    admin.force_login(a_member(team))
    gone, kept = a_connection(team, name="gone"), a_connection(team)
    alone, shared, any_of = a_rule(hook), a_rule(hook), a_rule(hook)
    alone.connections.add(gone)
    shared.connections.set([gone, kept])
    assert admin.post(f"/connections/{gone.slug}/remove/", {"name": "gone"}).status_code == 302
    assert list(Rule.objects.filter(is_enabled=True)) == [shared, any_of]


def test_a_preview_says_how_often_it_would_have_rung_and_saves_nothing(editor, job):
    a_transition(job, to_state="failed")
    a_transition(job, to_state="succeeded")
    other = a_job(job.connection, provider_id="ftjob-2")
    a_transition(other, to_state="failed")
    create_channel(job.team, "email", "dana", {"address": "dana@example.com"})
    facts = {"states": ["failed", "succeeded"], "name": "kept", "preview": "1"}
    answer = editor.post(ADD, facts)
    assert answer.status_code == 200
    page = text(answer)
    assert "It would have rung 3 times in the last 30 days: 2 failed, 1 succeeded." in page
    assert 'href="/jobs/prod-eu/ftjob-2/"' in page
    assert 'value="kept"' in page
    assert not Rule.objects.exists()


def test_a_burst_of_previews_is_slowed_down_and_loses_nothing(editor, whole):
    asked = {**whole, "name": "night shift", "preview": "1"}
    answers = [editor.post(ADD, asked) for _ in range(31)]
    assert [one.status_code for one in answers] == [200] * 30 + [429]
    assert answers[-1].headers["Retry-After"] == "60"
    assert "Too many previews" in text(answers[-1])
    assert 'value="night shift"' in text(answers[-1])
    assert editor.post(ADD, whole).status_code == 302


def test_a_preview_of_what_cannot_be_shows_the_error_only(editor, whole):
    answer = editor.post(ADD, {**whole, "metadata": "x", "preview": "1"})
    assert answer.status_code == 400
    assert answer.context["preview"] is None


def test_a_row_says_how_often_its_rule_rang(editor, hook, job):
    rule = a_rule(hook)
    a_rule(hook)
    month_ago = timezone.now() - timedelta(days=31)
    for facts in ({}, {"state": "dead"}, {"state": "suppressed"}, {"created_at": month_ago}):
        a_delivery(hook, a_transition(job), rule=rule, **facts)
    page = text(editor.get("/alerts/"))
    assert "Rang 2 times in the last 30 days" in page
    assert "Has not rung in the last 30 days" in page


def test_a_hostile_rule_is_shown_as_text(editor, whole):
    evil = "<script>alert(1)</script>"
    editor.post(ADD, {**whole, "base_models": evil, "metadata": f"k={evil}", "name": evil})
    assert evil not in editor.get("/alerts/").content.decode()
    rule = Rule.objects.get()
    assert evil not in editor.get(f"/alerts/rules/{rule.public_id}/").content.decode()


def test_a_job_is_muted_and_rings_again(editor, job):
    here = "/jobs/prod-eu/ftjob-1/"
    assert editor.post(f"{here}mute/").url == here
    page = text(editor.get(here))
    assert "by <bdi>Dana</bdi>. Nobody is told of this job" in page
    assert "</svg>Muted</span>" in page
    assert Silence.objects.get().until is None
    editor.post(f"{here}unmute/")
    assert not Silence.objects.exists()
    assert "Nobody is told of this job" not in text(editor.get(here))
    assert [*AuditEntry.objects.order_by("pk").values_list("action", flat=True)] == [
        "job muted",
        "job unmuted",
    ]


def test_a_job_is_snoozed_for_a_while(editor, job):
    here = "/jobs/prod-eu/ftjob-1/"
    assert "24 hours" in text(editor.get(f"{here}snooze/"))
    assert not Silence.objects.exists()
    editor.post(f"{here}snooze/", {"span": "24h"})
    left = Silence.objects.get().until - timezone.now()
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
    assert "Its troubles do not ring until then" in text(editor.get(here))
    assert "A new snooze takes its place" in text(editor.get(f"{here}snooze/"))


@pytest.mark.parametrize("facts", [{}, {"span": "1 year"}, {"span": ""}])
def test_a_snooze_without_a_span_changes_nothing(editor, job, facts):
    answer = editor.post("/jobs/prod-eu/ftjob-1/snooze/", facts)
    assert answer.status_code == 400
    assert not Silence.objects.exists()


def test_a_page_that_is_open_learns_of_a_silence(editor, job):
    here = "/jobs/prod-eu/ftjob-1/"
    before = editor.get(here)["HX-PTag"]
    editor.post(f"{here}mute/")
    assert editor.get(here)["HX-PTag"] != before


def test_a_snooze_that_is_over_is_not_shown(editor, job):
    Silence.objects.create(job=job, until=timezone.now() - timedelta(seconds=1))
    assert "Snoozed" not in text(editor.get("/jobs/prod-eu/ftjob-1/"))


def test_a_suppressed_alert_is_in_the_log_with_its_reason(editor, hook, job):
    reason = "The job is muted."
    a_delivery(hook, a_transition(job), state=Delivery.State.SUPPRESSED, reason=reason)
    assert reason in text(editor.get("/alerts/deliveries/"))
