"""Receivers that hang or fail take time from nobody else."""

import pytest

from alerts import claims, outbox
from alerts.models import Attempt, Channel, Delivery
from alerts.outbox import deliver
from tests.alerts.house import LONG_AGO
from tests.receiver import Answer


@pytest.fixture
def hanging(house, receiver, monkeypatch):
    """Ten channels that take what they get and answer nothing; a send is left behind after 2 s."""
    monkeypatch.setattr("alerts.outbox.ABANDON_AFTER_S", 2.0)
    receiver.usual = Answer(hangs=True)
    return [house.hook(receiver) for _ in range(10)]


def test_ten_that_hang_at_once_hold_up_no_other(house, hanging, other_receiver):
    healthy = house.hook(other_receiver)
    house.ends()
    tally = deliver()

    assert (tally.sent, tally.failed) == (1, 10)
    good = Attempt.objects.get(delivery__channel=healthy)
    # It was written before the first of them was left behind.
    assert good.pk == min(Attempt.objects.values_list("pk", flat=True))


def test_a_fast_channel_that_begins_to_hang_keeps_senders_for_others(
    house, receiver, other_receiver, monkeypatch
):
    monkeypatch.setattr("alerts.outbox.ABANDON_AFTER_S", 2.0)
    receiver.script.extend([Answer()] * 20)
    receiver.usual = Answer(hangs=True)
    house.hook(receiver)
    other = house.hook(other_receiver)
    for _ in range(40):
        house.ends()
    deliver()

    last = Attempt.objects.filter(delivery__channel=other).latest("pk")
    assert last.pk < Attempt.objects.filter(is_sent=False).earliest("pk").pk
    assert not Delivery.objects.filter(channel=other).exclude(state="sent").exists()


def test_what_was_claimed_ahead_is_given_back_when_the_channel_fails(house, receiver):
    house.hook(receiver)
    receiver.script.extend([Answer()] * 15)
    receiver.usual = Answer(503)
    for _ in range(40):
        house.ends()
    deliver()

    waiting = Delivery.objects.filter(state="pending")
    assert len(receiver.journal) < 30
    assert set(waiting.values_list("lease_token", "claims")) == {(None, 0)}


def test_those_that_work_are_asked_before_those_that_fail(house, receiver, other_receiver):
    failing = house.hook(receiver, failures=2)
    healthy = house.hook(other_receiver, last_sent_at=LONG_AGO)
    house.ends()
    outbox.announce()

    assert claims.channels_due([]) == [healthy.pk, failing.pk]
    assert claims.channels_due([], with_trials=False) == [healthy.pk]


def test_a_channel_that_cannot_be_claimed_from_stops_no_other(
    house, receiver, other_receiver, monkeypatch
):
    from django.db import OperationalError

    first = house.hook(receiver)
    house.hook(other_receiver)
    house.ends()
    claim_from = claims.claim_from

    def deadlocked(channel_id, limit):
        if channel_id == first.pk:
            raise OperationalError("deadlock detected")
        return claim_from(channel_id, limit)

    monkeypatch.setattr(claims, "claim_from", deadlocked)

    assert deliver().sent == 1
    assert Channel.objects.get(pk=first.pk).failures == 0
