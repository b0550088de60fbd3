"""Starts a Python program by a fork of this process, so that both share the memory of what is loaded already.

Six processes of the site hold the same modules; each loading its own copy takes twice the memory and a second of
computing more a start. Linux only: elsewhere a fork without a new program is not safe.
"""

import gc
import importlib
import os
import runpy
import signal
import sys
import traceback
from dataclasses import dataclass
from typing import IO, NoReturn

import django
from celery import current_app

from dashboard.tether import tie

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
FIRST_OWN_FD, LAST_FD = 3, 1024
# What all parts need, beside the site's own modules. Nothing of it opens a connection or starts a thread.
SHARED = (
    *("dashboard.celery", "dashboard.heartbeats", "dashboard.standby"),
    *("django.core.management", "django.core.wsgi", "django.db.models.sql.compiler"),
    *("celery.app.amqp", "celery.app.control", "celery.app.log", "celery.apps.beat"),
    *("celery.apps.worker", "celery.bin.celery", "celery.concurrency.prefork"),
    *("celery.contrib.django.task", "celery.worker.autoscale", "celery.worker.components"),
    *("celery.worker.consumer", "celery.worker.strategy", "kombu.transport.redis"),
    *("billiard.heap", "billiard.popen_fork", "billiard.sharedctypes", "cffi.cparser"),
    *("dashboard.wsgi", "encodings.idna"),
    *("gunicorn.app.wsgiapp", "gunicorn.workers.gthread"),
)


@dataclass(slots=True)
class Forked:
    """A started program: what the supervisor uses of `subprocess.Popen`."""

    pid: int
    stdout: IO[bytes]
    returncode: int | None = None
    stderr: IO[bytes] | None = None

    def poll(self) -> int | None:
        return self._wait(os.WNOHANG)

    def wait(self) -> int:
        return self._wait(0) or 0

    def terminate(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)

    def _wait(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def load_site() -> None:
    """Everything the parts share. Ends the process with 78 when a setting is broken."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    gc.disable()  # a collection leaves holes, and every page with one is copied later
    django.setup()
    for module in SHARED:
        importlib.import_module(module)
    current_app.loader.import_default_modules()
    gc.freeze()  # else the first collection of each part writes to all these pages
    gc.enable()


def start(command: list[str], title: str) -> Forked:
    """Runs `python -m MODULE ...` or `python FILE ...` in a session of its own, without `python`.

    Call it from the main thread, while no other thread writes to the standard output.
    """
    reader, writer = os.pipe()
    parent = os.getpid()
    sys.stdout.flush()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        pid = os.fork()
        if not pid:
            _become(command[1:], title, writer, parent)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(writer)
    return Forked(pid, os.fdopen(reader, "rb"))


def _become(arguments: list[str], title: str, writer: int, parent: int) -> NoReturn:
    """Whatever happens, the child never returns into the parent's program."""
    code = 1
    try:
        os.setsid()
        tie(parent, title)
        _take_streams(writer)
        for number in SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:  # nohup asks to outlive the terminal
                signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        code = _run(arguments)
    except BaseException:  # noqa: BLE001 - printed, and then the process ends
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _take_streams(writer: int) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, source in enumerate((nothing, writer, writer)):
        os.dup2(source, number)
    os.closerange(FIRST_OWN_FD, LAST_FD)  # pipes of the other parts, and the lock of the folder
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a text file since the start


def _run(arguments: list[str]) -> int:
    sys.argv = arguments[1:] if arguments[0] == "-m" else arguments
    try:
        if arguments[0] == "-m":
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        return _code_of(end)
    return 0


def _code_of(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    sys.stderr.write(f"{end.code}\n")
    return 1
