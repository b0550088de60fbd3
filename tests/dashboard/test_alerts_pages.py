"""/alerts/: rules as sentences, channels with a real test, and the log of what was sent."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, Role
from alerts.models import Attempt, Channel, Delivery
from alerts.setup import create_channel
from providers.states import State
from tests.builders import a_connection, a_delivery, a_job, a_member, a_rule, a_team, a_transition

pytestmark = pytest.mark.django_db
SECRET_PATH = "T000-secret-path"


@pytest.fixture
def team():
    return a_team()


@pytest.fixture
def as_role(team):
    def sign_in(role: Role) -> Client:
        client = Client()
        client.force_login(a_member(team, role))
        return client

    return sign_in


@pytest.fixture
def admin(as_role):
    return as_role(Role.ADMIN)


@pytest.fixture
def editor(as_role):
    return as_role(Role.EDITOR)


@pytest.fixture
def hook(team, httpserver):
    httpserver.expect_request(f"/{SECRET_PATH}").respond_with_data("thank you", status=202)
    return create_channel(
        team, "webhook", "on-call", {"url": httpserver.url_for(f"/{SECRET_PATH}")}
    ).channel


def a_dead_delivery(channel: Channel, **facts: object) -> Delivery:
    transition = a_transition(a_job(a_connection(channel.team), state=State.FAILED))
    delivery = a_delivery(
        channel, transition, state=Delivery.State.DEAD, reason="410 gone", **facts
    )
    Attempt.objects.create(
        delivery=delivery, is_sent=False, status_code=410, answer="private words", duration_ms=12
    )
    return delivery


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


def test_without_a_rule_the_page_warns(admin):
    assert "nobody will be told" in text(admin.get("/alerts/")).lower()


def test_a_new_webhook_shows_its_made_secret_once(admin, team):
    answer = admin.post(
        "/alerts/channels/add/webhook/",
        {"name": "hook", "url": f"http://127.0.0.1:9/{SECRET_PATH}"},
    )
    channel = Channel.objects.get(team=team)
    assert "whsec_" in text(answer)
    for path in ("/alerts/", f"/alerts/channels/{channel.public_id}/"):
        later = text(admin.get(path))
        assert "whsec_" not in later.replace("Starts with whsec_", "")
        assert SECRET_PATH not in later


def test_a_form_sent_again_by_a_reload_makes_no_second_channel(admin, team):
    page = {"name": "hook", "url": "http://127.0.0.1:9/x", "csrfmiddlewaretoken": "of-this-page"}
    admin.post("/alerts/channels/add/webhook/", page)
    again = admin.post("/alerts/channels/add/webhook/", page, follow=True)
    assert "This channel is saved already" in text(again)
    assert Channel.objects.get(team=team).name == "hook"


@pytest.mark.parametrize(
    ("kind", "facts"),
    [("webhook", {"url": "http://169.254.169.254/"}), ("webhook", {"url": ""}), ("email", {"address": "nobody"}),
     ("email", {"address": "a@example.com", "name": "two\r\nBcc: x@example.com"})],
)  # fmt: skip
def test_a_channel_that_cannot_work_is_refused(admin, kind, facts):
    assert admin.post(f"/alerts/channels/add/{kind}/", {"name": "x", **facts}).status_code == 400
    assert not Channel.objects.exists()


def test_an_unknown_kind_is_not_there(admin):
    assert admin.get("/alerts/channels/add/pigeon/").status_code == 404


def test_a_test_shows_the_receivers_real_answer(admin, hook, httpserver):
    page = text(admin.post(f"/alerts/channels/{hook.public_id}/test/"))
    assert re.search(r"the test message was accepted, 202 in \d+ ms\.</strong> thank you", page)
    assert len(httpserver.log) == 1


def test_a_failed_test_says_why(admin, hook, httpserver):
    httpserver.clear()
    httpserver.expect_request(f"/{SECRET_PATH}").respond_with_data("no such room", status=404)
    page = text(admin.post(f"/alerts/channels/{hook.public_id}/test/"))
    assert "the test message was not accepted, 404 in" in page
    assert "no such room" in page
    assert 'id="tested" role="status"' in page


def test_editing_a_channel_keeps_the_secrets_left_empty(admin, hook):
    admin.post(f"/alerts/channels/{hook.public_id}/", {"name": "renamed", "url": "", "secret": ""})
    before = hook.secrets().reveal()
    hook.refresh_from_db()
    assert (hook.name, hook.secrets().reveal()) == ("renamed", before)


def test_the_log_names_what_was_changed_of_a_channel_and_nothing_else(admin, hook):
    admin.post(f"/alerts/channels/{hook.public_id}/", {"name": "night watch"})
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.fields) == ("channel changed", ["name"])


def test_a_channel_is_given_a_cap_of_its_own_and_loses_it_again(admin, hook):
    for given, stored in (("20", 20), ("", None)):
        admin.post(
            f"/alerts/channels/{hook.public_id}/",
            {"name": "on-call", "url": "", "secret": "", "messages_per_minute": given},
        )
        hook.refresh_from_db()
        assert hook.messages_per_minute == stored


@pytest.mark.parametrize("given", ["0", "-1", "6001", "many"])
def test_a_cap_that_is_none_is_refused(admin, hook, given):
    facts = {"name": "on-call", "url": "", "secret": "", "messages_per_minute": given}
    assert admin.post(f"/alerts/channels/{hook.public_id}/", facts).status_code == 400


def test_a_channel_is_switched_off_on_and_removed_by_name(admin, hook):
    for action, is_enabled in (("disable", False), ("enable", True)):
        admin.post(f"/alerts/channels/{hook.public_id}/{action}/")
        hook.refresh_from_db()
        assert hook.is_enabled is is_enabled
    path = f"/alerts/channels/{hook.public_id}/remove/"
    assert admin.post(path, {"name": "something"}).status_code == 400
    admin.post(path, {"name": "on-call"})
    assert not Channel.objects.exists()


def test_a_given_up_alert_raises_a_banner_and_is_resent_under_its_key(editor, hook):
    delivery = a_dead_delivery(hook)
    assert "1 alert was given up." in text(editor.get("/alerts/"))
    editor.post(f"/alerts/deliveries/{delivery.key}/resend/")
    again = Delivery.objects.get()
    assert (again.state, again.key, again.failures) == (Delivery.State.PENDING, delivery.key, 0)


def test_resending_on_a_channel_that_is_off_is_explained(editor, hook):
    delivery = a_dead_delivery(hook)
    Channel.objects.update(is_enabled=False)
    answer = editor.post(f"/alerts/deliveries/{delivery.key}/resend/", follow=True)
    assert "switched off" in text(answer)
    assert Delivery.objects.get().state == Delivery.State.DEAD


def test_all_given_up_alerts_are_resent_at_once(editor, hook):
    for _ in range(3):
        a_dead_delivery(hook)
    editor.post("/alerts/deliveries/resend/")
    assert set(Delivery.objects.values_list("state", flat=True)) == {Delivery.State.PENDING}


def test_the_log_filters_by_state_channel_and_job(editor, hook):
    dead = a_dead_delivery(hook)
    a_delivery(hook, a_transition(a_job(a_connection(hook.team), suffix="other-model")))
    for query in (f"state=dead&channel={hook.public_id}", f"job={dead.transition.job.provider_id}"):
        page = text(editor.get(f"/alerts/deliveries/?{query}"))
        assert dead.transition.job.suffix in page
        assert "other-model" not in page
    assert "No alert like this" in text(editor.get("/alerts/deliveries/?state=suppressed"))


@pytest.mark.parametrize("query", ["state=x", "after=x", "after=-1", "after=99999999999999999999"])
def test_a_senseless_filter_is_survived(editor, hook, query):
    assert editor.get(f"/alerts/deliveries/?{query}").status_code == 200


def test_the_log_goes_on_behind_its_first_page(editor, hook):
    for number in range(52):
        transition = a_transition(a_job(a_connection(hook.team), suffix=f"model-{number:03}"))
        a_delivery(hook, transition)
    first = text(editor.get("/alerts/deliveries/"))
    after = first.split("?after=")[1].split('"')[0]
    second = text(editor.get(f"/alerts/deliveries/?after={after}"))
    assert ("model-051" in first, "model-001" in first) == (True, False)
    assert ("model-001" in second, "model-000" in second, "model-002" in second) == (
        True,
        True,
        False,
    )


def test_what_a_receiver_answered_is_for_editors(as_role, hook):
    a_dead_delivery(hook)
    seen = ["private words" in text(as_role(role).get("/alerts/deliveries/")) for role in Role]
    assert seen == [False, True, True]


def test_viewers_see_no_buttons_that_would_refuse_them(as_role, hook):
    a_rule(hook)
    a_dead_delivery(hook)
    for path in ("/alerts/", "/alerts/deliveries/"):
        page = text(as_role(Role.VIEWER).get(path)).split("<main")[1].split("</main")[0]
        assert 'method="post"' not in page


@pytest.fixture
def admins_mail(team):
    from alerts.trouble import admins_channel

    a_member(team, email="ada@example.com")
    return admins_channel(team)


def test_the_mail_to_the_admins_is_listed_and_cannot_be_changed(admin, admins_mail):
    page = text(admin.get("/alerts/"))

    assert "Team&#x27;s admins" in page
    for name in ("channel-edit", "channel-remove"):
        path = reverse(name, args=[admins_mail.public_id])
        assert f'href="{path}"' not in page
        assert admin.get(path).status_code == 404


def test_the_mail_to_the_admins_is_no_choice_of_a_rule(editor, admins_mail, hook):
    page = text(editor.get("/alerts/rules/add/"))

    assert str(hook.public_id) in page
    assert str(admins_mail.public_id) not in page


@pytest.fixture
def environments_hook(hook, settings):
    settings.WEBHOOK_URL = "https://hooks.example.com/x"
    Channel.objects.update(origin=Channel.Origin.ENVIRONMENT)
    return hook


@pytest.mark.parametrize("path", ["", "disable/", "enable/", "remove/"])
def test_what_the_next_start_would_undo_is_refused(admin, environments_hook, path):
    before = Channel.objects.values().get()
    facts = {"name": "on-call", "url": "http://127.0.0.1:9/elsewhere"}
    page = f"/alerts/channels/{environments_hook.public_id}/{path}"
    told = admin.post(page, facts, follow=True)
    assert "the next start would undo this" in text(told)
    assert Channel.objects.values().get() == before
    assert 'aria-label="Send a test to on-call"' in text(told)
    assert not re.search(r'aria-label="(Change|Switch off|Remove) on-call"', text(told))


def test_a_webhook_whose_variable_is_gone_can_be_removed(admin, environments_hook, settings):
    settings.WEBHOOK_URL = ""
    assert 'aria-label="Remove on-call"' in text(admin.get("/alerts/"))
    admin.post(f"/alerts/channels/{environments_hook.public_id}/remove/", {"name": "on-call"})
    assert not Channel.objects.exists()


def test_that_nothing_is_undelivered_is_said(admin, hook):
    a_rule(hook)
    said = "0 alerts sent and none given up in the last 24 hours, none waiting."
    assert said in text(admin.get("/alerts/"))


@pytest.mark.both_databases
def a_poll(client, tag: str):
    return client.get("/alerts/", HTTP_HX_REQUEST="true", HTTP_HX_PTAG=tag)


def test_an_open_page_learns_what_became_of_channels_and_alerts(editor, hook):
    tag = editor.get("/alerts/")["HX-PTag"]
    assert a_poll(editor, tag).status_code == 304
    Channel.objects.update(failures=1, last_answer="503")
    a_dead_delivery(hook)
    answer = a_poll(editor, tag)
    shown = answer.content.decode()
    assert answer.status_code == 200
    assert "<html" not in shown
    assert all(word in shown for word in ("Failing", "Given up", "1 alert was given up."))
    assert a_poll(editor, answer["HX-PTag"]).status_code == 304


def test_what_a_test_said_stays_until_the_page_is_left(admin, hook):
    assert 'id="alerts" class="live" hx-get="/alerts/"' in admin.get("/alerts/").content.decode()
    tried = admin.post(f"/alerts/channels/{hook.public_id}/test/").content.decode()
    assert 'id="tested"' in tried
    assert "hx-get" not in tried


def test_what_was_sent_and_given_up_is_counted_over_the_same_day(admin, hook):
    """An alert may be tried for more than a day: its last try counts, not its making."""
    a_rule(hook)
    long_ago = timezone.now() - timedelta(days=3)
    for _ in range(2):
        old = a_dead_delivery(hook, created_at=long_ago)
    Attempt.objects.filter(delivery=old).update(started_at=long_ago)
    sent = a_transition(old.transition.job)
    a_delivery(hook, sent, state=Delivery.State.SENT, sent_at=timezone.now())
    said = "1 alert sent and 1 given up in the last 24 hours, none waiting."
    assert said in text(admin.get("/alerts/"))
