"""Whole stories: the simulator, a poll, a look, and what rings. Times are moved in the rows."""

import time
from datetime import timedelta

import pytest
from django.db.models import F

from jobs.models import Connection, Job, Transition
from jobs.watch import watch
from tests.builders import a_connection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
HOUR = timedelta(hours=1)
MOMENTS = ("state_since", "first_seen_at", "progressed_at", "created_at")


@pytest.fixture
def lab(provider, poll):
    """A connection that was polled before its jobs came."""
    lab = a_connection(base_url=provider.url)
    poll(3)
    assert Connection.objects.get().health == "ok"
    return lab


def simulated(provider, **members):
    """A job of the simulator, in the middle of its life."""
    spec = {
        "id": "ftjob-story",
        "created_at": time.time() - 60,
        "model": "Qwen/Qwen3-14B",  # the others retire, and that rings too
        "validating_s": 5,
        "queued_s": 5,
        "running_s": 60,
        "training_file": "file-train",
        "validation_file": "file-valid",
        "requested": {"n_epochs": 6, "batch_size": 4},
        **members,
    }
    provider.control("jobs", spec)


def hours_pass(hours):
    """As far as the row of the job knows."""
    back = hours * HOUR
    Job.objects.update(**{name: F(name) - back for name in MOMENTS})


def rung():
    rows = Transition.objects.filter(kind="condition", rings=True).order_by("pk")
    return list(rows.values_list("from_state", "to_state"))


def test_a_job_hangs_in_the_queue_and_then_moves(provider, poll, lab):
    simulated(provider, queued_s=1e6)
    poll()
    watch()
    assert rung() == []
    hours_pass(7)
    poll()
    watch()
    assert rung() == [("", "stuck")]
    provider.control("advance", {"id": "ftjob-story"})
    poll()
    watch()
    assert rung() == [("", "stuck"), ("stuck", "recovered")]
    assert Transition.objects.last().reason == "running now, after 7 h in queued"


def test_a_training_stops_without_a_word(provider, poll, lab):
    simulated(provider, running_s=80, stalls_at=0.5)
    poll(2)
    assert Job.objects.get().step > 3
    Job.objects.update(planned_finish=None, estimated_finish=None)
    hours_pass(2)
    poll()
    watch()
    told = Transition.objects.get(kind="condition")
    assert told.to_state == "no_progress"
    assert told.reason.startswith("no step, point or event for 2 h, at step ")


@pytest.mark.parametrize(
    ("curve", "kind"), [("overfit", "overfitting"), ("diverge", "diverging"), ("steady", None)]
)
def test_a_curve_tells_how_the_training_goes(provider, poll, lab, curve, kind):
    simulated(provider, curve=curve, created_at=time.time() - 500, running_s=600)
    poll(2)
    watch()
    expected = [("", kind)] if kind else []
    assert rung() == expected


def test_while_the_provider_cannot_be_reached_nothing_is_stuck(provider, poll, lab):
    simulated(provider, queued_s=1e6)
    poll()
    provider.breaks("status", status=401)
    poll(3)
    hours_pass(9)
    watch()
    assert rung() == []
    provider.heals()
    poll(3)
    watch()
    assert rung() == [("", "stuck")]  # it was queued before and is now
