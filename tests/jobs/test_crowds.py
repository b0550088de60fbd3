"""Many at once, or with a clock of their own: the tables say the same as after one poll after another."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.utils import timezone

from jobs.models import Checkpoint, Connection, Event, File, Job, Point, Snapshot, Transition
from jobs.poll import poll_due
from tests.builders import NOON, a_connection, a_team
from tests.provider_double import BORN, ProviderDouble
from tests.servers import ROOT

pytestmark = [
    pytest.mark.stack,
    pytest.mark.both_databases,
    pytest.mark.django_db(transaction=True),
]

JOBS = 4
CROWD = 6
# The phases of every job: each is served, polled until nothing is due, and only then the next.
PHASES = ("queued", "running", "running", "succeeded")


@pytest.fixture
def doubles():
    made = [ProviderDouble(), ProviderDouble()]
    yield made
    for double in made:
        double.close()


def serve(double, phase):
    for number in range(JOBS):
        metrics = {"step": phase, "total_steps": 9, "train_loss": 1.0 / (phase + 1)}
        events = [
            {"id": f"ev-{number}-{n}", "created_at": BORN + n, "level": "info", "type": "metrics",
             "message": f"Step {n}", "data": {**metrics, "step": n}}
            for n in range(phase, -1, -1)
        ]  # fmt: skip
        double.serves(
            f"ftjob-{number}",
            status=PHASES[phase],
            trained_tokens=phase or None,
            events=events,
            checkpoints=[{"id": f"ckpt-{number}", "step_number": 1}] if phase > 1 else [],
            training_file=None,
            finished_at=BORN + 99 if phase == len(PHASES) - 1 else None,
        )


def make_due(connection):
    Connection.objects.filter(pk=connection.pk).update(next_sweep_at=NOON, wait_until=None)
    Job.objects.filter(connection=connection).exclude(next_poll_at=None).update(next_poll_at=NOON)


def story(double, connection, look):
    """All phases, each looked at until nothing is due."""
    for phase in range(len(PHASES)):
        serve(double, phase)
        make_due(connection)
        look()


def tables(connection):
    """What is known of the connection's jobs, without keys, times and counts of looks."""
    jobs = Job.objects.filter(connection=connection)
    of = {"job__connection": connection}
    names = ("state", "raw_status", "trained_tokens", "step", "total_steps", "was_seen_alive")
    changes = Transition.objects.filter(connection=connection).order_by("id")
    changes = changes.exclude(kind="condition")  # a sweep watches too, a poll alone does not
    # What the list said may come after what the job itself said, and is then kept as late.
    snapshots = Snapshot.objects.filter(**of, is_late=False, source="retrieve").order_by("id")
    return {
        "jobs": sorted(jobs.values_list("provider_id", *names)),
        "settled": [job.is_over and not job.claims and not job.lease_token for job in jobs],
        "changes": sorted_runs(changes, "job__provider_id", "kind", "from_state", "to_state", "rings"),
        "snapshots": sorted_runs(snapshots, "job__provider_id", "body"),
        "events": sorted(Event.objects.filter(**of).values_list("job__provider_id", "provider_id")),
        "points": sorted(Point.objects.filter(**of).values_list("job__provider_id", "metric", "step", "value")),
        "checkpoints": sorted(Checkpoint.objects.filter(**of).values_list("provider_id", "step")),
        "files": sorted(File.objects.filter(connection=connection).values_list("provider_id")),
    }  # fmt: skip


def sorted_runs(rows, owner, *names):
    """Of each job its rows in order."""
    found = {}
    for name, *rest in rows.values_list(owner, *names):
        found.setdefault(name, []).append(tuple(rest))
    return sorted((name or "", rest) for name, rest in found.items())


def in_a_crowd(poll, size=CROWD):
    def one(_):
        try:
            return poll()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(size) as crowd:
        list(crowd.map(one, range(size)))


def test_a_crowd_of_workers_leaves_what_one_leaves(doubles):
    alone, crowded = (a_connection(base_url=d.url, created_at=timezone.now()) for d in doubles)
    story(doubles[0], alone, lambda: poll_due(budget_s=20))
    story(doubles[1], crowded, lambda: in_a_crowd(lambda: poll_due(budget_s=20)))
    assert tables(crowded) == tables(alone)
    assert Transition.objects.filter(rings=True, connection=crowded).count() == JOBS


def sweeping(env):
    command = [sys.executable, "manage.py", "sweep", "--once"]
    return subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True)


def test_processes_at_once_leave_what_one_leaves(doubles, project_env):
    alone, crowded = (
        a_connection(a_team(), base_url=d.url, created_at=timezone.now()) for d in doubles
    )
    story(doubles[0], alone, lambda: poll_due(budget_s=20))
    story(doubles[1], crowded, lambda: in_a_crowd(lambda: sweeping(project_env()), 2))
    assert tables(crowded) == tables(alone)


SHIFTED = """
import sys
import time

import time_machine

time_machine.travel(time.time() + {shift}, tick=True).start()
"""
HOUR, YEAR = 3600, 365 * 86_400


@pytest.mark.parametrize("shift", [-HOUR, HOUR, YEAR], ids=["behind", "ahead", "a year ahead"])
def test_a_worker_with_another_clock_leaves_what_any_leaves(shift, doubles, project_env, tmp_path):
    """Right and wrong clocks take turns; all times that decide are the database's."""
    (tmp_path / "sitecustomize.py").write_text(SHIFTED.format(shift=shift))
    right, wrong = project_env(), project_env(PYTHONPATH=str(tmp_path))
    alone, shared = (
        a_connection(a_team(), base_url=d.url, created_at=timezone.now()) for d in doubles
    )
    story(doubles[0], alone, lambda: poll_due(budget_s=20))
    turns = iter([wrong, right, wrong, right])
    story(doubles[1], shared, lambda: sweeping(next(turns)))
    assert tables(shared) == tables(alone)
    assert planned(shared) <= 120
    assert clock_of(wrong) - clock_of(right) == pytest.approx(shift, abs=60)


def planned(connection):
    """Seconds from now to the furthest time that was planned or written, either way."""
    connection.refresh_from_db()
    now = timezone.now()
    jobs = Job.objects.filter(connection=connection)
    times = [connection.next_sweep_at, connection.last_sweep_at, connection.last_good_at]
    times += [moment for row in jobs.values_list("next_poll_at", "last_seen_at") for moment in row]
    changes = Transition.objects.filter(connection=connection)
    times += changes.values_list("recorded_at", flat=True)
    return max(abs((moment - now).total_seconds()) for moment in times if moment)


def clock_of(env):
    command = [sys.executable, "-c", "import time; print(time.time())"]
    return float(subprocess.run(command, env=env, check=True, capture_output=True).stdout)
