"""Runs the embedded set: starts its parts in order, restarts what dies, stops all in reverse order.

`manage.py up` becomes this program when everything is prepared. It loads the site, calls none of it, and forks the
parts that run it; programs that are not ours, or a system other than Linux, get a process the usual way.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import IO

from dashboard import forked
from dashboard.supervisor_plan import INSTALL_BROKER, Part, Plan
from dashboard.tether import tethered

STOP_WITHIN_S = 15.0
START_WITHIN_S = 30.0
DEATHS_ALLOWED = 5
DEATHS_WITHIN_S = 60.0
LONGEST_PAUSE_S = 10.0
BROKEN_SETTING = os.EX_CONFIG  # dashboard.settings ends so: starting again cannot help
CAN_FORK = sys.platform == "linux"
COLOURS = (36, 33, 32, 35, 34, 31, 37)  # ANSI foregrounds, one a part

Process = subprocess.Popen[bytes] | forked.Forked


@dataclass(slots=True)
class Child:
    """One part, its process, and what to remember about its deaths."""

    part: Part
    process: Process | None = None
    failures: int = 0
    start_at: float | None = None  # monotonic; set while waiting for a restart
    started_at: float = 0.0

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def code(self) -> int:
        """How it ended."""
        found = self.process.returncode if self.process else None
        return 1 if found is None else found

    def terminate(self) -> None:
        if self.is_running and self.process:
            self.process.terminate()

    def signal_group(self, number: int) -> None:
        """To the process and all it started: it leads its own session."""
        if self.process:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)


@dataclass(slots=True)
class Supervisor:
    parts: Sequence[Part]
    run_dir: Path
    out: IO[str] = field(default_factory=lambda: sys.stdout)
    children: list[Child] = field(init=False)
    deaths: deque[float] = field(default_factory=deque)
    # A bell for signal handlers, in which an Event may lock up with the very thread that waits.
    wake: SimpleQueue[int] = field(default_factory=SimpleQueue)
    stops_asked: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.children = [Child(part) for part in self.parts]

    def run(self) -> int:
        """The exit code: 0 after a stop that was asked for, 1 when the parts would not live, 78 for a bad setting."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask_to_stop)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup asks to outlive the terminal
            signal.signal(signal.SIGHUP, self._ask_to_stop)
        signal.signal(signal.SIGCHLD, lambda number, _frame: self.wake.put(number))
        self._reap_left_overs()
        try:
            code = self._start_all() or self._watch()
        finally:
            self._stop_all()
        return code

    def say(self, text: str, name: str = "tunebell") -> None:
        line = f"{name:<9} | {text}"
        if self.out.isatty():
            names = ["tunebell", *(part.name for part in self.parts)]
            line = f"\x1b[{COLOURS[names.index(name) % len(COLOURS)]}m{name:<9} |\x1b[0m {text}"
        with self.lock, contextlib.suppress(OSError, ValueError):  # the terminal may be gone
            self.out.write(line + "\n")
            self.out.flush()

    def _ask_to_stop(self, number: int, _frame: FrameType | None) -> None:
        self.stops_asked += 1
        self.wake.put(number)

    def _start_all(self) -> int:
        for child in self.children:
            if self.stops_asked:
                return 0
            self._start(child)
            code = self._wait_for_port(child)
            if code:
                return code
        return 0

    def _start(self, child: Child) -> None:
        with self.lock:  # a fork while another thread writes would copy its half-written state
            child.process = begin(child.part)
        child.started_at, child.start_at = time.monotonic(), None
        pid = child.process.pid
        self._pid_file(child.part.name).write_text(f"{pid} {birth(pid)}")
        threading.Thread(
            target=self._copy_lines, args=(child.process, child.part.name), daemon=True
        ).start()

    def _copy_lines(self, process: Process, name: str) -> None:
        for line in process.stdout or process.stderr or ():
            self.say(line.decode(errors="replace").rstrip(), name)

    def _wait_for_port(self, child: Child) -> int:
        """Later parts need this one; a part that dies before it listens is restarted by the watch."""
        end = time.monotonic() + START_WITHIN_S
        while child.part.port and not self.stops_asked and not accepts(child.part.port):
            if not child.is_running:
                return BROKEN_SETTING if child.code == BROKEN_SETTING else 0
            if time.monotonic() > end:
                self.say(f"{child.part.name} does not answer on port {child.part.port} yet")
                return 0
            self._pause(0.05)
        return 0

    def _watch(self) -> int:
        while not self.stops_asked:
            for child in self.children:
                if child.start_at is None and not child.is_running:
                    code = self._note_death(child)
                    if code:
                        return code
                elif child.start_at is not None and child.start_at <= time.monotonic():
                    self._start(child)
            due = [child.start_at for child in self.children if child.start_at is not None]
            self._pause(min(due) - time.monotonic() if due else None)
        return 0

    def _note_death(self, child: Child) -> int:
        now, code = time.monotonic(), child.code
        child.signal_group(
            signal.SIGKILL
        )  # what it started must not hold its port or work on beside its successor
        if code == BROKEN_SETTING:
            return BROKEN_SETTING
        child.failures = 1 if now - child.started_at > DEATHS_WITHIN_S else child.failures + 1
        self.deaths.append(now)
        while now - self.deaths[0] > DEATHS_WITHIN_S:
            self.deaths.popleft()
        if len(self.deaths) >= DEATHS_ALLOWED:
            self.say(
                f"{child.part.name} ended ({how(code)}); five deaths within a minute, so everything stops"
            )
            return 1
        pause = min(0.5 * 2 ** (child.failures - 1), LONGEST_PAUSE_S)
        child.start_at = now + pause
        self.say(f"{child.part.name} ended ({how(code)}); it starts again in {pause:.1f} s")
        return 0

    def _stop_all(self) -> None:
        """Readers and writers first and together; what they lean on when they are gone."""
        end = time.monotonic() + STOP_WITHIN_S
        late = [child for child in self.children if child.part.is_base]
        early = [child for child in reversed(self.children) if not child.part.is_base]
        for group, extra in ((early, 0.0), (late[::-1], 3.0)):
            for child in group:
                child.terminate()
            for child in group:
                self._wait_for_end(child, end + extra)
        for child in self.children:
            child.signal_group(signal.SIGKILL)
            self._pid_file(child.part.name).unlink(missing_ok=True)

    def _wait_for_end(self, child: Child, end: float) -> None:
        while child.is_running and time.monotonic() < end and self.stops_asked <= 1:
            self._pause(min(0.5, max(0.0, end - time.monotonic())))
        if child.is_running and child.process:
            self.say(f"{child.part.name} did not stop in time and was killed")
            child.signal_group(signal.SIGKILL)
            child.process.wait()

    def _pause(self, seconds: float | None) -> None:
        """Until a signal comes, or so long; signals that came together wake once."""
        with contextlib.suppress(Empty):
            self.wake.get(timeout=None if seconds is None else max(seconds, 0.0))
            while True:
                self.wake.get_nowait()

    def _pid_file(self, name: str) -> Path:
        return self.run_dir / f"{name}.pid"

    def _reap_left_overs(self) -> None:
        """Where the kernel knows no death signal (macOS), a killed supervisor leaves its children behind."""
        self.run_dir.mkdir(parents=True, exist_ok=True)
        for file in self.run_dir.glob("*.pid"):
            pid, _, born = file.read_text(errors="replace").strip().partition(" ")
            if pid.isdigit() and born and birth(int(pid)) == born:
                self.say(f"stopping {file.stem} (process {pid}), left over from an earlier start")
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(int(pid), signal.SIGKILL)
            file.unlink(missing_ok=True)


