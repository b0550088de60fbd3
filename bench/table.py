"""The one table that a run prints, and the line about the machine."""

import os
import platform
import sqlite3
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import median

SMALL = 100  # below it, a decimal is told
HEAD = ("row", "what", "TuneBell", "peer", "ratio", "target", "holds")


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `holds` None: it has no target of its own."""

    name: str
    what: str
    ours: str
    peer: str = ""
    ratio: str = ""
    target: str = ""
    holds: bool | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        word = {True: "yes", False: "NO", None: ""}[self.holds]
        return (self.name, self.what, self.ours, self.peer, self.ratio, self.target, word)


def spread(values: list[float], unit: str = "") -> str:
    """`median (largest; n=5)`, in thousands with a comma."""
    return f"{median(values):,.0f}{unit} (max {max(values):,.0f}; n={len(values)})"


def figures(values: list[float], unit: str) -> str:
    """The same for small numbers: with the digits that tell them apart."""
    return f"{small(median(values))}{unit} (max {small(max(values))}; n={len(values)})"


def small(number: float) -> str:
    return f"{number:,.1f}" if abs(number) < SMALL else f"{number:,.0f}"


def table(rows: list[Row]) -> str:
    """Markdown, aligned so that a terminal can show it too."""
    lines = [HEAD, *(row.cells for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(HEAD))]

    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([line(HEAD), rule, *(line(row.cells) for row in rows)])


def machine_line(load_before: str) -> str:
    cores = os.cpu_count()
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    facts = [
        f"{processor()}, {cores} cores, {memory_gb:.0f} GB",
        f"{platform.system()} {platform.release()}",
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        f"load {load_before} at the start, {load()} at the end",
        f"commit {commit()}",
    ]
    return "; ".join(facts)


def processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()


def commit() -> str:
    asked = ["git", "describe", "--always", "--dirty"]
    made = subprocess.run(asked, capture_output=True, text=True, check=False)
    return made.stdout.strip() or "unknown"


def load() -> str:
    return " ".join(f"{value:.1f}" for value in os.getloadavg())
