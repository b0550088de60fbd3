"""/alerts/deliveries/: what it shows of each alert, and what its address can ask for; who hears at all."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEntry, Role, User
from alerts.models import Attempt, Channel, Delivery, Rule
from tests.builders import (
    a_channel,
    a_connection,
    a_delivery,
    a_job,
    a_member,
    a_rule,
    a_team,
    a_transition,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
LOG = "/alerts/deliveries/"
NOBODYS = "12345678-1234-4234-8234-123456789abc"
State = Delivery.State


@pytest.fixture
def lab():
    return a_connection(a_team(), slug="lab", name="Lab", health="ok")


@pytest.fixture
def hook(lab):
    return a_channel(lab.team, name="on-call")


def as_role(lab, role: Role) -> Client:
    client = Client()
    client.force_login(a_member(lab.team, role))
    return client


@pytest.fixture
def editor(lab):
    return as_role(lab, Role.EDITOR)


def told(channel: Channel, lab, name: str, **facts) -> Delivery:
    return a_delivery(channel, a_transition(a_job(lab, state="failed", suffix=name)), **facts)


def log(client, query: str = ""):
    return client.get(f"{LOG}{query}").context["page"]


def names(client, query: str = "") -> list[str]:
    return [row.headline.removeprefix("FAILED ") for row in log(client, query).rows]


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


def by_now(facts: dict) -> dict:
    """The facts with each span of time as the moment so far from now."""
    now = timezone.now()
    return {k: now + v if isinstance(v, timedelta) else v for k, v in facts.items()}


@pytest.mark.parametrize(
    ("facts", "word", "has_moment"),
    [
        ({}, "Waiting", False),
        ({"lease_until": timedelta(seconds=40), "lease_token": NOBODYS}, "Sending", False),
        ({"failures": 1, "next_attempt_at": timedelta(minutes=5)}, "Retrying", True),
        ({"quiet_until": timedelta(hours=7)}, "Held back", True),
        ({"quiet_until": timedelta(hours=-7), "failures": 1}, "Retrying", True),
        ({"state": State.SENT}, "Sent", False),
        ({"state": State.DEAD}, "Given up", False),
        ({"state": State.SUPPRESSED}, "Suppressed", False),
    ],
)
def test_each_state_has_its_word_and_the_end_of_its_waiting(
    editor, lab, hook, facts, word, has_moment
):
    told(hook, lab, "bot", **by_now(facts))
    [row] = log(editor).rows
    assert (row.word, row.until is not None) == (word, has_moment)


def test_a_row_shows_status_duration_and_every_try(editor, lab, hook):
    delivery = told(hook, lab, "bot", state=State.SENT, is_urgent=True)
    for status, is_sent in ((503, False), (202, True)):
        Attempt.objects.create(
            delivery=delivery, status_code=status, is_sent=is_sent, answer="words", duration_ms=1204
        )
    page = text(editor.get(LOG))
    for shown in ("HTTP 202 in 1 204 ms, 2 tries", "refused, HTTP 503 in", "Urgent", "words"):
        assert shown in page


def test_the_first_line_says_whether_they_arrived_whatever_state_is_asked_for(editor, lab, hook):
    told(hook, lab, "a", state=State.SENT), told(hook, lab, "b", state=State.SUPPRESSED)
    for query in ("", "?state=dead"):
        assert "1 sent, none waiting, none given up, 1 suppressed." in text(editor.get(LOG + query))
    assert "All <b>2</b>" in text(editor.get(LOG))


def test_an_answer_by_mail_is_no_answer_of_http(editor, lab):
    mail = a_channel(lab.team, kind="email", name="Mail")
    delivery = told(mail, lab, "bot", state=State.DEAD)
    Attempt.objects.create(delivery=delivery, status_code=550, is_sent=False, duration_ms=7)
    assert "SMTP 550 in 7 ms" in text(editor.get(LOG))


def test_what_a_receiver_said_is_hidden_from_viewers_and_our_own_reasons_are_not(lab, hook):
    told(hook, lab, "dead", state=State.DEAD, reason="private words")
    told(hook, lab, "muted", state=State.SUPPRESSED, reason="The job is muted.")
    seen = [text(as_role(lab, role).get(LOG)) for role in (Role.VIEWER, Role.EDITOR)]
    assert ["private words" in page for page in seen] == [False, True]
    assert ["The job is muted." in page for page in seen] == [True, True]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?state=dead", {"alpha"}),
        ("?job=ALPH", {"alpha"}),
        ("?job=ftjob-exact", {"beta"}),
        ("?job=ftjob", set()),
        ("?from=2026-03-02", {"beta"}),
        ("?to=2026-03-01", {"alpha"}),
        ("?from=2026-03-01&to=2026-03-02", {"alpha", "beta"}),
        ("?from=2026-02-31&to=99999-01-01", {"alpha", "beta"}),
        ("?from=0001-01-01&to=9999-12-31", {"alpha", "beta"}),
        ("?state=x&channel=x&rule=x&digest=x&after=x", {"alpha", "beta"}),
        (f"?channel={NOBODYS}", set()),
        (f"?rule={NOBODYS}", set()),
        (f"?digest={NOBODYS}", set()),
    ],
)
def test_the_address_filters(editor, lab, hook, query, expected):
    for name, day, state, job_id in (("alpha", 1, State.DEAD, "ftjob-1"), ("beta", 2, State.SENT, "ftjob-exact")):  # fmt: skip
        at = datetime(2026, 3, day, 23, 59, tzinfo=UTC)
        job = a_job(lab, state="failed", suffix=name, provider_id=job_id)
        a_delivery(hook, a_transition(job), state=state, created_at=at)
    assert set(names(editor, query)) == expected


def test_days_are_those_of_the_readers_zone(lab, hook):
    told(hook, lab, "bot", created_at=datetime(2026, 3, 1, 23, 30, tzinfo=UTC))
    client = as_role(lab, Role.VIEWER)
    User.objects.update(time_zone="Europe/Berlin")
    assert names(client, "?from=2026-03-02&to=2026-03-02") == ["bot"]
    assert names(client, "?to=2026-03-01") == []


def test_rule_and_channel_filter_and_are_said_in_words(editor, lab, hook):
    rule = a_rule(hook, name="nightly")
    told(hook, lab, "ruled", rule=rule)
    told(a_channel(lab.team), lab, "other")
    query = f"?rule={rule.public_id}&channel={hook.public_id}&job=rul&from=2020-01-01&state=pending"
    assert names(editor, query) == ["ruled"]
    page = text(editor.get(LOG + query))
    assert "Shown: waiting, to on-call, rule nightly, job “rul”, from 2020-01-01." in page
    assert f'href="{LOG}">Clear filter' in page


def test_counts_say_what_the_state_hides_under_the_rest_of_the_filter(editor, lab, hook):
    told(hook, lab, "bot-1", state=State.DEAD)
    told(hook, lab, "bot-2", state=State.SENT)
    told(hook, lab, "other", state=State.SENT)
    counts = {one.state: one.count for one in log(editor, "?state=dead&job=bot").states}
    assert counts == {"pending": 0, "sent": 1, "dead": 1, "suppressed": 0}


def test_a_row_leads_to_the_digest_that_carried_it(editor, lab, hook):
    key = uuid.uuid4()
    for number in range(3):
        told(hook, lab, f"bot-{number}", digest_key=key, state=State.SENT)
    told(hook, lab, "alone", state=State.SENT)
    page = text(editor.get(LOG))
    assert page.count(f'in a <a href="{LOG}?digest={key}">digest of 3</a>') == 3
    digest = text(editor.get(f"{LOG}?digest={key}"))
    assert "<title>" in digest
    assert "Digest of 3 alerts" in digest
    assert "alone" not in digest


def test_the_jobs_page_says_which_digest_and_why_not(editor, lab, hook):
    key = uuid.uuid4()
    first = told(hook, lab, "bot", digest_key=key, state=State.SENT, is_urgent=True)
    told(hook, lab, "next", digest_key=key, state=State.SENT)
    other = a_channel(lab.team)
    a_delivery(other, first.transition, state=State.SUPPRESSED, reason="The job is muted.")
    page = text(editor.get(f"/jobs/lab/{first.transition.job.provider_id}/"))
    for shown in ("digest of 2</a>", "Suppressed", "The job is muted.", "Urgent"):
        assert shown in page


def test_a_notice_about_a_channel_is_listed_and_resent(editor, lab, hook):
    notice = Delivery.objects.create(
        team=lab.team, channel=hook, thread="channel-1", message={}, state=State.DEAD
    )
    assert names(editor) == ["NOTICE on-call"]
    editor.post(f"{LOG}{notice.key}/resend/")
    notice.refresh_from_db()
    assert notice.state == State.PENDING


def test_a_resend_leads_back_to_what_was_looked_at(editor, lab, hook):
    delivery = told(hook, lab, "bot", state=State.DEAD)
    page = text(editor.get(f"{LOG}?state=dead&job=bot"))
    assert f'action="{LOG}{delivery.key}/resend/?state=dead&amp;job=bot"' in page
    for path in (f"{LOG}{delivery.key}/resend/", f"{LOG}resend/"):
        answer = editor.post(f"{path}?state=dead&job=bot&next=//evil.test")
        assert answer.url.startswith(f"{LOG}?state=dead&job=bot")


def test_resending_nothing_is_explained(editor, lab, hook):
    told(hook, lab, "bot", state=State.DEAD)
    Channel.objects.update(is_enabled=False)
    answer = editor.post(f"{LOG}resend/", follow=True)
    assert "no alert was given up on a channel that is switched on" in text(answer)


def test_what_was_given_up_can_be_dismissed_even_where_its_channel_is_off(editor, lab, hook):
    a_rule(hook)
    told(hook, lab, "bot", state=State.DEAD)
    a_rule(a_channel(lab.team))
    Channel.objects.filter(pk=hook.pk).update(is_enabled=False)
    answer = editor.post(f"{LOG}dismiss/", follow=True)
    assert "1 alert is dismissed" in text(answer)
    for path in ("/jobs/", "/alerts/"):
        assert banners(editor, path) == []
    assert editor.get("/status/").context["page"].alerts.given_up == 0
    (row,) = log(editor, "?state=dead").rows
    assert (row.word, row.dismissed_at is not None) == ("Given up", True)
    assert AuditEntry.objects.filter(action="given up alerts dismissed").exists()


def test_only_what_the_filter_shows_is_dismissed_or_resent(editor, lab, hook):
    for name in ("alpha", "beta", "gamma"):
        told(hook, lab, name, state=State.DEAD)
    told(hook, lab, "delta", state=State.PENDING)
    editor.post(f"{LOG}dismiss/?job=alpha")
    editor.post(f"{LOG}resend/?job=beta")
    page = log(editor)
    assert (page.given_up, page.resendable, page.waiting) == (1, 1, 2)
    assert "Resend the one given up" in text(editor.get(LOG))


def test_a_dismissed_alert_that_is_resent_and_given_up_again_warns_again(editor, lab, hook):
    a_rule(hook)
    row = told(hook, lab, "bot", state=State.DEAD, dismissed_at=timezone.now())
    editor.post(f"{LOG}{row.key}/resend/")
    Delivery.objects.update(state=State.DEAD)
    assert banners(editor, "/jobs/") == [("1 alert was given up.", "Show")]


def poll(client, tag: str, query: str = ""):
    return client.get(LOG + query, headers={"HX-Request": "true", "HX-PTag": tag})


@pytest.mark.parametrize(
    "change",
    [
        {"state": State.SENT},
        {"state": State.DEAD},
        {"lease_until": timedelta(seconds=40), "lease_token": NOBODYS},
        {"quiet_until": timedelta(hours=7)},
        {"state": State.DEAD, "dismissed_at": timedelta()},
    ],
)
def test_a_poll_brings_what_changed_and_is_a_304_otherwise(editor, lab, hook, change):
    told(hook, lab, "bot")
    tag = editor.get(LOG).headers["HX-PTag"]
    with CaptureQueriesContext(database) as captured:
        quiet = poll(editor, tag)
    assert (quiet.status_code, len(captured)) == (304, 5)
    Delivery.objects.update(**by_now(change))
    assert poll(editor, tag).content.strip().startswith(b'<div id="deliveries"')


def test_a_poll_brings_new_rows_and_tries(editor, lab, hook):
    delivery = told(hook, lab, "bot")
    tag = editor.get(LOG).headers["HX-PTag"]
    Attempt.objects.create(delivery=delivery, is_sent=False, duration_ms=1)
    tried = poll(editor, tag)
    told(hook, lab, "new")
    assert (tried.status_code, poll(editor, tried.headers["HX-PTag"]).status_code) == (200, 200)


def test_a_log_in_which_nothing_waits_asks_less_often(editor, lab, hook):
    delivery = told(hook, lab, "bot")
    assert 'hx-trigger="every 5s"' in text(editor.get(LOG))
    Delivery.objects.filter(pk=delivery.pk).update(state=State.SENT)
    assert 'hx-trigger="every 30s"' in text(editor.get(LOG))


def test_others_deliveries_are_in_no_list_no_count_and_no_digest(editor, lab, hook):
    key, theirs = uuid.uuid4(), a_connection()
    told(a_channel(theirs.team, name="theirs"), theirs, "secret-bot", digest_key=key)
    page = text(editor.get(f"{LOG}?digest={key}"))
    assert ("Digest of 0 alerts" in page, "secret-bot" in page, "theirs" in page) == (True, False, False)  # fmt: skip


# Who hears of anything at all.


def banners(client, path: str) -> list[tuple[str, str]]:
    shown = client.get(path).context["warnings"]
    return [(banner.title, banner.link) for banner in shown]


def a_deaf_house(lab, case: str) -> None:
    a_job(lab)
    channel = a_channel(lab.team) if case != "no channel" else None
    if channel and case != "no rule":
        rule = a_rule(channel)
    if case == "rule off":
        Rule.objects.filter(pk=rule.pk).update(is_enabled=False)
    if case == "channel off":
        Channel.objects.update(is_enabled=False)
    if case == "failing":
        Channel.objects.update(failures=3)


@pytest.mark.parametrize("path", ["/jobs/", "/alerts/"])
@pytest.mark.parametrize(
    ("case", "role", "expected"),
    [
        ("no channel", Role.ADMIN, ("No rule yet: nobody will be told.", "Add the first channel")),
        ("no channel", Role.EDITOR, ("No rule yet: nobody will be told.", "Who they are")),
        ("no rule", Role.EDITOR, ("No rule yet: nobody will be told.", "Add the first rule")),
        ("no rule", Role.VIEWER, ("No rule yet: nobody will be told.", "Who they are")),
        ("rule off", Role.EDITOR, ("Every rule is off: nobody will be told.", "Rules")),
        ("channel off", Role.ADMIN, ("Every channel that the rules name is off: nobody will be told.", "Channels")),
        ("failing", Role.ADMIN, ("All channels are failing.", "Channels")),
    ],
)  # fmt: skip
def test_a_team_that_hears_nothing_is_warned_with_the_next_step(lab, case, role, expected, path):
    a_deaf_house(lab, case)
    assert banners(as_role(lab, role), path) == [expected]


@pytest.mark.parametrize("path", ["/jobs/", "/alerts/"])
def test_a_team_that_hears_is_not_warned(editor, lab, hook, path):
    a_job(lab)
    a_rule(hook, a_channel(lab.team, failures=9), a_channel(lab.team, is_enabled=False))
    assert banners(editor, path) == []


@pytest.mark.parametrize("path", ["/jobs/", "/alerts/"])
def test_given_up_alerts_raise_a_banner(editor, lab, hook, path):
    a_rule(hook)
    for name in ("one", "two"):
        told(hook, lab, name, state=State.DEAD)
    told(a_channel(), a_connection(), "theirs", state=State.DEAD)
    assert banners(editor, path) == [("2 alerts were given up.", "Show")]


def test_the_link_of_a_warning_can_be_followed_by_whom_it_is_shown_to(lab):
    a_deaf_house(lab, "no rule")
    for role in Role:
        client = as_role(lab, role)
        for banner in client.get("/jobs/").context["warnings"]:
            assert client.get(banner.url).status_code == 200
