"""Much at once for people: one message about all of it, the same on every try, every row accounted for."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from alerts import claims
from alerts.models import Attempt, Channel, Delivery
from alerts.outbox import announce, deliver, resend, resend_dead
from jobs.failpoints import FailpointReached
from providers.states import State
from tests.alerts.house import LONG_AGO, end_leases, make_due
from tests.alerts.together import run_at_once
from tests.builders import a_transition
from tests.receiver import Answer

pytestmark = pytest.mark.both_databases


def chat(house, receiver, **facts) -> Channel:
    return house.hook(receiver, kind="chat", **facts)


def end(house, number: int, state: State = State.FAILED) -> None:
    for _ in range(number):
        house.ends(state)


def states() -> Counter[str]:
    return Counter(Delivery.objects.values_list("state", flat=True))


def long_since_told() -> None:
    Channel.objects.update(last_sent_at=LONG_AGO)


@pytest.fixture
def outage(house, receiver):
    """Eight alerts in a digest whose first try failed."""
    chat(house, receiver)
    end(house, 8)
    receiver.script.append(Answer(500))
    deliver()
    return house


def test_five_at_once_are_told_one_by_one(house, receiver):
    chat(house, receiver)
    end(house, 5)
    deliver()

    assert [one.content["entries"] for one in receiver.accepted] == [[]] * 5
    assert not Delivery.objects.exclude(digest_key=None).exists()


def test_six_at_once_are_one_digest_that_every_row_points_to(house, receiver):
    channel = chat(house, receiver)
    end(house, 6)
    assert deliver().sent == 6

    (arrival,) = receiver.accepted
    assert len(arrival.content["entries"]) == 6
    keys = set(Delivery.objects.values_list("digest_key", flat=True))
    assert {str(key) for key in keys} == {arrival.key}
    assert arrival.content["url"].endswith(f"/alerts/deliveries/?digest={arrival.key}")
    assert arrival.content["thread"] == f"digest-{channel.public_id}"
    assert Attempt.objects.filter(is_sent=True).count() == 6


def test_a_machine_gets_each_event_by_itself(house, receiver):
    house.hook(receiver)
    end(house, 12)
    deliver()

    assert len({one.key for one in receiver.accepted}) == 12


def test_failures_come_first_whatever_came_before(house, receiver):
    chat(house, receiver)
    end(house, 60, State.SUCCEEDED)
    end(house, 3, State.FAILED)
    deliver()

    (arrival,) = receiver.accepted
    assert arrival.content["entries"][:4] == ["failed", "failed", "failed", "succeeded"]
    assert (len(arrival.content["entries"]), arrival.content["hidden"]) == (50, 13)


def test_a_retry_says_the_same_under_the_same_key(outage, receiver):
    end(outage, 3)
    make_due()
    deliver()

    first, again = receiver.journal[:2]
    assert (first.key, first.body) == (again.key, again.body)
    assert states() == {"sent": 11}


def test_what_comes_later_does_not_join_a_digest_that_waits(outage, receiver):
    end(outage, 7)
    make_due()
    deliver()
    long_since_told()
    deliver()

    sizes = Counter(Delivery.objects.values_list("digest_key", flat=True)).values()
    assert sorted(sizes) == [7, 8]


def test_the_rows_of_a_digest_fail_and_wait_together(outage):
    assert set(Delivery.objects.values_list("failures", flat=True)) == {1}
    assert len(set(Delivery.objects.values_list("next_attempt_at", flat=True))) == 1
    assert Attempt.objects.filter(is_sent=False, status_code=500).count() == 8


def test_a_newer_alert_of_one_job_hurries_the_whole_digest(outage, receiver):
    job = Delivery.objects.order_by("pk")[0].transition.job
    a_transition(job, to_state="succeeded")
    Channel.objects.update(wait_until=None)
    deliver()

    digests = [one for one in receiver.accepted if one.content["entries"]]
    assert len(digests[0].content["entries"]) == 8
    assert receiver.accepted[-1].content["text"].startswith("SUCCEEDED")


def test_a_digest_that_somebody_holds_is_held_whole(outage):
    make_due()
    channel = Channel.objects.get()
    (held,) = claims.claim_from(channel.pk, 5)
    Channel.objects.update(failures=0)

    assert len(held.deliveries) == 8
    assert claims.claim_from(channel.pk, 5) == []


def test_a_digest_of_which_a_part_is_held_is_left_alone(outage):
    make_due()
    channel = Channel.objects.get()
    Channel.objects.update(failures=0)
    held = datetime.now(UTC) + timedelta(seconds=30)
    Delivery.objects.filter(pk=Delivery.objects.latest("pk").pk).update(lease_until=held)

    assert claims.claim_from(channel.pk, 5) == []
    assert Delivery.objects.exclude(lease_token=None).count() == 0


@pytest.mark.parametrize("name", ["deliver.claimed", "deliver.accepted", "deliver.marked"])
def test_dying_with_a_digest_loses_nothing_and_keeps_its_key(house, receiver, monkeypatch, name):
    chat(house, receiver)
    end(house, 9)
    monkeypatch.setenv("FAILPOINT", f"{name}:raise")
    with pytest.raises(FailpointReached):
        deliver()
    monkeypatch.delenv("FAILPOINT")
    end_leases()
    deliver()

    assert states() == {"sent": 9}
    assert len({one.key for one in receiver.journal}) == 1
    assert len(receiver.journal) == (2 if name == "deliver.accepted" else 1)


def test_alerts_of_one_job_stay_in_order_within_a_digest(house, receiver):
    chat(house, receiver)
    transition = house.ends()
    for state in ("succeeded", "cancelled", "failed", "succeeded", "cancelled"):
        a_transition(transition.job, to_state=state)
    deliver()

    (arrival,) = receiver.accepted
    assert len(arrival.content["entries"]) == 6


def test_what_follows_a_row_that_is_held_waits_for_it(house, receiver):
    channel = chat(house, receiver)
    transition = house.ends()
    announce()
    claims.claim_from(channel.pk, 1)
    for state in ("succeeded", "cancelled"):
        a_transition(transition.job, to_state=state)
    end(house, 6)
    deliver()

    assert len(receiver.accepted[0].content["entries"]) == 6
    assert states() == {"sent": 6, "pending": 3}


def test_a_storm_is_told_in_steps_and_not_with_each_look(house, receiver):
    chat(house, receiver)
    end(house, 6)
    deliver()
    end(house, 7)
    deliver()
    assert len(receiver.accepted) == 1
    assert 0 < claims.opens_in_s() <= 10

    long_since_told()
    deliver()
    assert len(receiver.accepted) == 2


def test_two_that_quiet_hours_held_back_come_as_one(house, receiver):
    chat(house, receiver)
    end(house, 2)
    announce()
    Delivery.objects.update(quiet_until=LONG_AGO)
    deliver()

    assert [len(one.content["entries"]) for one in receiver.accepted] == [2]


def test_what_quiet_hours_hold_back_is_neither_sent_nor_woken(house, receiver):
    chat(house, receiver, failures=3)
    transition = house.ends()
    a_transition(transition.job, to_state="succeeded")
    announce()
    announce()
    later = datetime.now(UTC) + timedelta(hours=5)
    older = Delivery.objects.filter(transition=transition)
    older.update(quiet_until=later, next_attempt_at=later)
    deliver()

    assert [one.content["text"][:9] for one in receiver.accepted] == ["SUCCEEDED"]
    assert Delivery.objects.get(state="pending").next_attempt_at == later


def test_a_row_resent_alone_goes_under_its_own_key(house, receiver):
    chat(house, receiver)
    end(house, 6)
    deliver()
    delivery = Delivery.objects.order_by("pk")[0]
    resend(delivery)
    deliver()

    delivery.refresh_from_db()
    assert (delivery.state, delivery.digest_key) == ("sent", None)
    assert receiver.accepted[-1].key == str(delivery.key)
    assert receiver.accepted[-1].content["entries"] == []


def test_resending_one_row_of_a_digest_that_waits_hurries_all_of_it(outage, receiver):
    resend(Delivery.objects.order_by("pk")[2])
    deliver()

    assert len(receiver.accepted) == 1
    assert receiver.accepted[0].key == receiver.journal[0].key


def test_all_that_was_given_up_may_come_as_one_digest(outage, receiver):
    Delivery.objects.update(state="dead", next_attempt_at=None)
    old = receiver.journal[0].key

    assert resend_dead(outage.team) == 8
    deliver()
    assert (len(receiver.accepted), states()) == (1, {"sent": 8})
    assert receiver.accepted[0].key != old


def test_a_digest_is_given_up_as_a_whole(house, receiver):
    chat(house, receiver)
    end(house, 8)
    receiver.usual = Answer(500)
    for _ in range(12):
        deliver()
        make_due()

    assert (states(), len(receiver.journal)) == ({"dead": 8}, 9)


def test_workers_at_once_make_each_row_part_of_one_message(open_house, receiver):
    chat(open_house, receiver)
    end(open_house, 40)
    run_at_once(deliver, 4)

    told = sum(len(one.content["entries"]) for one in receiver.journal)
    assert (told, len({one.key for one in receiver.journal})) == (40, len(receiver.journal))
    assert states() == {"sent": 40}


def test_in_a_storm_one_dead_channel_delays_nobody_and_no_row_is_lost(
    house, receiver, other_receiver
):
    dead = chat(house, receiver)
    receiver.down()
    people, machine = chat(house, other_receiver), house.hook(other_receiver)
    end(house, 200, State.SUCCEEDED)
    end(house, 100, State.FAILED)
    deliver()

    by_channel = {one: Delivery.objects.filter(channel=one) for one in (dead, people, machine)}
    assert all(rows.count() == 300 for rows in by_channel.values())
    assert by_channel[people].filter(state="sent").exclude(digest_key=None).count() == 300
    assert by_channel[machine].filter(state="sent").count() == 300
    assert by_channel[dead].filter(state="pending", failures=1).count() == 300
    (digest,) = [one for one in other_receiver.accepted if "entries" in one.content]
    assert digest.content["entries"] == ["failed"] * 50
    people.refresh_from_db()
    assert people.window_used == 1
