"""Retention: what may be forgotten, what never is, and that a round can stop anywhere."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs import retention
from jobs.models import Checkpoint, Event, Job, Point, PointSource, Retention, Snapshot, Transition
from jobs.poll import poll_due
from jobs.retention import Rules
from tests.builders import NOON, a_connection, a_job, a_team, a_transition
from tests.servers import ROOT, eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
EVERYTHING = Rules(snapshot_days=30, event_days=30)
MINUTE = timedelta(minutes=1)


def an_old_job(team, *, snapshots=5, events=3, **facts):
    """Over for 100 days, with a snapshot a minute and one transition at the third."""
    ended = timezone.now() - timedelta(days=100)
    facts = {"state": "succeeded", "ended_at": ended, "settled_at": ended, **facts}
    job = a_job(facts.pop("connection", None) or a_connection(team), **facts)
    for number in range(snapshots):
        a_snapshot(job, number, is_newest=number == snapshots - 1)
    Event.objects.bulk_create(
        Event(job=job, provider_id=f"e{number}", message="m", body={"n": number})
        for number in range(events)
    )
    return job


def a_snapshot(job, minute, **facts):
    at = NOON + minute * MINUTE
    shown = {"source": "retrieve", "body": '{"id": "x"}', "fingerprint": str(minute)}
    times = {"first_seen_at": at, "last_seen_at": at}
    return Snapshot.objects.create(job=job, **{**shown, **times, **facts})


def prune(team, rules=EVERYTHING):
    retention.enable(team, rules)
    return retention.prune_due(budget_s=60)


def minutes_left(job, source="retrieve"):
    left = Snapshot.objects.filter(job=job, source=source).order_by("first_seen_at")
    return [(one.first_seen_at - NOON) // MINUTE for one in left]


def test_the_first_and_the_last_snapshot_stay_and_events_go():
    team = a_team()
    job = an_old_job(team, snapshots=6, events=4)
    assert prune(team) == 8
    assert minutes_left(job) == [0, 5]
    assert not Event.objects.exists()


def test_around_a_transition_the_snapshots_stay():
    team = a_team()
    job = an_old_job(team, snapshots=12)
    row = a_transition(job)
    Transition.objects.filter(pk=row.pk).update(recorded_at=NOON + 5.5 * MINUTE)
    prune(team)
    assert minutes_left(job) == [0, 4, 5, 6, 11]


def test_late_snapshots_may_go_and_each_source_keeps_its_own_ends():
    team = a_team()
    job = an_old_job(team, snapshots=3)
    a_snapshot(job, 1, is_newest=False, is_late=True)
    for minute in range(10, 14):
        a_snapshot(job, minute, source="list", is_newest=minute == 13)
    a_snapshot(job, 12, source="list", is_newest=False, is_late=True)
    prune(team)
    assert minutes_left(job) == [0, 1, 2]  # of the two of minute 1 the one stored last stays
    assert Snapshot.objects.filter(job=job, is_late=True, source="retrieve").count() == 1
    assert minutes_left(job, "list") == [10, 12, 13]


def test_everything_else_of_the_job_stays():
    team = a_team()
    job = an_old_job(team)
    a_transition(job)
    Checkpoint.objects.create(job=job, provider_id="c")
    Point.objects.create(
        job=job, metric="m", step=1, value=1, source=PointSource.EVENT, seen_at=NOON
    )
    prune(team)
    left = [kind.objects.filter(job=job).count() for kind in (Transition, Checkpoint, Point)]
    assert left == [1, 1, 1]
    job.refresh_from_db()
    assert (job.state, job.version) == ("succeeded", 1)


@pytest.mark.parametrize(
    "facts",
    [
        {"state": "running", "settled_at": None, "ended_at": None},
        {"state": "succeeded", "settled_at": None},
        {"ended_at": timezone.now() - timedelta(days=29)},
        {"ended_at": timezone.now() + timedelta(days=9999)},
        {"ended_at": None, "settled_at": timezone.now()},
    ],
)
def test_jobs_that_are_not_over_for_long_are_left_alone(facts):
    team = a_team()
    an_old_job(team, **facts)
    assert prune(team) == 0


def test_of_history_without_an_end_the_days_count_from_when_it_was_read():
    team = a_team()
    an_old_job(team, snapshots=0, events=2, ended_at=None)
    assert prune(team) == 2


def test_each_rule_has_days_of_its_own():
    team = a_team()
    job = an_old_job(team)
    assert prune(team, Rules(snapshot_days=30)) == 3
    assert job.events.count() == 3
    assert prune(team, Rules(event_days=101)) == 0
    assert prune(team, Rules(event_days=99)) == 3


def test_nothing_is_removed_without_being_asked_for():
    team, other = a_team(), a_team()
    an_old_job(team), an_old_job(other)
    assert retention.prune_due() == 0
    prune(team)
    assert Event.objects.filter(job__team=other).count() == 3
    retention.enable(other, EVERYTHING)
    retention.disable(other)
    assert retention.prune_due() == 0
    assert Snapshot.objects.filter(job__team=other).count() == 5


def test_the_dry_run_counts_exactly_what_goes_and_changes_nothing():
    team, now = a_team(), timezone.now()
    oldest = an_old_job(team, snapshots=7, events=5, ended_at=now - timedelta(days=400))
    an_old_job(team, snapshots=2, events=1)
    an_old_job(team, snapshots=2, events=0)
    found = retention.forecast(team, EVERYTHING, now)
    assert (found.jobs, found.snapshots, found.events) == (2, 5, 6)
    assert found.oldest == oldest.ended_at
    assert 11 * retention.ROW_BYTES < found.bytes < 11 * 2 * retention.ROW_BYTES
    assert Snapshot.objects.count() + Event.objects.count() == 11 + 6
    assert prune(team) == found.rows
    assert retention.forecast(team, EVERYTHING, now).rows == 0


def test_an_empty_forecast_is_all_zero():
    assert retention.forecast(a_team(), EVERYTHING, NOON) == retention.Forecast(
        jobs=0, snapshots=0, events=0, bytes=0, oldest=None
    )


def test_a_round_goes_in_short_batches_and_keeps_its_place(monkeypatch):
    monkeypatch.setattr(retention, "ROWS", 4)
    monkeypatch.setattr(retention, "JOBS", 2)
    team = a_team()
    jobs = [an_old_job(team, snapshots=5, events=3) for _ in range(5)]
    row = retention.enable(team, EVERYTHING)
    sizes = []
    while not (batch := retention.prune_batch(row.pk)).is_last:
        sizes.append(batch.snapshots + batch.events)
        assert Retention.objects.get().cursor <= jobs[-1].pk
    assert max(sizes) <= 4
    assert sum(sizes) + batch.snapshots + batch.events == 5 * (3 + 3)


def test_after_a_round_comes_the_next_day():
    team = a_team()
    an_old_job(team)
    prune(team)
    row = Retention.objects.get()
    assert (row.pruned_snapshots, row.pruned_events, row.cursor) == (3, 3, 0)
    assert timedelta(hours=20) < row.next_prune_at - row.pruned_at < timedelta(hours=28)
    assert retention.prune_due() == 0


def test_a_turn_ends_when_its_time_is_up(monkeypatch):
    monkeypatch.setattr(retention, "ROWS", 1)
    team = a_team()
    an_old_job(team)
    retention.enable(team, EVERYTHING)
    ticks = iter(range(100))
    assert retention.prune_due(budget_s=3, clock=lambda: next(ticks)) == 2
    assert retention.prune_due(budget_s=60) == 4


def test_rules_that_change_in_the_middle_of_a_batch_win(monkeypatch):
    team = a_team()
    an_old_job(team)
    row = retention.enable(team, EVERYTHING)
    found_out = retention._next_portion

    def and_then_somebody_changes_them(*arguments):
        retention.disable(team)
        return found_out(*arguments)

    monkeypatch.setattr(retention, "_next_portion", and_then_somebody_changes_them)
    assert retention.prune_batch(row.pk) == retention.Batch(0, 0, is_last=False)
    assert retention.prune_batch(row.pk) is None
    assert Event.objects.count() == 3


def test_a_job_that_was_reopened_meanwhile_keeps_everything():
    job = an_old_job(a_team())
    doomed = retention.Doomed(job.pk, job.ended_at, (job.snapshots.first().pk,), 3)
    Job.objects.update(settled_at=None)
    with transaction.atomic():
        assert retention._remove([doomed]) == (0, 0)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.booleans()), max_size=6))
def test_for_any_jobs_the_dry_run_equals_the_removal_and_live_jobs_stay(
    transactional_db, histories
):
    team = a_team()
    connection = a_connection(team)
    live = []
    for snapshots, events, is_over in histories:
        facts = {} if is_over else {"state": "running", "settled_at": None, "ended_at": None}
        job = an_old_job(team, connection=connection, snapshots=snapshots, events=events, **facts)
        live += [] if is_over else [(job, snapshots, events)]
    foreseen = retention.forecast(team, EVERYTHING, timezone.now())
    assert prune(team) == foreseen.rows
    for job, snapshots, events in live:
        assert (job.snapshots.count(), job.events.count()) == (snapshots, events)


def test_events_that_were_forgotten_are_not_fetched_again(provider):
    """By "poll now" and by reading the history again; while the rules are off they are."""
    events = [{"id": "ftevent-1", "created_at": 1, "level": "info", "message": "m"}]
    provider.serves("ftjob-old", status="succeeded", finished_at=1, events=events)
    connection = a_connection(base_url=provider.url)
    job = settled(connection)
    assert job.events.count() == 1
    prune(connection.team)
    again(job)
    assert job.events.count() == 0
    assert Job.objects.get().is_settled
    retention.disable(connection.team)
    again(job)
    assert job.events.count() == 1


def test_history_that_was_never_read_gives_its_points_before_its_events_are_forgotten(provider):
    data = {"step": 1, "train_loss": 0.5}
    events = [{"id": "e", "created_at": 1, "level": "info", "message": "m", "data": data}]
    provider.serves("ftjob-old", status="succeeded", finished_at=1, events=events)
    connection = a_connection(base_url=provider.url)
    retention.enable(connection.team, EVERYTHING)
    job = settled(connection)
    retention.begin_round(Retention.objects.get())
    retention.prune_due(budget_s=60)
    assert (job.events.count(), job.points.count()) == (0, 1)


def settled(connection):
    def is_settled():
        Job.objects.exclude(next_poll_at=None).update(next_poll_at=NOON)
        poll_due(budget_s=20)
        return Job.objects.filter(settled_at__isnull=False).first()

    return eventually(is_settled, what="the end of the history")


def again(job):
    Job.objects.update(next_poll_at=NOON)
    poll_due(budget_s=20)
    assert Job.objects.filter(next_poll_at=None).exists()


def run(*arguments):
    out = StringIO()
    call_command("prune", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_the_command_shows_a_table_and_removes_nothing():
    team = a_team(slug="acme")
    an_old_job(team)
    Retention.objects.create(team=team, snapshot_days=30)
    shown = run()
    assert "acme" in shown
    assert "3 (over 30 d)" in shown
    assert "for ever" in shown
    assert Snapshot.objects.count() == 5


def test_the_command_applies_what_is_on_and_refuses_what_is_off():
    team = a_team(slug="acme")
    an_old_job(team)
    Retention.objects.create(team=team, event_days=30)
    with pytest.raises(CommandError, match="Retention is off"):
        run("--apply")
    retention.enable(team, EVERYTHING)
    assert "Removed 3 snapshots and 3 events." in run("--apply")
    assert "Removed 0 snapshots and 0 events." in run("--apply", "--team", "acme")


def test_the_command_tries_days_without_saving_them():
    team = a_team(slug="acme")
    an_old_job(team)
    assert "3 (over 7 d)" in run("--event-days", "7")
    assert not Retention.objects.exists()
    with pytest.raises(CommandError, match="trying out"):
        run("--event-days", "7", "--apply")


@pytest.mark.parametrize("days", ["0", "-1", "99999", "soon"])
def test_the_command_refuses_absurd_days(days):
    with pytest.raises(CommandError, match="number of days from 1 to 3650"):
        run(f"--event-days={days}")


def test_the_command_names_the_teams_there_are():
    a_team(slug="acme")
    with pytest.raises(CommandError, match="acme"):
        run("--team", "nobody")


def test_without_rules_everything_is_kept():
    assert "everything is kept" in run()


@pytest.mark.parametrize("place", ["prune.mid", "prune.committed"])
def test_killed_in_the_middle_nothing_is_half_done_and_the_next_round_ends_it(project_env, place):
    team = a_team(slug="acme")
    jobs = [an_old_job(team, snapshots=2, events=700) for _ in range(3)]
    row = retention.enable(team, EVERYTHING)
    killed = subprocess.run(
        [sys.executable, "manage.py", "prune", "--apply"],
        cwd=ROOT,
        env=project_env(FAILPOINT=f"{place}:kill"),
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    row.refresh_from_db()
    assert row.pruned_events + Event.objects.count() == 2100
    assert row.pruned_events == (0 if place == "prune.mid" else 1000)
    retention.prune_due(budget_s=60)
    row.refresh_from_db()
    assert (row.pruned_events, Event.objects.count()) == (2100, 0)
    assert all(minutes_left(job) == [0, 1] for job in jobs)


def test_several_workers_share_one_round(project_env):
    team = a_team(slug="acme")
    for _ in range(4):
        an_old_job(team, snapshots=4, events=600)
    row = retention.enable(team, EVERYTHING)
    command = [sys.executable, "manage.py", "prune", "--apply"]
    env = {**project_env(), "PYTHONPATH": os.fspath(ROOT)}
    both = [subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE) for _ in range(2)]
    said = [one.communicate(timeout=60)[0].decode() for one in both]
    assert [one.returncode for one in both] == [0, 0]
    row.refresh_from_db()
    assert (row.pruned_snapshots, row.pruned_events) == (8, 2400), said


def test_beat_sends_for_it_and_the_worker_knows_it():
    from dashboard.celery import app

    app.loader.import_default_modules()
    entry = app.conf.beat_schedule["jobs.prune_due"]
    assert entry["task"] in app.tasks
    assert entry["options"] == {"queue": "poll", "expires": entry["schedule"]}


def test_without_a_broker_the_sweep_does_it_too():
    team = a_team()
    an_old_job(team)
    retention.enable(team, EVERYTHING)
    call_command("sweep", "--once", stdout=StringIO())
    assert Event.objects.count() == 0
