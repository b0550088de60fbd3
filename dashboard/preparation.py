"""What must be in place before anything runs: tables, and static files with hashed names."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from dashboard.bundles import BUNDLES

STAMP = ".collected"
LOCK = int.from_bytes(b"tunebell")  # whoever prepares a PostgreSQL database holds it


@contextmanager
def alone() -> Iterator[None]:
    """Waits until nobody else prepares this database, so that several may try at once."""
    if connection.vendor == "postgresql":
        with _alone_on_postgresql():
            yield
        return
    descriptor = os.open(
        f"{connection.settings_dict['NAME']}.prepare", os.O_RDWR | os.O_CREAT, 0o600
    )
    with os.fdopen(descriptor) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _alone_on_postgresql() -> Iterator[None]:
    """The time limits of daily work end here: a migration of a large table takes its time."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0; SET lock_timeout = 0")
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        # Behind a table that a migration waits for, everybody else waits too.
        cursor.execute("SET lock_timeout = '60s'")
    try:
        yield
    finally:
        connection.close()  # gives the lock back and forgets the settings


def migrate() -> None:
    call_command("migrate", interactive=False, verbosity=0)


def collect_static() -> None:
    """Copy the static files under hashed names, unless they are the same as last time."""
    stamp = Path(settings.STATIC_ROOT) / STAMP
    found = fingerprint([Path(folder) for folder in settings.STATICFILES_DIRS])
    if stamp.is_file() and stamp.read_text() == found:
        return
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(found)


def fingerprint(folders: list[Path]) -> str:
    """Of the files, and of what is made of them."""
    digest = hashlib.sha256(repr([(one.name, one.parts) for one in BUNDLES]).encode())
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            digest.update(f"{path.relative_to(folder)}:".encode() + path.read_bytes())
    return digest.hexdigest()
