"""The promise of the archive: killed five times on the way, it holds what the provider holds, once, and nobody is rung.

ARCHIVE_JOBS=1000 is the drill in full; by default a smaller one runs.
"""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import pytest

from alerts.models import Delivery
from jobs import archive
from jobs.models import Backfill, Checkpoint, Event, File, Job, Snapshot, Transition
from tests.builders import NOON, a_channel, a_connection, a_rule
from tests.servers import ROOT, eventually

JOBS = int(os.environ.get("ARCHIVE_JOBS", "120"))
KILLS = 5

pytestmark = [
    pytest.mark.stack,
    pytest.mark.both_databases,
    pytest.mark.timeout(1800),
    pytest.mark.django_db(transaction=True),
]


class Truth:
    """What the provider itself serves, read without any of our code."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.jobs = {job["id"]: job for job in self.every("/fine_tuning/jobs")}

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=30) as reply:
            return reply.read()

    def every(self, path: str) -> list[dict]:
        found, page = [], {"has_more": True}
        while page["has_more"]:
            after = {"after": found[-1]["id"]} if found else {}
            query = urllib.parse.urlencode({"limit": 100, **after})
            page = json.loads(self.get(f"{path}?{query}"))
            found += page["data"]
        return found

    def ids(self, kind: str) -> list[tuple[str, str]]:
        """(job, id) of every event or checkpoint of every job."""
        paths = {job_id: f"/fine_tuning/jobs/{job_id}/{kind}" for job_id in self.jobs}
        return sorted((job_id, one["id"]) for job_id, p in paths.items() for one in self.every(p))

    def result_files(self) -> dict[str, bytes]:
        names = itertools.chain(*(job["result_files"] for job in self.jobs.values()))
        return {name: self.get(f"/files/{name}/content") for name in names}


@pytest.fixture
def truth(simulator):
    return Truth(simulator("--population", str(JOBS), "--alive", "0", "--speed", "1000000").url)


@pytest.fixture
def history(truth):
    """A connection without a look at its list so far, and a channel that would ring for all of it."""
    connection = a_connection(base_url=truth.url, slug="history", poll_interval_s=3600)
    a_rule(a_channel(connection.team))
    return connection


def die_at(connection, share: float, kill) -> int:
    """Kills whoever reads once so much is done, and lets the leases run out."""
    eventually(lambda: archive.progress(connection).done >= JOBS * share, within_s=600)
    kill()
    before = archive.progress(connection)
    Job.objects.update(lease_until=NOON)
    Backfill.objects.update(lease_until=NOON)
    type(connection).objects.update(lease_until=NOON)
    assert before.done < JOBS
    return before.done


def assert_complete(truth, connection) -> None:
    done = archive.progress(connection)
    assert (done.total, done.done, done.failed, done.share) == (JOBS, JOBS, 0, 1.0)
    assert set(Job.objects.values_list("provider_id", flat=True)) == set(truth.jobs)
    newest = Snapshot.objects.filter(is_newest=True, source="retrieve", is_late=False)
    told = {job["id"]: job for body in newest.values_list("body") for job in [json.loads(*body)]}
    assert told == truth.jobs
    owned = ("job__provider_id", "provider_id")
    assert sorted(Event.objects.values_list(*owned)) == truth.ids("events")
    assert sorted(Checkpoint.objects.values_list(*owned)) == truth.ids("checkpoints")
    stored = File.objects.filter(purpose="fine-tune-results")
    assert {f.provider_id: f.received() for f in stored} == truth.result_files()


def assert_nothing_twice_and_nobody_rung() -> None:
    assert Transition.objects.filter(kind="state").count() == JOBS
    assert not Snapshot.objects.filter(is_late=False, is_newest=False).exists()
    assert not Transition.objects.filter(rings=True).exists()
    assert not Delivery.objects.exists()


def test_the_command_killed_five_times_goes_on_where_it_stood(truth, history, project_env):
    began = time.monotonic()
    command = [sys.executable, "manage.py", "backfill", "history"]

    def start():
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(
            command, cwd=ROOT, env=project_env(), start_new_session=True, **quiet
        )

    bar = []
    for number in range(1, KILLS + 1):
        running = start()

        def kill(running=running):
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()

        bar.append(die_at(history, number / (KILLS + 2), kill))
    subprocess.run(command, cwd=ROOT, env=project_env(), check=True, capture_output=True)
    print(f"\n{JOBS} jobs, killed at {bar}, complete after {time.monotonic() - began:.0f} s")
    assert bar == sorted(bar)
    assert_complete(truth, history)
    assert_nothing_twice_and_nobody_rung()


def test_the_poll_worker_killed_five_times_is_complete_all_the_same(truth, history, celery_stack):
    began, stack = time.monotonic(), celery_stack((), beat=True)
    archive.start(history)
    bar = []
    for number in range(1, KILLS + 1):
        stack.start(["poll"])
        bar.append(die_at(history, number / (KILLS + 2), lambda: stack.kill("poll")))
    stack.start(["poll"])
    done = Backfill.objects.filter(state="done")
    eventually(done.exists, within_s=900, what="the end of the archive")
    print(f"\n{JOBS} jobs, killed at {bar}, complete after {time.monotonic() - began:.0f} s")
    stack.kill("poll")
    assert bar == sorted(bar)
    assert_complete(truth, history)
    assert_nothing_twice_and_nobody_rung()
