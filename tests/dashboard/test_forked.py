"""Parts that the supervisor forks instead of starting Python anew."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from tests.dashboard.test_supervisor import members, pid_of
from tests.servers import Server, bare_environment, eventually

pytestmark = pytest.mark.stack

WAITING = "import threading; print('up', flush=True); threading.Event().wait()"
OPEN_FILES = "import os; print('open', *os.listdir('/proc/self/fd'), flush=True); " + WAITING


@pytest.fixture
def supervise(tmp_path):
    """Starts a supervisor of one forked part that runs this code; `run_dir` is its folder."""
    started = []

    def start(code: str, *arguments: str) -> Server:
        (tmp_path / "part.py").write_text(code)
        script = f"""
            import sys
            from pathlib import Path
            from dashboard import supervisor
            from dashboard.supervisor_plan import Part
            held = open({str(tmp_path / "held")!r}, "w")
            command = [sys.executable, {str(tmp_path / "part.py")!r}, *{arguments!r}]
            parts = [Part("one", command, is_site=True)]
            sys.exit(supervisor.Supervisor(parts, Path({str(tmp_path / "run")!r})).run())
        """
        started.append(Server([sys.executable, "-c", textwrap.dedent(script)]).start())
        return started[-1]

    start.run_dir = tmp_path / "run"
    yield start
    for server in started:
        server.stop()


def test_a_forked_part_sees_its_own_arguments_only(supervise):
    supervisor = supervise("import sys; print('given', *sys.argv[1:], flush=True); " + WAITING, "a")
    assert supervisor.wait_for("given") == "one       | given a"


def test_a_forked_part_holds_no_file_of_the_supervisor(supervise):
    line = supervise(OPEN_FILES).wait_for("open")
    assert line.split()[3:] == ["0", "1", "2", "3"]  # 3 is the listing itself


def test_a_stop_ends_a_forked_part_and_is_no_failure(supervise):
    supervisor = supervise(WAITING)
    supervisor.wait_for("one       | up")
    session = pid_of(supervise.run_dir, "one")
    assert supervisor.stop(signal.SIGINT) == 0
    assert members(session) == []


def test_a_forked_part_that_is_killed_is_forked_again(supervise):
    supervisor = supervise(WAITING)
    supervisor.wait_for("one       | up")
    first = pid_of(supervise.run_dir, "one")
    os.kill(first, signal.SIGKILL)
    supervisor.wait_for("one ended (signal SIGKILL); it starts again")
    eventually(lambda: pid_of(supervise.run_dir, "one") != first)
    assert supervisor.stop() == 0


def test_a_killed_supervisor_leaves_no_forked_part_behind(supervise):
    supervisor = supervise(WAITING)
    supervisor.wait_for("one       | up")
    session = pid_of(supervise.run_dir, "one")
    supervisor.process.kill()
    eventually(lambda: not members(session), within_s=10)


def test_a_broken_setting_in_a_forked_part_stops_at_once(supervise):
    assert supervise("raise SystemExit(78)").process.wait(20) == os.EX_CONFIG


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("raise SystemExit('no luck')", "one       | no luck"),
        ("1 / 0", "one       | ZeroDivisionError: division by zero"),
    ],
)
def test_the_reason_of_a_forked_parts_end_is_shown(supervise, code, told):
    supervisor = supervise(code)
    assert supervisor.wait_for(told) == told
    supervisor.wait_for("one ended (exit code 1); it starts again")


def test_nothing_is_open_and_no_thread_runs_when_the_site_is_loaded(tmp_path):
    """A fork would share the connections, and lose the threads."""
    script = """
        import os, threading
        from dashboard.forked import load_site
        before = os.listdir("/proc/self/fd")
        load_site()
        print(threading.active_count(), before == os.listdir("/proc/self/fd"))
    """
    environment = bare_environment(
        SECRET_KEY="a" * 50,
        FIELD_ENCRYPTION_KEYS="one:" + "A" * 43,
        TUNEBELL_DATA_DIR=str(tmp_path),
    )
    command = [sys.executable, "-c", textwrap.dedent(script)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["1", "True"]
