"""F9 and F26: receivers that are slow, refuse, break off, or are somebody else's."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from alerts import claims
from alerts.models import Attempt, Channel, Delivery
from alerts.outbox import deliver
from jobs.claims import database_now
from tests.alerts.house import end_leases, make_due
from tests.alerts.together import in_background
from tests.receiver import Answer
from tests.servers import eventually

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

# What the receiver does first; then it takes everything.
BREAKS = {
    "500 three times": [Answer(500)] * 3,
    "429": [Answer(429, {"Retry-After": "1"})],
    "429 until a date": [Answer(429, {"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"})],
    "408": [Answer(408)],
    "404": [Answer(404)],
    "302": [Answer(302, {"Location": "http://127.0.0.1:1/elsewhere"})],
    "closes after the body": [Answer(closes=True)],
    "hangs": [Answer(hangs=True)],
}


@pytest.fixture
def hook(open_house, receiver):
    return open_house.hook(receiver)


def the_row() -> Delivery:
    """The alert; the others are notices about channels."""
    return Delivery.objects.exclude(transition=None).get()


def in_s(seconds: float) -> datetime:
    return database_now() + timedelta(seconds=seconds)


def keys_at(receiver) -> set[str]:
    return {one.key for one in receiver.journal}


@pytest.mark.parametrize("name", BREAKS)
def test_f26_a_receiver_that_recovers_is_told_once_under_one_key(
    open_house, hook, receiver, monkeypatch, name
):
    receiver.script.extend(BREAKS[name])
    open_house.ends()
    for number in range(len(BREAKS[name])):
        with monkeypatch.context() as impatient:
            if name == "hangs":
                impatient.setattr("alerts.outbox.ABANDON_AFTER_S", 2.0)
            assert deliver().failed == 1
        assert the_row().failures == number + 1
        assert the_row().next_attempt_at > database_now()
        make_due()

    assert deliver().sent == 1
    assert len(keys_at(receiver)) == 1
    assert receiver.journal[-1].status == 200
    assert Attempt.objects.count() == len(BREAKS[name]) + 1


def test_f26_an_address_that_is_gone_is_left_in_peace_and_the_owner_is_told(
    open_house, hook, receiver, other_receiver
):
    open_house.hook(other_receiver)
    receiver.usual = Answer(410)
    open_house.ends()
    for _ in range(3):
        deliver()
        make_due()

    assert len(receiver.journal) == 1
    assert not Channel.objects.get(pk=hook.pk).is_enabled
    told = [one.content["type"] for one in other_receiver.accepted]
    assert sorted(told) == ["channel.off", "job.failed"]


def test_f26_a_receiver_that_fails_for_good_is_given_up_and_the_owner_is_told(
    open_house, hook, receiver, other_receiver
):
    receiver.usual = Answer(500)
    open_house.ends()
    deliver()
    open_house.hook(other_receiver)
    for _ in range(10):
        make_due()
        deliver()

    assert (the_row().state, len(receiver.journal)) == ("dead", 9)
    assert len(keys_at(receiver)) == 1
    assert [one.content["type"] for one in other_receiver.accepted] == ["channel.failing"]


class NotTls:
    """The address of a receiver as if it spoke TLS."""

    def __init__(self, receiver) -> None:
        self.url = receiver.url.replace("http:", "https:")


def test_f26_a_receiver_whose_tls_is_broken_gets_nothing_and_is_tried_again(open_house, receiver):
    open_house.hook(NotTls(receiver))
    open_house.ends()

    assert deliver().failed == 1
    assert receiver.journal == []
    assert "TLS" in the_row().reason
    assert (the_row().state, the_row().failures) == ("pending", 1)


def test_f9_a_send_that_outlives_its_lease_is_marked_by_the_one_who_took_over(
    open_house, hook, receiver
):
    receiver.script.append(Answer(hangs=True))
    open_house.ends()
    tallies = []
    slow = in_background(lambda: tallies.append(deliver()))
    eventually(lambda: receiver.journal)
    end_leases()
    assert deliver().sent == 1
    receiver.released.set()
    slow.join(30)

    assert (tallies[0].sent, tallies[0].stale) == (0, 1)
    assert Attempt.objects.count() == 1
    assert len(keys_at(receiver)) == 1


def test_f9_what_the_slow_one_brings_does_not_touch_who_sends_now(open_house, hook, receiver):
    """Its failure neither frees the row nor puts it off."""
    receiver.script.append(Answer(503, hangs=True))
    open_house.ends()
    slow = in_background(deliver)
    eventually(lambda: receiver.journal)
    end_leases()
    (owner,) = claims.claim_from(hook.pk, 1)
    receiver.released.set()
    slow.join(30)

    row = the_row()
    assert (row.lease_token, row.failures, row.state) == (owner.token, 0, "pending")
    assert Channel.objects.get(pk=hook.pk).failures == 0


def test_f9_a_lease_that_ran_short_in_the_queue_is_whole_during_the_send(
    open_house, hook, receiver, monkeypatch
):
    receiver.usual = Answer(hangs=True)
    open_house.ends()
    claim_from = claims.claim_from

    def waited(channel_id, limit):
        held = claim_from(channel_id, limit)
        Delivery.objects.exclude(lease_token=None).update(lease_until=in_s(25))
        return [replace(one, held_since=one.held_since - 20) for one in held]

    monkeypatch.setattr(claims, "claim_from", waited)
    run = in_background(deliver)
    eventually(lambda: receiver.journal)
    lease_until = the_row().lease_until
    receiver.released.set()
    run.join(30)

    assert lease_until > in_s(30)
    assert the_row().state == "sent"


def test_f26_twenty_of_twenty_arrive_after_an_outage_of_the_receiver(open_house, hook, receiver):
    receiver.down()
    for _ in range(20):
        open_house.ends()
    for _ in range(3):
        deliver()
        make_due()
    receiver.up()
    deliver()

    assert len(receiver.accepted) == 20
    assert len(keys_at(receiver)) == 20
