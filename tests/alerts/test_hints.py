import threading

import pytest
from django.db import OperationalError, connection, transaction

from alerts import hints, outbox, pollbell
from alerts.models import Delivery
from alerts.tasks import announce_due
from jobs.models import Count, Transition
from jobs.signals import transition_recorded
from tests.servers import eventually, free_port


@pytest.fixture
def bell(monkeypatch):
    bell = hints.Bell()
    monkeypatch.setattr(hints, "bell", bell)
    monkeypatch.setattr(pollbell, "bell", hints.Bell())  # with what earlier tests left in it
    return bell


def test_a_broker_that_is_down_is_no_error_and_left_alone(bell, settings):
    with announce_due.app.connection_for_write(f"redis://127.0.0.1:{free_port()}/0") as nowhere:
        bell.options = {"connection": nowhere}
        transition_recorded.send(sender=Transition)
        eventually(lambda: bell.failed)
        hints.ring()

    assert (bell.published, bell.failed, bell.take_owed()) == (0, 1, 1)
    assert not bell._rung.is_set()


def failures_noted() -> int:
    return Count.objects.filter(name=hints.FAILED).values_list("number", flat=True).first() or 0


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_a_wake_up_that_failed_is_counted_once(bell, client):
    bell.owe(2)
    client.get("/livez")
    hints.note_failures()
    bell.owe(1)
    hints.note_failures()
    assert failures_noted() == 3


@pytest.mark.django_db(transaction=True)
def test_a_transaction_of_others_is_left_alone(bell):
    bell.owe(1)
    with transaction.atomic():
        hints.note_failures()
        assert failures_noted() == 0
    hints.note_failures()
    assert failures_noted() == 1


@pytest.mark.django_db(transaction=True)
def test_a_database_in_trouble_is_no_error_and_loses_no_count(bell):
    def refuse(*_args, **_kwargs):
        raise OperationalError("database is locked")

    bell.owe(3)
    with connection.execute_wrapper(refuse):
        hints.note_failures()
    hints.note_failures()
    assert failures_noted() == 3


def test_ringing_does_not_wait_for_the_broker(bell, monkeypatch):
    asked = []
    answered = threading.Event()
    monkeypatch.setattr(bell, "_publish", lambda: asked.append(answered.wait(30)))
    transition_recorded.send(sender=Transition)
    assert asked == []

    answered.set()
    assert eventually(lambda: asked)


def test_a_transition_wakes_a_real_worker_without_beat(
    open_house, receiver, celery_stack, valkey, bell
):
    open_house.hook(receiver)
    celery_stack(["alerts"], beat=False, TUNEBELL_ALLOW_PRIVATE="127.0.0.0/8")
    with announce_due.app.connection_for_write(valkey.url) as broker:
        bell.options = {"connection": broker}
        open_house.ends()
        transition_recorded.send(sender=Transition)
        eventually(lambda: receiver.accepted)

    eventually(lambda: Delivery.objects.filter(state="sent").exists())
    assert len(receiver.accepted) == 1


def test_losing_every_hint_loses_no_alert(house, receiver):
    house.hook(receiver)
    house.ends()

    assert outbox.announce_all() == 1
    assert outbox.deliver_all().sent == 1


def test_a_resend_rings_after_the_commit(open_house, receiver, bell, monkeypatch):
    rung = []
    monkeypatch.setattr(hints, "ring", lambda: rung.append(1))
    open_house.hook(receiver)
    open_house.ends()
    outbox.deliver()
    with transaction.atomic():
        outbox.resend(Delivery.objects.get())
        assert rung == []

    assert rung == [1]


def test_the_alarm_rings_once_at_the_earliest_time(monkeypatch):
    rung = []
    monkeypatch.setattr(hints, "ring", lambda: rung.append(1))
    alarm = hints._Alarm()
    alarm.set(60)
    late = alarm._timer
    alarm.set(0.01)
    alarm.set(60)
    alarm._timer.join(5)

    assert (rung, late.finished.is_set()) == ([1], True)
