"""A mail server that refuses, greylists, breaks off or is away: one Message-ID, and others get theirs."""

import pytest

from alerts.models import Attempt, Delivery
from alerts.outbox import deliver
from tests.alerts.house import make_due, the_delivery

pytestmark = pytest.mark.both_databases


def message_ids(server) -> set[str]:
    return {mail["Message-ID"] for mail in server.mails}


def states_of(channel) -> list[str]:
    return list(Delivery.objects.filter(channel=channel).values_list("state", flat=True))


@pytest.mark.parametrize("refusal", ["550 no such user", "451 try later"])
def test_webhooks_get_all_of_theirs_from_behind_a_refusing_mail_server(
    house, receiver, mail_server, refusal
):
    mail, hook = house.mail(), house.hook(receiver)
    for _ in range(5):
        house.ends()
    mail_server.to_recipient.extend([refusal] * 5)
    deliver()

    told = [one.content["type"] for one in receiver.accepted]
    is_final = refusal.startswith("5")
    assert told.count("job.failed") == 5
    assert told.count("channel.failing") == int(is_final)  # the admins hear of it once
    assert set(states_of(hook)) == {"sent"}
    assert mail_server.mails == []
    assert set(states_of(mail)) == {"dead" if is_final else "pending"}


def test_webhooks_get_all_of_theirs_while_there_is_no_mail_server(house, receiver, mail_server):
    mail, hook = house.mail(), house.hook(receiver)
    for _ in range(5):
        house.ends()
    mail_server.close()
    deliver()

    assert states_of(hook) == ["sent"] * 5
    assert states_of(mail) == ["pending"] * 5


def test_an_unknown_recipient_is_given_up_with_the_servers_words(house, mail_server):
    house.mail()
    house.ends()
    mail_server.to_recipient.append("550 no such user")

    assert deliver().dead == 1
    assert "550 no such user" in the_delivery().reason
    assert Attempt.objects.get().status_code == 550


def test_a_greylisted_mail_comes_once_when_it_is_tried_again(house, mail_server):
    house.mail()
    house.ends()
    mail_server.to_recipient.append("450 greylisted, come back")
    assert deliver().failed == 1
    assert mail_server.mails == []
    make_due()

    assert deliver().sent == 1
    assert len(mail_server.mails) == 1


def test_a_mail_refused_for_now_comes_again_with_the_same_message_id(house, mail_server):
    house.mail()
    house.ends()
    mail_server.to_mail.append("451 try later")
    assert deliver().failed == 1
    make_due()

    assert deliver().sent == 1
    assert len(message_ids(mail_server)) == 1


def test_a_server_that_breaks_off_after_the_mail_brings_it_twice_at_most(house, mail_server):
    house.mail()
    house.ends()
    mail_server.to_mail.append("drop")
    assert deliver().failed == 1
    make_due()
    assert deliver().sent == 1
    make_due()
    deliver()

    assert len(mail_server.mails) == 2
    assert message_ids(mail_server) == {mail_server.mails[0]["Message-ID"]}
    assert str(the_delivery().key) in mail_server.mails[0]["Message-ID"]
