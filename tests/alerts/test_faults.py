"""Whoever dies or stands still, wherever: no alert is lost, and every try carries the same key."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from django.db import OperationalError

from alerts import claims, outbox, results
from alerts.channels import Receipt, SendError
from alerts.models import Attempt, Channel, Delivery
from alerts.outbox import announce, deliver
from alerts.results import Fate
from alerts.senders import NotBegun, Outcome
from jobs.failpoints import FailpointReached
from jobs.models import Transition
from tests.alerts.house import end_leases, make_due, the_delivery
from tests.alerts.together import in_background, run_at_once
from tests.receiver import Answer
from tests.servers import ROOT, eventually

ACCEPTED = Outcome(Receipt(200, "ok"), None, 5)
REFUSED = Outcome(None, SendError("no", status=500), 5)


def claim_one(channel) -> claims.Held:
    announce()
    (held,) = claims.claim_from(channel.pk, 1)
    return held


@pytest.mark.parametrize(
    ("name", "arrivals"),
    [("deliver.claimed", 1), ("deliver.renewed", 1), ("deliver.accepted", 2)],
)
def test_dying_before_the_mark_loses_nothing_and_keeps_the_key(
    house, receiver, monkeypatch, name, arrivals
):
    house.hook(receiver)
    house.ends()
    monkeypatch.setenv("FAILPOINT", f"{name}:raise")
    with pytest.raises(FailpointReached):
        deliver()
    monkeypatch.delenv("FAILPOINT")
    end_leases()
    deliver()

    assert the_delivery().state == "sent"
    assert len(receiver.journal) == arrivals
    assert len({one.key for one in receiver.journal}) == 1


def test_dying_after_the_mark_sends_nothing_again(house, receiver, monkeypatch):
    house.hook(receiver)
    house.ends()
    monkeypatch.setenv("FAILPOINT", "deliver.marked:raise")
    with pytest.raises(FailpointReached):
        deliver()
    monkeypatch.delenv("FAILPOINT")
    end_leases()
    deliver()

    assert (the_delivery().state, len(receiver.journal)) == ("sent", 1)


def test_a_broken_note_after_the_mark_does_not_send_again(house, receiver, monkeypatch):
    house.hook(receiver)
    house.ends()

    def broken(*_facts, **_more):
        raise OperationalError("disk full")

    monkeypatch.setattr(results, "_note_attempts", broken)
    deliver()
    make_due()
    deliver()

    assert (the_delivery().state, len(receiver.journal)) == ("sent", 1)
    assert not Attempt.objects.exists()


def test_a_killed_process_leaves_work_that_the_next_one_does(open_house, receiver, project_env):
    open_house.hook(receiver)
    open_house.ends()
    env = project_env(FAILPOINT="deliver.accepted:kill")
    env |= {"DJANGO_SETTINGS_MODULE": "dashboard.settings"}
    code = "import django; django.setup(); from alerts.outbox import deliver; deliver()"
    ended = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, check=False)
    end_leases()
    deliver()

    assert ended.returncode == -signal.SIGKILL
    assert the_delivery().state == "sent"
    assert len(receiver.accepted) == 2
    assert len({one.key for one in receiver.accepted}) == 1


@pytest.mark.stack
def test_alerts_survive_the_worker_and_an_outage_of_the_receiver(
    open_house, receiver, celery_stack
):
    open_house.hook(receiver)
    receiver.down()
    for _ in range(20):
        open_house.ends()
    stack = celery_stack(["alerts"])
    eventually(Attempt.objects.filter(is_sent=False).exists)
    stack.kill("alerts")
    receiver.up()
    end_leases()
    make_due()
    stack.start(["alerts"])
    eventually(lambda: Delivery.objects.filter(state="sent").count() == 20)

    assert len({one.key for one in receiver.accepted}) == 20
    assert len(receiver.accepted) == 20


@pytest.mark.parametrize("outcome", [ACCEPTED, REFUSED])
def test_what_a_zombie_brings_home_is_refused(house, receiver, outcome):
    channel = house.hook(receiver)
    house.ends()
    zombie = claim_one(channel)
    end_leases()
    owner = claim_one(channel)

    assert results.settle(zombie, outcome) is Fate.STALE
    delivery = the_delivery()
    assert (delivery.state, delivery.lease_token) == ("pending", owner.token)
    assert not Attempt.objects.exists()


def test_a_zombie_cannot_renew(house, receiver):
    channel = house.hook(receiver)
    house.ends()
    zombie = claim_one(channel)
    end_leases()
    claim_one(channel)

    assert claims.renew(zombie) is None


def test_a_lease_that_runs_short_is_renewed_before_the_send(house, receiver, monkeypatch):
    house.hook(receiver)
    house.ends()
    claim_from = claims.claim_from

    def slow(channel_id, limit):
        held = claim_from(channel_id, limit)
        return [replace(one, held_since=one.held_since - 20) for one in held]

    renewed = []
    renew = claims.renew
    monkeypatch.setattr(claims, "claim_from", slow)
    monkeypatch.setattr(claims, "renew", lambda held: renewed.append(held) or renew(held))
    deliver()

    assert (len(renewed), len(receiver.accepted)) == (1, 1)


def test_who_stood_still_until_another_took_over_sends_nothing(house, receiver, monkeypatch):
    house.hook(receiver)
    house.ends()
    claim_from = claims.claim_from

    def stopped(channel_id, limit):
        held = [replace(one, held_since=one.held_since - 99) for one in claim_from(channel_id, 1)]
        end_leases()
        claim_from(channel_id, limit)
        return held

    monkeypatch.setattr(claims, "claim_from", stopped)
    tally = deliver()

    assert (tally.stale, receiver.journal) == (1, [])


def test_a_sender_that_stood_still_too_long_does_not_begin(house, receiver):
    channel = house.hook(receiver)
    house.ends()
    held = claim_one(channel)
    sent = []
    with pytest.raises(NotBegun):
        outbox._send(replace(held, held_since=held.held_since - 30), lambda: sent.append(1))

    assert sent == []


def test_a_send_that_was_never_begun_costs_no_try(house, receiver):
    channel = house.hook(receiver)
    house.ends()
    held = claim_one(channel)
    results.settle(held, Outcome(None, NotBegun(), 0))

    delivery = the_delivery()
    assert (delivery.lease_token, delivery.claims, delivery.failures) == (None, 0, 0)


def test_a_live_lease_keeps_others_away(house, receiver):
    channel = house.hook(receiver)
    house.ends()
    claim_one(channel)

    assert claims.claim_from(channel.pk, 5) == []
    assert claims.channels_due([]) == []


def test_a_delivery_that_kills_its_workers_is_given_up(house, receiver):
    house.hook(receiver)
    house.ends()
    announce()
    Delivery.objects.update(claims=20)
    deliver()

    delivery = the_delivery()
    assert (delivery.state, delivery.reason, receiver.journal) == ("dead", "worker lost", [])


@pytest.mark.parametrize("outcome", [ACCEPTED, REFUSED])
def test_a_channel_deleted_during_the_send_is_no_error(house, receiver, outcome):
    channel = house.hook(receiver)
    house.ends()
    held = claim_one(channel)
    Channel.objects.all().delete()

    assert results.settle(held, outcome) is Fate.STALE


def test_a_channel_deleted_before_the_send_gets_nothing(house, receiver):
    house.hook(receiver)
    house.ends()
    announce()
    Channel.objects.all().delete()
    deliver()

    assert receiver.journal == []


def test_an_outcome_that_cannot_be_written_yet_is_written_later(house, receiver, monkeypatch):
    house.hook(receiver)
    house.ends()
    settle, failures = results.settle, [OperationalError("locked"), OperationalError("locked")]

    def locked(held, outcome):
        if failures:
            raise failures.pop()
        return settle(held, outcome)

    monkeypatch.setattr(results, "settle", locked)

    assert deliver().sent == 1
    assert len(receiver.journal) == 1


def test_announcing_that_fails_does_not_stop_what_is_due(house, receiver, monkeypatch):
    house.hook(receiver)
    house.ends()
    announce()

    def broken():
        raise OperationalError("deadlock")

    monkeypatch.setattr(outbox, "announce_some", broken)

    assert deliver().sent == 1


def test_a_surprise_in_a_channel_is_a_failure_like_any_other(house, receiver):
    channel = house.hook(receiver)
    channel.set_secrets(None)
    channel.save()
    house.ends()

    assert deliver().failed == 1
    assert "KeyError" in the_delivery().reason


def test_delivering_at_once_sends_each_alert_once(open_house, receiver):
    open_house.hook(receiver)
    for _ in range(20):
        open_house.ends()
    run_at_once(deliver, 4)
    deliver()

    assert len(receiver.journal) == 20
    assert len({one.key for one in receiver.journal}) == 20
    assert not Delivery.objects.exclude(state="sent").exists()


def test_a_failing_channel_gets_one_trial_from_all_workers_together(open_house, receiver):
    open_house.hook(receiver, failures=2)
    receiver.usual = Answer(hangs=True)
    for _ in range(4):
        open_house.ends()
    announce()
    runs = [in_background(deliver) for _ in range(3)]
    eventually(lambda: receiver.journal)
    eventually(lambda: sum(run.is_alive() for run in runs) <= 1)
    receiver.down()
    for run in runs:
        run.join(60)

    assert len(receiver.journal) == 1


def test_every_delivery_ends_in_one_state(house, receiver, other_receiver):
    house.hook(receiver)
    house.hook(other_receiver)
    other_receiver.usual = Answer(410)
    for _ in range(6):
        house.ends()
    deliver()
    deliver()

    alerts = Delivery.objects.exclude(transition=None)
    states = sorted(alerts.values_list("state", flat=True))
    assert states == ["dead"] + ["sent"] * 6 + ["suppressed"] * 5
    assert not Transition.objects.filter(announced_at=None).exists()


def test_a_run_stops_claiming_when_its_time_is_over(house, receiver):
    house.hook(receiver)
    house.ends()

    assert deliver(budget_s=0).sent == 0
    assert receiver.journal == []


def test_nothing_here_depends_on_the_clock_of_the_machine(house, receiver, monkeypatch):
    house.hook(receiver)
    house.ends()
    year_s = 365 * 24 * 3600
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + year_s)

    assert deliver().sent == 1
    assert os.environ.get("FAILPOINT") is None
