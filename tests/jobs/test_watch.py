"""Watching jobs: rows, transitions and flags, with several workers and with rows that cannot be read."""

from datetime import timedelta

import pytest
from django.db.models import F

from alerts.tasks import watch_due
from dashboard.celery import app
from dashboard.standby import Standby, sweep_once
from jobs import raising
from jobs.claims import database_now
from jobs.models import Condition, Connection, Job, Transition
from jobs.signals import transition_recorded
from jobs.watch import Watched, watch
from providers.states import State
from tests.alerts.together import run_at_once
from tests.jobs.waiting import HOUR, MINUTE, a_waiting_job, a_well_connection, some_stays

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def lab():
    return a_well_connection()


def told():
    """What rings, in order: (from, to)."""
    rows = Transition.objects.filter(kind="condition", rings=True, announced_at=None)
    return list(rows.order_by("pk").values_list("from_state", "to_state"))


def runs(job):
    """It left the queue; a poll saw it."""
    now = database_now()
    Job.objects.filter(pk=job.pk).update(state="running", state_since=now, last_seen_at=now)


def test_a_job_that_is_stuck_rings_once_and_once_when_it_moves(lab):
    job = a_waiting_job(lab)
    assert [watch().raised for _ in range(3)] == [1, 0, 0]
    assert told() == [("", "stuck")]
    runs(job)
    assert [watch().resolved for _ in range(3)] == [1, 0, 0]
    assert told() == [("", "stuck"), ("stuck", "recovered")]
    assert Condition.objects.get().resolved_at is not None


def test_the_transition_carries_reason_and_numbers(lab):
    some_stays(lab, *[22 * 60] * 14)
    a_waiting_job(lab, 5 * HOUR)
    watch()
    rung, condition = Transition.objects.get(kind="condition"), Condition.objects.get()
    assert rung.reason == condition.reason == "queued for 5 h; usual wait is 22 min (14 jobs)"
    assert {"stayed_s": 18000, "usual_count": 14}.items() <= rung.facts.items()
    assert "is_told" not in rung.facts


def test_a_hint_goes_out_after_the_commit(lab, django_capture_on_commit_callbacks):
    a_waiting_job(lab)
    heard = []
    transition_recorded.connect(lambda **_: heard.append(1), weak=False, dispatch_uid="heard")
    try:
        with django_capture_on_commit_callbacks(execute=True):
            watch()
    finally:
        transition_recorded.disconnect(dispatch_uid="heard")
    assert heard == [1]


def test_the_row_of_the_job_says_what_is_open_and_open_pages_notice(lab):
    job = a_waiting_job(lab)
    watch()
    flagged = Job.objects.get(pk=job.pk)
    assert (flagged.flags, flagged.version, flagged.changed_at) == ("stuck", 1, job.changed_at)
    assert flagged.stuck_since is not None
    assert Connection.objects.get().team.version == 1
    runs(job)
    watch()
    well = Job.objects.get(pk=job.pk)
    assert (well.flags, well.stuck_since, well.version) == ("", None, 2)


def test_a_flag_without_a_condition_is_taken_down(lab):
    job = a_waiting_job(lab, MINUTE, flags="stuck", stuck_since=database_now())
    watch()
    assert Job.objects.get(pk=job.pk).flags == ""


def test_a_quiet_run_writes_nothing(lab, django_assert_num_queries):
    for _ in range(5):
        a_waiting_job(lab, MINUTE)
    with django_assert_num_queries(8):  # the clock, connections, ids, jobs, conditions, models
        assert watch() == Watched(looked=5)


def test_the_end_of_a_job_ends_what_was_open_even_when_nobody_polls_it(lab):
    job = a_waiting_job(lab)
    watch()
    Job.objects.update(state="failed", next_poll_at=None)
    Connection.objects.update(health="unreachable")
    watch()
    assert told()[-1] == ("stuck", "recovered")
    assert Transition.objects.last().reason == "the job is over: failed"
    assert Job.objects.get(pk=job.pk).flags == ""


@pytest.mark.parametrize("health", ["unreachable", "rejected", "limited", "out_of_quota", "new"])
def test_jobs_of_a_connection_that_is_not_well_are_not_judged(lab, health):
    a_waiting_job(lab)
    Connection.objects.update(health=health)
    assert watch() == Watched(looked=1)


@pytest.mark.parametrize(
    "facts",
    [
        {"is_paused": True},
        {"is_missing": True},
        {"trouble_count": 3},
        {"last_seen_at": None},
        {"last_seen_at": F("last_seen_at") - 3 * HOUR},
        {"state": "paused"},
    ],
)
def test_jobs_that_we_do_not_see_or_that_rest_are_not_judged(lab, facts):
    a_waiting_job(lab)
    Job.objects.update(**facts)
    assert watch() == Watched(looked=1)


def test_history_does_not_ring_at_first_contact(lab):
    """300 jobs that waited for nine hours when a connection was added."""
    for _ in range(30):
        a_waiting_job(lab, first_seen_at=database_now(), is_since_exact=False)
    assert watch().raised == 30
    assert told() == []
    assert Job.objects.filter(stuck_since__isnull=False).count() == 30


def test_what_lasts_rings_once_we_saw_enough_of_it(lab):
    a_waiting_job(lab, first_seen_at=database_now(), is_since_exact=False)
    watch()
    Job.objects.update(first_seen_at=database_now() - 7 * HOUR)
    for _ in range(2):
        watch()
    assert told() == [("", "stuck")]
    assert Condition.objects.get().facts["is_told"] is True


def test_what_was_not_told_ends_without_a_word(lab):
    job = a_waiting_job(lab, first_seen_at=database_now())
    watch()
    runs(job)
    assert watch().resolved == 1
    assert not Transition.objects.filter(kind="condition").exists()


