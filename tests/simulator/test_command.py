from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from simulator import statefile
from simulator.ledger import Ledger
from simulator.population import World
from simulator.statefile import State

ROOT = Path(__file__).parents[2]


class Process:
    """`python -m simulator` with these options, up to its first line."""

    def __init__(self, *options):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "simulator", *map(str, options)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        )
        self.line = self.process.stdout.readline()

    @property
    def url(self):
        return re.fullmatch(r"Simulator: (http://127\.0\.0\.1:\d+/v1)\n", self.line).group(1)

    def jobs(self):
        reply = httpx.get(f"{self.url}/fine_tuning/jobs", params={"limit": 100}, trust_env=False)
        return reply.json()["data"]

    def stop(self, number=signal.SIGTERM):
        """(exit code, rest of the output, complaints)"""
        self.process.send_signal(number)
        output, complaints = self.process.communicate(timeout=20)
        return self.process.returncode, output, complaints


@pytest.fixture
def start():
    started = []

    def begin(*options):
        started.append(Process(*options))
        return started[-1]

    yield begin
    for each in started:
        if each.process.poll() is None:
            each.stop(signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_its_address_and_ends_quietly(start, number):
    simulator = start("--population", "demo")
    assert len(simulator.jobs()) >= 18
    assert simulator.stop(number) == (0, "", "")


def test_a_taken_port_is_one_clear_line(start):
    first = start()
    port = first.url.split(":")[2].split("/")[0]
    second = start("--port", port)
    _, complaints = second.process.communicate(timeout=20)
    assert (second.process.returncode, second.line) == (2, "")
    assert complaints == f"Port {port} on 127.0.0.1 is taken.\n"


@pytest.mark.parametrize("option", ["--state", "--journal"])
def test_a_folder_that_cannot_be_written_is_one_clear_line(start, tmp_path, option):
    (tmp_path / "file").touch()
    simulator = start(option, tmp_path / "file" / "inside.json")
    _, complaints = simulator.process.communicate(timeout=20)
    assert (simulator.process.returncode, simulator.line) == (2, "")
    assert complaints.startswith("The simulator cannot start: ")
    assert complaints.count("\n") == 1


@pytest.mark.parametrize(
    "options",
    [["--speed", "0"], ["--speed", "nan"], ["--population", "-3"], ["--profile", "cobol"]],
)
def test_a_bad_option_is_refused(start, options):
    simulator = start(*options)
    assert simulator.process.wait(timeout=20) == 2
    assert "error: argument" in simulator.process.communicate()[1]


def test_a_restart_goes_on_with_the_same_jobs(start, tmp_path):
    options = ("--population", "demo", "--state", tmp_path / "deep" / "state.json")
    first = start(*options)
    made = httpx.post(
        f"{first.url}/fine_tuning/jobs",
        json={"model": "m", "training_file": "file-a"},
        trust_env=False,
    ).json()["id"]
    before = {job["id"]: job["created_at"] for job in first.jobs()}
    assert made in before
    first.stop(signal.SIGKILL)
    after = {job["id"]: job["created_at"] for job in start(*options).jobs()}
    assert before.items() <= after.items()


def test_a_restart_with_another_seed_keeps_the_lives_and_says_so(start, tmp_path):
    path = tmp_path / "state.json"
    first = start("--population", "5", "--state", path)
    before = first.jobs()
    first.stop()
    second = start("--population", "5", "--seed", "99", "--state", path)
    assert [job["id"] for job in second.jobs()] == [job["id"] for job in before]
    assert "keeps the lives it began with" in second.stop()[2]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"version": 1}', b'{"version": 99}', b"\xff\x00"]
)
def test_a_broken_state_file_is_set_aside(tmp_path, content):
    path = tmp_path / "state.json"
    path.write_bytes(content)
    with pytest.raises(statefile.BrokenState):
        statefile.read(path)
    assert statefile.set_aside(path, 5.0).read_bytes() == content
    assert not path.exists()


def test_a_broken_state_file_does_not_stop_the_start(start, tmp_path):
    path = tmp_path / "state.json"
    path.write_text("{broken")
    simulator = start("--population", "demo", "--state", path)
    assert len(simulator.jobs()) >= 18
    assert "could not be read" in simulator.stop()[2]
    assert json.loads(path.read_text())["version"] == 1


def test_the_journal_goes_to_a_file(start, tmp_path):
    path = tmp_path / "deep" / "journal.jsonl"
    simulator = start("--population", "3", "--journal", path)
    simulator.jobs()
    simulator.jobs()
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    assert [entry["serial"] for entry in entries] == [1, 2]
    assert len(entries[0]["jobs"]) == 3


def test_the_project_starts_it_with_the_same_options():
    command = [sys.executable, ROOT / "manage.py", "simulate", "--port", "nowhere"]
    ended = subprocess.run(
        command, cwd=ROOT.parent, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    assert "simulator: error: argument --port" in ended.stderr


def test_jobs_that_started_by_themselves_are_kept_before_they_are_served(tmp_path):
    path, now = tmp_path / "state.json", time.time()
    ledger = Ledger(State(World(7, now)), now, path)
    ledger.admit(now + 1000)
    served = {known.id for known in ledger.newest_first(None, None)}
    again = Ledger(statefile.read(path), now + 5000, path)
    assert {known.id for known in again.newest_first(None, None)} == served
    assert len(served) > 25
