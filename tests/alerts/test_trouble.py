"""A channel that does not work is told to the team's admins, through another channel, once."""

from datetime import UTC, datetime

import pytest

from accounts.models import Role
from alerts.channels import SendError, send_test, show
from alerts.message_channel import ChannelFacts, Trouble, notice
from alerts.models import Channel, Delivery
from alerts.outbox import deliver
from alerts.schedule import Next
from alerts.trouble import admins_channel, of_failure
from tests.alerts.house import LONG_AGO, make_due
from tests.alerts.together import run_at_once
from tests.builders import a_member
from tests.receiver import Answer

pytestmark = pytest.mark.both_databases

AGAIN, DEAD = Next(5.0, 5.0), Next(None, 5.0)


def notices() -> list[dict]:
    rows = Delivery.objects.filter(transition=None).order_by("pk")
    return list(rows.values_list("message", flat=True))


def told(receiver) -> list[str]:
    types = [one.content["type"] for one in receiver.accepted]
    return [one for one in types if one.startswith("channel.")]


@pytest.fixture
def pair(house, receiver, other_receiver):
    """A house with two channels: the first is about to fail, the second works."""
    house.first, house.second = house.hook(receiver), house.hook(other_receiver)
    return house


@pytest.mark.parametrize(
    ("error", "follows", "failures", "is_off", "expected"),
    [
        (SendError("", status=404), AGAIN, 2, False, None),
        (SendError("", status=404), AGAIN, 3, False, Trouble.REFUSED),
        (SendError("", status=401), AGAIN, 7, False, Trouble.REFUSED),
        (SendError("", status=429), AGAIN, 9, False, None),
        (SendError("", status=408), AGAIN, 9, False, None),
        (SendError("", status=503), AGAIN, 9, False, None),
        (SendError("no answer"), AGAIN, 9, False, None),
        (SendError("", status=503), DEAD, 9, False, Trouble.GIVEN_UP),
        (SendError("", permanent=True), DEAD, 1, False, Trouble.GIVEN_UP),
        (SendError("", status=410, gone=True), DEAD, 1, True, Trouble.GONE),
        (SendError("", status=500), AGAIN, 40, True, Trouble.WORN_OUT),
    ],
)
def test_what_admins_hear_of(error, follows, failures, is_off, expected):
    assert of_failure(error, follows, failures, is_off=is_off) is expected


def test_a_channel_that_is_gone_is_told_through_the_other(pair, receiver, other_receiver):
    pair.ends()
    receiver.usual = Answer(410, body=b"no such hook")
    deliver()

    assert told(other_receiver) == ["channel.off"]
    (message,) = notices()
    assert message["subject"] == pair.first.name
    assert told(receiver) == []


def test_what_the_receiver_said_is_for_the_admins_mail_only(pair, receiver, mail_server):
    a_member(pair.team, email="dana@example.com")
    pair.ends()
    receiver.usual = Answer(410, body=b"no such hook")
    deliver()

    assert sorted("no such hook" in one["reason"] for one in notices()) == [False, True]
    assert "no such hook" in mail_server.mails[0].get_body(("plain",)).get_content()


def test_three_refusals_in_a_row_are_told_once(pair, receiver, other_receiver):
    pair.ends()
    receiver.usual = Answer(404)
    for failures in range(1, 6):
        deliver()
        make_due()
        assert len(notices()) == (1 if failures >= 3 else 0)

    assert told(other_receiver) == ["channel.failing"]


def test_the_next_trouble_after_a_success_is_told_again(pair, receiver):
    Channel.objects.filter(pk=pair.first.pk).update(failures=2)
    pair.ends()
    receiver.script.append(Answer(404))
    for _ in range(2):
        deliver()
        make_due()
    Channel.objects.filter(pk=pair.first.pk).update(failures=2)
    pair.ends()
    receiver.script.append(Answer(404))
    deliver()

    assert len(notices()) == 2


def test_an_alert_that_is_given_up_is_told(pair, receiver, other_receiver):
    pair.ends()
    receiver.usual = Answer(500)
    for _ in range(9):
        deliver()
        make_due()
    deliver()

    assert told(other_receiver) == ["channel.failing"]
    assert notices()[0]["result"] == "an alert was given up"


