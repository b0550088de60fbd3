"""Everything on one machine: prepares the data folder, then becomes the supervisor of all processes."""

import contextlib
import fcntl
import io
import os
import socket
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from dashboard import env, preparation, seed
from dashboard.supervisor_plan import Plan, broker_binary


class Command(BaseCommand):
    help = "Starts TuneBell: broker, workers, web and, without a real connection, the demo. Ctrl-C ends it."
    requires_system_checks: list[str] = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            self._start()
        except KeyboardInterrupt:
            raise SystemExit(130) from None

    def _start(self) -> None:
        data_dir: Path = settings.DATA_DIR
        run_dir = make_run_dir(data_dir)
        lock = take_lock(run_dir / "lock")
        refuse_taken_port(settings.PORT)
        preparation.migrate()
        preparation.collect_static()
        demo_port = port_of(run_dir, "simulator", wanted=seed.wants_demo())
        seed.sow(demo_port=demo_port)
        own_broker = not env.read(os.environ)["REDIS_URL"]
        binary = broker_binary() if own_broker else None
        plan = Plan(
            data_dir=data_dir,
            port=settings.PORT,
            has_broker=bool(binary) or not own_broker,
            broker=binary,
            broker_port=port_of(run_dir, "broker", wanted=bool(binary)),
            demo_port=demo_port,
        )
        become_supervisor(plan, lock, sign_in_link())


def make_run_dir(data_dir: Path) -> Path:
    run_dir = data_dir / "run"
    try:
        run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = run_dir / "probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CommandError(
            f"cannot write to the data folder {data_dir} ({error.strerror})"
        ) from None
    return run_dir


def take_lock(path: Path) -> int:
    """The descriptor of the lock. It stays locked until the supervisor ends, however it ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise CommandError(
            f"TuneBell is running already on the data folder {path.parent.parent}"
        ) from None
    return descriptor


def refuse_taken_port(port: int) -> None:
    if not is_free(port):
        raise CommandError(f"port {port} is taken; choose another one: PORT={port + 1} make run")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def port_of(run_dir: Path, name: str, *, wanted: bool) -> int | None:
    """The port of the last start when it is still free, else another free one. The settings read it from the file."""
    file = run_dir / f"{name}.port"
    if not wanted:
        file.unlink(missing_ok=True)
        return None
    with contextlib.suppress(OSError, ValueError):
        last = int(file.read_text())
        if is_free(last):
            return last
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    file.write_text(str(port))
    return port


def sign_in_link() -> str:
    """The line with the link, or with the reason why there is none."""
    line = io.StringIO()
    try:
        call_command("sign_in_link", stdout=line)
    except CommandError as error:
        return f"{error}\n"
    return line.getvalue()


def become_supervisor(plan: Plan, lock: int, link: str) -> None:
    """Replace this process: no connection or module of the preparation stays, and the number the shell knows does."""
    os.set_inheritable(lock, True)
    pipe, entrance = os.pipe()
    os.write(entrance, link.encode())
    os.close(entrance)
    os.set_inheritable(pipe, True)
    sys.stdout.flush()
    os.chdir(settings.BASE_DIR)
    arguments = ["-m", "dashboard.supervisor", plan.to_json(), str(pipe)]
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606  # no shell
