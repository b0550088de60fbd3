"""No channel gets more messages than its receiver takes, from all workers together."""

from datetime import UTC, datetime, timedelta

import pytest

from alerts import claims
from alerts.caps import Window
from alerts.channels.base import Cap
from alerts.models import Channel, Delivery
from alerts.outbox import announce, deliver
from tests.alerts.house import LONG_AGO
from tests.alerts.together import run_at_once
from tests.receiver import Answer

pytestmark = pytest.mark.both_databases

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CAP = Cap(10, 60)


def end(house, number: int) -> None:
    for _ in range(number):
        house.ends()


@pytest.mark.parametrize(
    ("began_at", "used", "room"),
    [
        (None, 0, 10),
        (NOON, 4, 6),
        (NOON, 10, 0),
        (NOON, 12, 0),  # the cap was lowered meanwhile
        (NOON - timedelta(seconds=59), 10, 0),
        (NOON - timedelta(seconds=60), 10, 10),
        (NOON + timedelta(seconds=5), 10, 0),  # written by another worker a moment ago
        (NOON + timedelta(hours=1), 10, 10),  # written before a clock was set back
    ],
)
def test_a_window_leaves_room_until_it_is_used_up(began_at, used, room):
    assert Window(began_at, used).room(CAP, NOON) == room


def test_a_window_that_ended_begins_anew_with_the_next_message():
    old = Window(NOON, 10)

    assert old.after(CAP, NOON + timedelta(seconds=61), 2) == Window(
        NOON + timedelta(seconds=61), 2
    )
    assert old.after(CAP, NOON + timedelta(seconds=30), 2) == Window(NOON, 12)


def test_a_used_up_window_says_how_long_to_wait():
    later = NOON + timedelta(seconds=45)

    assert Window(NOON, 10).waits_s(CAP, later) == 15
    assert Window(NOON, 9).waits_s(CAP, later) == 0


def test_a_machine_is_paced_by_the_cap_set_for_it(house, receiver):
    house.hook(receiver, messages_per_minute=4)
    end(house, 10)

    assert deliver().sent == 4
    assert deliver().sent == 0
    assert 0 < claims.opens_in_s() <= 60


def test_the_next_window_takes_as_many_again(house, receiver):
    house.hook(receiver, messages_per_minute=4)
    end(house, 10)
    deliver()
    Channel.objects.update(window_began_at=LONG_AGO)

    assert deliver().sent == 4
    assert len(receiver.accepted) == 8


def test_workers_together_keep_to_one_cap(open_house, receiver):
    open_house.hook(receiver, messages_per_minute=7)
    end(open_house, 20)
    announce()
    run_at_once(deliver, 2)

    assert len(receiver.journal) == 7
    assert Channel.objects.get().window_used == 7


def test_tries_that_fail_count_too(house, receiver):
    house.hook(receiver, messages_per_minute=2)
    end(house, 3)
    receiver.usual = Answer(500)
    for _ in range(3):
        deliver()
        Channel.objects.update(wait_until=None)

    assert len(receiver.journal) == 2


def test_what_the_cap_leaves_no_room_for_comes_as_a_digest(house, receiver):
    house.hook(receiver, kind="chat", messages_per_minute=2)
    end(house, 3)
    deliver()

    assert [len(one.content["entries"]) for one in receiver.accepted] == [3]


def test_a_full_channel_delays_no_other(house, receiver, other_receiver):
    house.hook(receiver, messages_per_minute=1)
    house.hook(other_receiver)
    end(house, 5)
    deliver()

    assert (len(receiver.accepted), len(other_receiver.accepted)) == (1, 5)
    assert Delivery.objects.filter(state="pending").count() == 4


def test_a_run_does_not_wait_for_a_window_to_end(house, receiver):
    house.hook(receiver, messages_per_minute=1)
    end(house, 2)
    deliver()

    assert claims.channels_due([]) == []
