"""Who is not told, or not yet: muted and snoozed jobs, and quiet hours, from announce to the receiver."""

from datetime import timedelta

import pytest

from alerts import setup, silences
from alerts.models import Channel, Delivery, Rule, Silence
from alerts.outbox import announce, deliver
from jobs.claims import database_now
from jobs.models import Transition
from providers.states import State
from tests.alerts.house import LONG_AGO, House, the_delivery
from tests.builders import a_job, a_member, a_rule, a_transition

pytestmark = pytest.mark.both_databases
HOUR = timedelta(hours=1)


def stuck(house: House, **facts) -> Transition:
    job = facts.pop("job", None) or a_job(house.connection)
    return a_transition(
        job, **{"kind": "condition", "from_state": "", "to_state": "stuck", **facts}
    )


def quiet_now(**facts) -> None:
    """Quiet hours that began half an hour ago and go on for half an hour, for every rule."""
    now = database_now()
    begins, ends = (now - HOUR / 2).time(), (now + HOUR / 2).time()
    Rule.objects.update(quiet_from=begins, quiet_until=ends, states=["stuck", "failed"], **facts)


@pytest.fixture
def home(house, receiver):
    house.hook(receiver)
    Rule.objects.update(states=["stuck", "recovered", "failed", "missing"])
    return house


def test_a_muted_job_is_written_down_as_suppressed(home):
    failed = home.ends()
    silences.mute(failed.job, None)

    assert announce() == 1
    delivery = the_delivery()
    assert (delivery.state, delivery.reason) == ("suppressed", "The job is muted.")
    assert delivery.next_attempt_at is None
    assert delivery.message["type"] == "job.failed"


def test_nothing_of_a_muted_job_reaches_the_receiver(home, receiver):
    silences.mute(home.ends().job, None)
    announce()

    deliver(budget_s=5)
    assert receiver.journal == []


def test_a_suppressed_alert_can_still_be_sent_by_hand(home, receiver):
    from alerts.outbox import resend

    silences.mute(home.ends().job, None)
    announce()
    resend(the_delivery())
    deliver(budget_s=5)

    assert the_delivery().state == "sent"
    assert len(receiver.journal) == 1


@pytest.mark.parametrize(("kind", "name"), [("condition", "stuck"), ("missing", "missing")])
def test_a_snooze_holds_back_a_trouble_and_says_until_when(home, kind, name):
    trouble = stuck(home, kind=kind, to_state=name)
    until = silences.snooze(trouble.job, "4h", None).until
    announce()

    delivery = the_delivery()
    assert delivery.state == "suppressed"
    assert delivery.reason == f"The job is snoozed until {until:%Y-%m-%d %H:%M} UTC."


def test_the_end_of_a_job_and_of_a_trouble_ring_through_a_snooze(home):
    job = a_job(home.connection, state=State.FAILED)
    silences.snooze(job, "7d", None)
    stuck(home, job=job, from_state="stuck", to_state="recovered")
    a_transition(job)
    announce()

    assert {one.state for one in Delivery.objects.all()} == {"pending"}


def test_a_snooze_ends_by_itself(home):
    trouble = stuck(home)
    silences.snooze(trouble.job, "4h", None)
    Silence.objects.update(until=LONG_AGO)
    announce()

    assert the_delivery().state == "pending"


def test_a_job_that_is_woken_rings_again(home):
    failed = home.ends()
    silences.mute(failed.job, None)
    assert silences.wake(failed.job)
    assert not silences.wake(failed.job)
    announce()

    assert the_delivery().state == "pending"


def test_the_silence_of_one_job_is_its_own(home):
    silences.mute(a_job(home.connection), None)
    home.ends()
    announce()

    assert the_delivery().state == "pending"


def test_a_mute_takes_the_place_of_a_snooze_and_the_other_way_round(house):
    job, dana = a_job(house.connection), a_member(house.team)
    silences.snooze(job, "24h", dana)
    assert silences.mute(job, None).until is None
    assert silences.snooze(job, "4h", dana).until - database_now() <= 4 * HOUR
    assert Silence.objects.get().creator == dana


@pytest.mark.parametrize("span", ["", "1h", "-4h", "4h "])
def test_a_span_that_is_not_offered_is_refused(house, span):
    with pytest.raises(ValueError, match="4 hours"):
        silences.snooze(a_job(house.connection), span, None)
    assert not Silence.objects.exists()


def test_silences_take_one_query_a_batch(home, django_assert_max_num_queries):
    for _ in range(3):
        silences.mute(home.ends().job, None)
    announce()
    for _ in range(20):
        silences.mute(home.ends().job, None)
    with django_assert_max_num_queries(17):
        assert announce() == 20


def test_an_alert_in_quiet_hours_waits_until_they_end(home, receiver):
    quiet_now()
    home.ends()
    announce()

    delivery = the_delivery()
    assert database_now() < delivery.quiet_until <= database_now() + HOUR
    assert delivery.next_attempt_at == delivery.quiet_until
    deliver(budget_s=5)
    assert receiver.journal == []


def test_an_urgent_alert_rings_in_quiet_hours_and_says_so(home, receiver):
    quiet_now(is_urgent=True)
    home.ends()
    announce()

    delivery = the_delivery()
    assert (delivery.is_urgent, delivery.quiet_until) == (True, None)
    assert delivery.message["is_urgent"] is True
    deliver(budget_s=5)
    assert len(receiver.accepted) == 1


def test_one_that_is_held_does_not_wake_an_older_one_that_is_held(home):
    quiet_now()
    first = stuck(home)
    announce()
    a_transition(first.job, to_state="failed")
    announce()

    assert {one.quiet_until is None for one in Delivery.objects.all()} == {False}
    assert not Delivery.objects.filter(next_attempt_at__lte=database_now()).exists()


def test_an_urgent_one_takes_the_older_ones_of_its_job_along_in_order(home, receiver):
    quiet_now()
    a_rule(Channel.objects.get(), states=["failed"], is_urgent=True)
    first = stuck(home)
    announce()
    a_transition(first.job, to_state="failed")
    announce()

    deliver(budget_s=5)
    types = [one.content["type"] for one in receiver.accepted]
    assert types == ["job.stuck", "job.failed"]


def test_mending_a_channel_does_not_end_the_quiet_hours(home):
    quiet_now()
    home.ends()
    announce()
    setup.set_enabled(Channel.objects.get(), True)

    assert the_delivery().next_attempt_at > database_now()
