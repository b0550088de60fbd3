"""The processes around what is measured: stub, databases, broker. All on this machine, all ended with the run."""

import base64
import contextlib
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import Request, urlopen

import orjson

from tests import servers

ROOT = servers.ROOT


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request at the stub. `at`: epoch seconds; `kind`: list or job; `name`: whose list, which job."""

    at: float
    kind: str
    name: str


@dataclass(slots=True)
class Stub:
    """The stub server in a process of its own."""

    origin: str
    server: servers.Server

    def base_url(self, account: str) -> str:
        return f"{self.origin}/{account}/v1"

    def turn(self, account: str) -> None:
        """Changes all active jobs of an account."""
        self._ask("POST", f"/_turn?account={account}")

    def end(self, account: str, serial: int) -> None:
        """Ends one active job of an account."""
        self._ask("POST", f"/_end?account={account}&serial={serial}")

    def arrivals(self) -> tuple[int, list[Arrival]]:
        """All requests so far, and which lists and jobs were asked for since the last call."""
        told = orjson.loads(self._ask("GET", "/_arrivals"))
        return told["requests"], [Arrival(*one) for one in told["arrivals"]]

    def _ask(self, method: str, path: str) -> bytes:
        with urlopen(Request(self.origin + path, method=method), timeout=30) as reply:
            return bytes(reply.read())


@contextlib.contextmanager
def a_stub(active: int, finished: int = 0) -> Iterator[Stub]:
    command = [sys.executable, "-m", "bench.stub", "--active", str(active)]
    server = servers.Server(
        [*command, "--finished", str(finished)], env=servers.bare_environment()
    ).start()
    try:
        line = server.wait_for("http://")
        yield Stub(line.split("Stub: ", 1)[1].strip(), server)
    finally:
        server.stop()


@dataclass(slots=True)
class Place:
    """A data folder and a database, and the environment of a process that works there."""

    folder: Path
    database_url: str
    extra: dict[str, str] = field(default_factory=dict)

    def environment(self, **more: str) -> dict[str, str]:
        ours = {
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "SECRET_KEY": _SECRET,
            "FIELD_ENCRYPTION_KEYS": _FIELD_KEY,
            "TUNEBELL_ALLOW_PRIVATE": "127.0.0.0/8",
            "TUNEBELL_DATA_DIR": str(self.folder),
            "DATABASE_URL": self.database_url,
            "DEMO": "0",
        }
        return servers.bare_environment(**{**ours, **self.extra, **more})

    def run(self, *command: str) -> str:
        """The output of one of our programs, run here to its end."""
        done = subprocess.run(
            [sys.executable, *command],
            env=self.environment(),
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,  # its progress bars are on the other stream
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}")
        return done.stdout


_SECRET = secrets.token_urlsafe(50)
_FIELD_KEY = f"bench:{base64.b64encode(secrets.token_bytes(32)).decode()}"


@contextlib.contextmanager
def on_sqlite() -> Iterator[Place]:
    folder = Path(tempfile.mkdtemp(prefix="tunebell-bench-"))
    place = Place(folder, f"sqlite:///{folder / 'bench.sqlite3'}")
    try:
        place.run("manage.py", "migrate", "--verbosity=0", "--skip-checks")
        yield place
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def on_postgres() -> Iterator[Place]:
    """PostgreSQL with its defaults, so with fsync."""
    server = servers.start_postgres(is_durable=True)
    folder = Path(tempfile.mkdtemp(prefix="tunebell-bench-"))
    try:
        place = Place(folder, server.url)
        place.run("manage.py", "migrate", "--verbosity=0", "--skip-checks")
        yield place
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def a_broker() -> Iterator[str]:
    """The URL of a Valkey."""
    valkey = servers.start_valkey()
    try:
        yield valkey.url
    finally:
        valkey.server.stop()
        shutil.rmtree(valkey.folder, ignore_errors=True)


def python_process(place: Place, *arguments: str) -> "subprocess.Popen[str]":
    """A program of ours that is spoken to line by line."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=place.environment(),
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
