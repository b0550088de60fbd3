"""A process with all its descendants: the CPU they used, the memory they hold. Linux only."""

import os
from collections.abc import Iterator
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PARENT, TIMES = 1, slice(11, 15)  # in /proc/PID/stat behind the name; own times, children's times


def pids(root: int) -> list[int]:
    """The process and what it started, directly or not."""
    parents = {pid: int(fields[PARENT]) for pid, fields in _stats()}
    found = [root]
    for pid in found:
        found.extend(child for child, parent in parents.items() if parent == pid)
    return found


def cpu_s(root: int) -> float:
    """CPU seconds of the tree so far, with that of children that ended and were waited for."""
    of = set(pids(root))
    spent = [fields[TIMES] for pid, fields in _stats() if pid in of]
    return sum(int(ticks) for fields in spent for ticks in fields) / TICKS


def pss_mb(root: int) -> dict[int, float]:
    """Proportional set size of each process: shared pages are divided among those that share them."""
    return _held(root, ("Pss:",))


def uss_mb(root: int) -> dict[int, float]:
    """What each process holds alone, and would give back by ending."""
    return _held(root, ("Private_Clean:", "Private_Dirty:"))


def _held(root: int, names: tuple[str, ...]) -> dict[int, float]:
    found = {}
    for pid in pids(root):
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue  # it ended meanwhile
        lines = (line.split() for line in text.splitlines())
        found[pid] = sum(int(line[1]) for line in lines if line[0] in names) / 1024
    return found


def name_of(pid: int) -> str:
    """The name the process gave itself, and its command: those that were forked share one."""
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return "gone"
    return f"{name}: {words.strip()}"[:120]


def _stats() -> Iterator[tuple[int, list[str]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield int(entry.name), (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
