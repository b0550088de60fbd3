"""A team that watches a provider and tells receivers, without workers: what runs, a test says itself."""

import subprocess
import sys

import pytest

from tests.receiver import Receiver
from tests.servers import ROOT


@pytest.fixture
def receivers():
    made = [Receiver().up(), Receiver().up()]
    yield made
    for one in made:
        one.down()


@pytest.fixture
def receiver(receivers):
    return receivers[0]


@pytest.fixture
def other_receiver(receivers):
    return receivers[1]


@pytest.fixture
def open_house(transactional_db):
    from tests.alerts.house import House

    return House()


@pytest.fixture
def scene(transactional_db, provider, receivers):
    from tests.faults.scene import Scene

    return Scene(provider, receivers)


@pytest.fixture
def dies_at(monkeypatch):
    """Runs work that dies at a failpoint, as a process would: nothing after it happens."""
    from jobs.failpoints import FailpointReached

    def run(name: str, work) -> None:
        monkeypatch.setenv("FAILPOINT", f"{name}:raise")
        with pytest.raises(FailpointReached):
            work()
        monkeypatch.delenv("FAILPOINT")

    return run


@pytest.fixture
def sweeping(project_env):
    """Starts one sweep in a process that the test may kill."""
    started = []

    def start() -> subprocess.Popen:
        command = [sys.executable, "manage.py", "sweep", "--once"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started.append(subprocess.Popen(command, cwd=ROOT, env=project_env(), **quiet))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def killed_at(project_env):
    """Runs one sweep in a process that kills itself at a failpoint; the exit code."""

    def run(name: str) -> int:
        command = [sys.executable, "manage.py", "sweep", "--once"]
        env = project_env(FAILPOINT=f"{name}:kill")
        return subprocess.run(
            command, cwd=ROOT, env=env, check=False, capture_output=True
        ).returncode

    return run
