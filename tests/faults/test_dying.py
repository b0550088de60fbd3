"""F3 to F8: whoever dies, wherever, between the provider's answer and the receiver's.

A process sends up to MAX_SENDERS alerts at a time. What receivers had taken when it died, and it had not written down
yet, is sent once more under the same key: so many duplicates a kill at most, and none for a kill anywhere else.
"""

import signal

import pytest

from alerts.models import Delivery
from alerts.outbox import announce, deliver
from alerts.senders import MAX_SENDERS
from jobs.models import Snapshot, Transition
from tests.faults.scene import make_all_due
from tests.receiver import Answer
from tests.servers import eventually

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
SOME = 5


@pytest.mark.parametrize("place", ["poll.claimed", "poll.answered", "record.mid"])
def test_f3_and_f4_dying_before_the_commit_loses_nothing_and_leaves_no_half(scene, dies_at, place):
    ids = scene.runs(SOME)
    scene.over(ids)
    before = Snapshot.objects.count(), Transition.objects.count()
    dies_at(place, scene.poll)
    assert (Snapshot.objects.count(), Transition.objects.count()) == before
    scene.comes_to_rest()
    assert scene.verdict().is_clean


def test_f3_what_was_answered_while_we_died_is_in_the_history_afterwards(scene, dies_at):
    (job_id,) = scene.runs()
    scene.over([job_id], "succeeded")
    dies_at("poll.answered", scene.poll)
    scene.comes_to_rest()
    bodies = (
        Snapshot.objects.filter(source="retrieve").order_by("pk").values_list("body", flat=True)
    )
    assert ['"running"' in body for body in bodies] == [True, False]


def test_f4_dying_inside_announce_leaves_all_or_nothing(scene, dies_at):
    scene.over(scene.runs(SOME))
    scene.poll()
    dies_at("announce.mid", announce)
    assert (Delivery.objects.count(), Transition.objects.filter(announced_at=None).count()) == (
        0,
        SOME,
    )
    scene.comes_to_rest()
    assert scene.verdict().is_clean


def test_f5_dying_after_the_commit_and_before_the_hint_is_found_by_the_sweep(scene, dies_at):
    scene.over(scene.runs())
    dies_at("record.committed", scene.poll)
    deliver()
    scene.comes_to_rest()
    assert scene.verdict().is_clean


@pytest.mark.parametrize("place", ["deliver.claimed", "deliver.renewed", "deliver.accepted"])
def test_f6_and_f7_dying_around_a_send_loses_nothing_and_repeats_at_most_one(scene, dies_at, place):
    scene.over(scene.runs(SOME))
    scene.poll()
    dies_at(place, deliver)
    scene.comes_to_rest()
    verdict = scene.verdict()
    assert (verdict.lost, verdict.invented, verdict.stuck) == (frozenset(), frozenset(), 0)
    assert verdict.duplicates <= (MAX_SENDERS if place == "deliver.accepted" else 0)


def test_f8_dying_after_the_mark_repeats_nothing(scene, dies_at):
    scene.over(scene.runs(SOME))
    scene.poll()
    dies_at("deliver.marked", deliver)
    marked = {
        str(key) for key in Delivery.objects.filter(state="sent").values_list("key", flat=True)
    }
    scene.comes_to_rest()
    arrived = [one.key for receiver in scene.receivers for one in receiver.accepted]
    assert marked
    assert [arrived.count(key) for key in marked] == [1] * len(marked)
    assert scene.verdict().lost == frozenset()


@pytest.mark.parametrize("place", ["record.mid", "announce.mid", "deliver.accepted"])
def test_f3_to_f7_a_process_that_is_really_killed_needs_no_operator(scene, killed_at, place):
    scene.over(scene.runs(SOME))
    make_all_due()
    assert killed_at(place) == -signal.SIGKILL
    scene.comes_to_rest()
    verdict = scene.verdict()
    assert (verdict.lost, verdict.invented, verdict.stuck) == (frozenset(), frozenset(), 0)
    assert verdict.duplicates <= (MAX_SENDERS if place == "deliver.accepted" else 0)


def test_f6_a_process_killed_while_receivers_have_not_answered_yet_loses_nothing(scene, sweeping):
    for receiver in scene.receivers:
        receiver.usual = Answer(503, hangs=True)
    scene.over(scene.runs(SOME))
    make_all_due()
    process = sweeping()
    eventually(lambda: all(receiver.journal for receiver in scene.receivers))
    process.kill()
    process.wait()
    for receiver in scene.receivers:
        receiver.usual = Answer()
        receiver.released.set()
    scene.comes_to_rest()
    assert scene.verdict().is_clean


def test_f6_two_hundred_alerts_survive_a_kill_after_the_claim(scene, killed_at):
    for _ in range(100):
        scene.ends()
    announce()
    assert killed_at("deliver.claimed") == -signal.SIGKILL
    scene.comes_to_rest()
    assert Delivery.objects.filter(state="sent").count() == 200
    assert [len({one.key for one in receiver.accepted}) for receiver in scene.receivers] == [
        100,
        100,
    ]
