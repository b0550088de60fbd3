"""What keeps two workers from one row. On SQLite there is one writer at a time; PostgreSQL skips rows that are locked."""

import threading
from contextlib import contextmanager

import pytest
from django.db import IntegrityError, connection, transaction

from alerts.models import Delivery
from alerts.outbox import announce, deliver
from jobs.claims import claim, database_now
from jobs.models import Job, Transition
from tests.alerts.together import in_background
from tests.builders import a_delivery

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


@contextmanager
def locked_by_another(rows):
    """Another worker has these rows locked, as far as the database locks rows."""
    is_held, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(rows.select_for_update())
            is_held.set()
            may_end.wait(30)

    if connection.vendor == "sqlite":  # its transaction would be the only one
        yield
        return
    thread = in_background(hold)
    is_held.wait(30)
    try:
        yield
    finally:
        may_end.set()
        thread.join(30)


def test_a_claim_passes_over_what_another_worker_is_claiming(scene):
    scene.runs(2)
    Job.objects.update(next_poll_at=database_now())
    first = Job.objects.order_by("pk")[:1]
    with locked_by_another(Job.objects.filter(pk__in=first.values_list("pk", flat=True))):
        _, taken = claim(Job.objects.order_by("pk"), 10)
    assert len(taken) == (2 if connection.vendor == "sqlite" else 1)


def test_announcing_passes_over_what_another_worker_announces(scene):
    for _ in range(2):
        scene.ends()
    first = Transition.objects.order_by("pk").values_list("pk", flat=True)[:1]
    with locked_by_another(Transition.objects.filter(pk__in=list(first))):
        announce()
    left = Transition.objects.filter(announced_at=None).count()
    assert left == (0 if connection.vendor == "sqlite" else 1)


def test_announcing_again_what_was_announced_tells_nobody_twice(scene):
    scene.ends()
    deliver()
    Transition.objects.update(announced_at=None)
    deliver()
    assert [len(one.accepted) for one in scene.receivers] == [1, 1]
    assert not Transition.objects.filter(announced_at=None).exists()


def test_no_alert_can_be_made_twice_for_one_channel(scene):
    happened = scene.ends()
    a_delivery(scene.channels[0], happened)
    with pytest.raises(IntegrityError):
        a_delivery(scene.channels[0], happened)
    assert Delivery.objects.count() == 1