def test_the_second_time_needs_twice_as_long(lab):
    job = a_waiting_job(lab)
    watch()
    runs(job)
    watch()
    for hours, raised in ((9, 0), (13, 1)):  # six hours the first time
        since = database_now() - hours * HOUR
        Job.objects.update(state="queued", state_since=since, first_seen_at=since)
        assert watch().raised == raised


def test_a_row_that_cannot_be_judged_stops_no_other(lab):
    jobs = [a_waiting_job(lab) for _ in range(5)]
    Job.objects.filter(pk=jobs[2].pk).update(state="nonsense")
    assert watch() == Watched(looked=4, raised=4, failed=1)


def test_a_condition_that_cannot_be_written_stops_no_other(lab, monkeypatch):
    jobs = [a_waiting_job(lab) for _ in range(3)]
    begin = raising.begin

    def breaking(about, saying):
        if about.job_id == jobs[1].pk:
            raise ValueError("poison")
        begin(about, saying)

    monkeypatch.setattr(raising, "begin", breaking)
    assert (watch().failed, len(told())) == (1, 2)
    monkeypatch.undo()
    watch()
    assert len(told()) == 3


def test_a_run_without_time_leaves_the_rest_to_the_next(lab):
    a_waiting_job(lab)
    assert watch(budget_s=-1) == Watched()
    assert watch().raised == 1


def test_more_than_one_batch_is_judged(lab, monkeypatch):
    monkeypatch.setattr("jobs.watch.BATCH", 2)
    for _ in range(5):
        a_waiting_job(lab)
    assert watch() == Watched(looked=5, raised=5)


def test_an_archived_job_ends_silently_and_a_removed_one_is_no_error(lab):
    archived, removed = a_waiting_job(lab), a_waiting_job(lab)
    watch()
    Job.objects.filter(pk=archived.pk).update(archived_at=database_now(), next_poll_at=None)
    removed.delete()
    assert watch() == Watched(looked=1, resolved=1)
    assert told() == [("", "stuck")]


def test_a_job_that_moves_between_the_look_and_the_lock_does_not_ring(lab, monkeypatch):
    """The decision is made again under the lock."""
    from jobs.watch import _Run

    job = a_waiting_job(lab)
    write = _Run._write
    monkeypatch.setattr(_Run, "_write", lambda run, ids: (runs(job), write(run, ids)))
    assert watch().raised == 0
    assert told() == []


@pytest.mark.django_db(transaction=True)
def test_several_workers_at_once_ring_once():
    lab = a_well_connection()
    jobs = [a_waiting_job(lab) for _ in range(40)]
    run_at_once(watch, 4)
    assert told() == [("", "stuck")] * 40
    for job in jobs:
        runs(job)
    run_at_once(watch, 4)
    assert told().count(("stuck", "recovered")) == 40
    assert not Condition.objects.filter(resolved_at=None).exists()


OVERFIT = {
    "state": State.RUNNING,
    "headline_metric": "valid_loss",
    "curve": [1.2, 0.9, 0.7, 0.6, 0.62, 0.66, 0.7, 0.75, 0.8],
    "train_curve": [2.0, 1.5, 1.2, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5],
}


def test_losses_are_read_from_the_row_of_the_job(lab):
    a_waiting_job(lab, HOUR, **OVERFIT)
    a_waiting_job(lab, HOUR, **OVERFIT, method="reinforcement")
    broken = {**OVERFIT, "headline_metric": "train_loss", "train_curve": None}
    a_waiting_job(lab, HOUR, **{**broken, "curve": [2, 1.5, 1.2, 1, 0.9, 0.8, 2.5, 3.5, 4.5]})
    watch()
    assert told() == [("", "overfitting"), ("", "diverging")]
    assert not Job.objects.filter(stuck_since__isnull=False).exists()


def test_a_job_without_progress_and_one_that_slips_are_told(lab):
    now = database_now()
    quiet = {"progressed_at": now - 2 * HOUR, "step": 480, "total_steps": 1200}
    a_waiting_job(lab, 3 * HOUR, state=State.RUNNING, **quiet)
    slipped = {"planned_finish": now, "estimated_finish": now + timedelta(hours=4)}
    a_waiting_job(lab, 3 * HOUR, state=State.RUNNING, **slipped)
    watch()
    assert told() == [("", "no_progress"), ("", "eta_slipped")]
    assert Job.objects.filter(stuck_since__isnull=False).count() == 1


@pytest.mark.django_db(transaction=True)
def test_beat_asks_the_alert_worker_to_look_every_half_minute():
    a_waiting_job(a_well_connection())
    entry = app.conf.beat_schedule[watch_due.name]
    assert (entry["schedule"], entry["options"]["queue"]) == (30, "alerts")
    watch_due.run()
    assert told() == [("", "stuck")]


def test_a_sweep_without_a_broker_looks_too_and_tells_at_once(lab):
    a_waiting_job(lab, next_poll_at=None)
    Condition.objects.create(connection=lab, job=Job.objects.get(), kind="stuck", facts={})
    Job.objects.update(state="succeeded")
    Connection.objects.update(next_sweep_at=None)
    sweep_once()
    assert Transition.objects.filter(to_state="recovered", announced_at__isnull=False).count() == 1


def test_standing_by_it_looks_every_half_minute_and_alerts_every_second(lab):
    standby = Standby()
    a_waiting_job(lab)
    standby._alert()
    Job.objects.update(state="failed")
    standby._alert()
    assert Condition.objects.filter(resolved_at=None).count() == 1
    standby.watch_at = 0.0
    standby._alert()
    assert not Condition.objects.filter(resolved_at=None).exists()
