"""`make faults ROW=F34`: known wrong designs, each a patch on a copy of the project. The tests must fail for each.

A patch begins with what it does to the design. MUTANT=name runs one of them.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[2]
PATCHES = Path(__file__).parent
# The fast fault tests: what a mutant must not survive. It soon dies of what is meant for it when that comes first.
SUITE = ("tests/faults", "tests/alerts")
FIRST = (
    *("tests/faults/test_locks.py", "tests/faults/test_late.py", "tests/faults/test_receiver.py"),
    *("tests/faults/test_dying.py", "tests/alerts/test_faults.py", "tests/alerts/test_digests.py"),
    "tests/alerts/test_inbound.py",
)
FAILED = re.compile(r"^FAILED (.+?)(?: - .*)?$", re.MULTILINE)
LONGEST_S = 900


@dataclass(frozen=True, slots=True)
class Killed:
    """By which test, on which database; no test: the mutant survived."""

    by: str
    database: str
    seconds: float


def main(row: str, only: str = "") -> int:
    if row not in {"", "F34"}:
        print(f"No row is called {row}; there is F34. The others run in `make test`.")
        return 2
    patches = [patch for patch in sorted(PATCHES.glob("*.patch")) if only in {"", patch.stem}]
    verdicts = {patch: run(patch) for patch in tqdm(patches, unit="mutant")}
    print(table(verdicts))
    survivors = [patch.stem for patch, killed in verdicts.items() if not killed.by]
    print(f"\n{len(verdicts) - len(survivors)} of {len(verdicts)} mutants killed.")
    return 1 if survivors or not verdicts else 0


def run(patch: Path) -> Killed:
    """On PostgreSQL first: it has all the races. Then on SQLite, if nothing failed there."""
    began = time.monotonic()
    with patched_copy(patch) as copy:
        for database in ("PostgreSQL", "SQLite"):
            if by := first_failure(copy, database, suite()):
                seconds = time.monotonic() - began
                if first_failure(ROOT, database, [by]):
                    raise RuntimeError(f"{by} fails without the mutant, too.")
                return Killed(by, database, seconds)
    return Killed("", "", time.monotonic() - began)


@contextmanager
def patched_copy(patch: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tunebell-mutant-") as folder:
        copy = Path(folder) / "project"
        for name in tracked():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
        (copy / ".venv").symlink_to(ROOT / ".venv")
        subprocess.run(["git", "apply", str(patch)], cwd=copy, check=True)
        yield copy


def tracked() -> list[Path]:
    """The files of the project as they are now, committed or not."""
    asked = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(asked, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    found = [Path(name) for name in listed.split("\0") if name]
    return [name for name in found if (ROOT / name).is_file()]


def suite() -> list[str]:
    """Its files, the likely killers first."""
    files = [
        str(path.relative_to(ROOT))
        for folder in SUITE
        for path in (ROOT / folder).glob("test_*.py")
    ]
    return [*FIRST, *sorted(set(files) - set(FIRST))]


def first_failure(copy: Path, database: str, tests: list[str]) -> str:
    """The name of a test that fails; "" when all pass. Raises RuntimeError where the tests do not run."""
    is_postgres = database == "PostgreSQL"
    env = {name: value for name, value in os.environ.items() if name != "TEST_DATABASE"}
    env |= {"TEST_DATABASE": "postgres"} if is_postgres else {}
    command = [".venv/bin/python", "-m", "pytest", "-q", "-x", "-p", "no:randomly", "-n", "2"]
    command += [*tests, *(["-m", "both_databases"] if is_postgres else [])]
    ended = subprocess.run(
        command, cwd=copy, env=env, capture_output=True, text=True, check=False, timeout=LONGEST_S
    )
    found = FAILED.search(ended.stdout)
    if ended.returncode == 0:
        return ""
    if found is None:
        raise RuntimeError(
            f"The tests of the copy did not run:\n{ended.stdout[-3000:]}{ended.stderr}"
        )
    return found[1]


def table(verdicts: dict[Path, Killed]) -> str:
    lines = ["", "| mutant | what it does | killed by | on | seconds |", "|---|---|---|---|---|"]
    for patch, killed in verdicts.items():
        by = f"`{killed.by.removeprefix('tests/')}`" if killed.by else "**survived**"
        row = (f"`{patch.stem}`", says(patch), by, killed.database, f"{killed.seconds:.0f}")
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


def says(patch: Path) -> str:
    """What it does to the design, in a sentence."""
    return patch.read_text().partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main(os.environ.get("ROW", ""), os.environ.get("MUTANT", "")))
