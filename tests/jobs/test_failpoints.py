"""Places where a process can be made to break, and that nobody breaks who was not asked to."""

import subprocess

import pytest

from jobs import failpoints
from jobs.failpoints import FailpointReached, failpoint
from tests.servers import ROOT

PLACED = (
    *("poll.claimed", "poll.answered", "record.mid", "record.committed", "announce.mid"),
    *("deliver.claimed", "deliver.renewed", "deliver.accepted", "deliver.marked"),
)


@pytest.fixture
def naps(monkeypatch):
    """How long it would have stood still."""
    found: list[float] = []
    monkeypatch.setattr(failpoints.time, "sleep", found.append)
    return found


def test_nothing_happens_without_the_environment(monkeypatch, naps):
    monkeypatch.delenv("FAILPOINT", raising=False)
    for name in PLACED:
        failpoint(name)

    assert naps == []


def test_nothing_happens_at_another_place(monkeypatch):
    monkeypatch.setenv("FAILPOINT", "deliver.marked:raise")

    failpoint("deliver.accepted")


def test_no_except_exception_swallows_the_break(monkeypatch):
    monkeypatch.setenv("FAILPOINT", "deliver.marked:raise")
    with pytest.raises(FailpointReached):
        failpoint("deliver.marked")

    assert not issubclass(FailpointReached, Exception)


@pytest.mark.parametrize(
    ("action", "seconds"), [("sleep=2", 2.0), ("sleep", 1.0), ("sleep=99999", 60.0)]
)
def test_a_process_stands_still_for_a_bounded_time(monkeypatch, naps, action, seconds):
    monkeypatch.setenv("FAILPOINT", f"record.mid:{action}")
    failpoint("record.mid")

    assert naps == [seconds]


@pytest.mark.parametrize("name", PLACED)
def test_every_place_is_in_the_code(name):
    found = subprocess.run(
        ["grep", "-rlF", f'failpoint("{name}")', "jobs", "alerts"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.stdout.strip()