def begin(part: Part) -> Process:
    if part.is_site and CAN_FORK:
        return forked.start(part.command, part.name)
    return subprocess.Popen(
        tethered(part.command),  # the plan's own commands
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if part.is_quiet else subprocess.PIPE,
        stderr=subprocess.PIPE if part.is_quiet else subprocess.STDOUT,
        start_new_session=True,
    )


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def birth(pid: int) -> str:
    """When that process began, as the system writes it; "" when it is gone. Tells a process from a later one's number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        pass
    if Path("/proc/self/stat").exists() or not shutil.which("ps"):
        return ""
    asked = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip()


def print_when_open(supervisor: Supervisor, port: int, text: str) -> None:
    """As soon as the site can be reached: the port opens with the site loaded, and before its first answer.

    So whoever waits for an answer finds the text printed, and whoever waits for the text is answered.
    """
    while not accepts(port):
        if supervisor.stops_asked:
            return
        time.sleep(0.02)
    with supervisor.lock, contextlib.suppress(OSError, ValueError):  # the terminal may be gone
        supervisor.out.write(text)
        supervisor.out.flush()


def main(plan_text: str, link_pipe: int) -> int:
    """`link_pipe` holds the sign-in link: an argument could be read by everybody on the machine."""
    plan = Plan.from_json(plan_text)
    with open(link_pipe, encoding="utf-8") as pipe:
        link = pipe.read()
    os.environ["_TUNEBELL_SUPERVISED"] = "1"
    if CAN_FORK:
        forked.load_site()
    supervisor = Supervisor(plan.parts(), plan.data_dir / "run")
    if not plan.has_broker:
        supervisor.say(f"no broker found, so polling and alerts are slower: {INSTALL_BROKER}")
    threading.Thread(
        target=print_when_open, args=(supervisor, plan.port, link), daemon=True
    ).start()
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
