"""What a peer is to the measurements, and how one is installed: by name, into a venv of its own, kept for the next run."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from bench import runs
from bench.asking import Ask
from tests import servers

HOME = servers.ROOT / "bench" / ".peers"
FILLED = "filled.txt"
START_S = 180
# Neither asks the internet for anything while it is measured.
QUIET = {"DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "HF_HUB_OFFLINE": "1"}


class CannotRun(Exception):
    """A peer cannot be installed, filled or started here; its cells stay empty."""


@dataclass(frozen=True, slots=True)
class Front:
    """The page on which a person sees the runs, and what of it is the first row."""

    url: str
    first_row: str


@dataclass(frozen=True, slots=True)
class Peer:
    """`asks`: by the word of `bench.looking`, as far as it has such a thing."""

    name: str
    pid: int
    asks: dict[str, Ask]
    front: Front


@dataclass(slots=True)
class Package:
    """A peer's venv and its data, in a folder of its own."""

    name: str
    version: str
    near: str  # what to take when that version cannot be had
    found: str = field(default="", init=False)

    @property
    def folder(self) -> Path:
        return HOME / self.name

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def binary(self, name: str) -> str:
        return str(self.folder / "venv" / "bin" / name)

    def install(self) -> None:
        if not Path(self.binary(self.name)).is_file():
            shutil.rmtree(self.folder / "venv", ignore_errors=True)
            self.folder.mkdir(parents=True, exist_ok=True)
            run([sys.executable, "-m", "venv", str(self.folder / "venv")], "its venv")
            self._get()
        asked = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))"
        self.found = run([self.binary("python"), "-c", asked, self.name], "its version").strip()
        if not f"{self.found}.".startswith(f"{self.version}."):
            print(f"{self.name}: {self.found} stands in for {self.version}")

    def _get(self) -> None:
        print(f"Installing {self.name} {self.version} into bench/.peers")
        pip = [
            self.binary("pip"),
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
        ]
        try:
            run([*pip, f"{self.name}=={self.version}"], "pip")
        except CannotRun:
            run([*pip, f"{self.name}{self.near}"], "pip")

    def fill(self, module: str) -> None:
        """Runs a program of ours with the peer's Python, once for a description of the runs."""
        wanted = f"{self.found} {described()}"
        done = self.data / FILLED
        if done.is_file() and done.read_text() == wanted:
            return
        print(f"Filling {self.name} {self.found}")
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True)
        command = [self.binary("python"), "-m", module, str(self.data)]
        run(command, "the fill", self.environment())
        done.write_text(wanted)

    def environment(self, **more: str) -> dict[str, str]:
        return servers.bare_environment(**{**QUIET, "HOME": str(self.folder), **more})

    @contextlib.contextmanager
    def serving(
        self, command: list[str], health: str, **environment: str
    ) -> Iterator[servers.Server]:
        """The peer's server, once it answers at `health`."""
        server = servers.Server(command, env=self.environment(**environment)).start()
        try:
            servers.eventually(
                lambda: _is_up(server, health), within_s=START_S, what=f"the start of {self.name}"
            )
            yield server
        finally:
            server.stop()


def _is_up(server: servers.Server, health: str) -> bool:
    if not server.is_running:
        raise CannotRun(f"it ended at once: {server.output()[-500:]}")
    return servers.status_of(health) == HTTPStatus.OK


def described() -> str:
    """Changes when the runs do."""
    parts = (runs.RUNS, runs.POINTS, sorted(runs.LENGTHS.items()), runs.Run(7).name)
    return repr(parts)


def run(command: list[str], what: str, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        env=environment or dict(os.environ),
        cwd=servers.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotRun(f"{what} failed: {(done.stderr or done.stdout)[-600:]}")
    return done.stdout