def test_five_days_of_failures_are_told_though_refusals_were(pair, receiver):
    rows = Channel.objects.filter(pk=pair.first.pk)
    rows.update(failures=30, failing_since=LONG_AGO, admins_told_at=LONG_AGO)
    pair.ends()
    receiver.usual = Answer(500)
    deliver()

    assert [one["type"] for one in notices()] == ["channel.off"]


def test_a_notice_that_fails_makes_no_further_notice(pair, receiver, other_receiver):
    pair.ends()
    receiver.usual = Answer(410)
    deliver()
    notice_row = Delivery.objects.get(transition=None)
    Delivery.objects.filter(pk=notice_row.pk).update(state="pending", next_attempt_at=LONG_AGO)
    other_receiver.usual = Answer(410)
    deliver()

    assert len(notices()) == 1


def test_a_channel_that_fails_itself_is_told_nothing(pair, receiver):
    Channel.objects.filter(pk=pair.second.pk).update(failures=1, wait_until=None)
    Delivery.objects.all().delete()
    pair.second.rules.all().delete()
    pair.ends()
    receiver.usual = Answer(410)
    deliver()

    assert notices() == []


def test_admins_get_a_mail_where_a_mail_server_is_set_up(house, receiver, mail_server):
    a_member(house.team, email="ada@example.com")
    a_member(house.team, Role.EDITOR, email="ed@example.com")
    a_member(house.team, email="admin@localhost")
    house.hook(receiver)
    house.ends()
    receiver.usual = Answer(410)
    deliver()

    own = Channel.objects.get(origin=Channel.Origin.ADMINS)
    assert (own.kind, own.name) == ("email", "Team's admins")
    assert own.config == {"addresses": ["ada@example.com"]}
    assert Delivery.objects.filter(channel=own, transition=None).count() == 1


def test_the_admins_mail_follows_who_is_an_admin(house, mail_server):
    ada = a_member(house.team, email="ada@example.com")
    first = admins_channel(house.team)
    a_member(house.team, email="bob@example.com")
    ada.is_active = False
    ada.save()

    again = admins_channel(house.team)
    assert (again.pk, again.config) == (first.pk, {"addresses": ["bob@example.com"]})


def test_who_is_no_admin_any_more_gets_no_notice_that_still_waits(house, receiver, mail_server):
    leaver, ada = (a_member(house.team, email=f"{name}@example.com") for name in ("lea", "ada"))
    house.hook(receiver)
    house.ends()
    receiver.usual = Answer(410)
    mail_server.to_mail.append("451 come again")
    deliver()
    leaver.memberships.all().delete()
    make_due()
    deliver()

    first, again = mail_server.mails
    assert (first["To"], again["To"]) == (f"{leaver.email}, {ada.email}", ada.email)


def test_a_test_of_the_admins_mail_and_its_page_leave_out_who_went(house, mail_server):
    leaver, ada = (a_member(house.team, email=f"{name}@example.com") for name in ("lea", "ada"))
    channel = admins_channel(house.team)
    leaver.is_active = False
    leaver.save()
    send_test(channel)

    assert [mail["To"] for mail in mail_server.mails] == [ada.email]
    assert show(channel) == ada.email


def test_without_admins_or_a_mail_server_there_is_no_such_channel(house, settings):
    assert admins_channel(house.team) is None

    a_member(house.team, email="ada@example.com")
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    assert admins_channel(house.team) is None


def test_two_workers_make_one_channel_for_the_admins(open_house, mail_server):
    a_member(open_house.team, email="ada@example.com")
    run_at_once(lambda: admins_channel(open_house.team), 4)

    assert Channel.objects.filter(origin=Channel.Origin.ADMINS).count() == 1


def test_hostile_text_in_a_notice_is_one_harmless_line():
    facts = ChannelFacts("id", "x\r\nBcc: eve@example.com\u202e", "Chat", "no\x00\n" * 900)
    message = notice(facts, Trouble.REFUSED, datetime(2026, 1, 1, tzinfo=UTC), "https://x.test/")

    assert message.subject == "x Bcc: eve@example.com"
    assert len(message.reason) <= 500
    assert "\n" not in message.headline
