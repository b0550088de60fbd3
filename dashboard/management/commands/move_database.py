"""For an installation that has outgrown SQLite, or changes its server."""

import os
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.utils import load_backend
from tqdm import tqdm

from dashboard import env_kinds, move
from dashboard.management.commands.up import make_run_dir, take_lock
from outbound.redact import remember

TARGET = "move_target"


class Command(BaseCommand):
    help = (
        "Copies everything from the database in use into an empty one, and checks that all arrived."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--to",
            required=True,
            metavar="URL",
            help="an empty database: postgres://user@host:5432/name (libpq's PGPASSWORD and PGPASSFILE work)",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        url = options["to"]
        with target_at(url):
            try:
                moved = self._move()
            except move.CannotMove as error:
                raise CommandError(f"Nothing was moved: {error}.") from None
            except Error as error:
                raise CommandError(f"Nothing was moved: {' '.join(str(error).split())}") from error
            except KeyboardInterrupt:
                raise CommandError("Interrupted; nothing was moved.", returncode=130) from None
        self.stdout.write(
            f"{moved} rows copied; their numbers and checksums agree.\n"
            f"Now set DATABASE_URL={without_password(url)} and start TuneBell with the same SECRET_KEY and "
            "FIELD_ENCRYPTION_KEYS. The old database is as it was; do not start TuneBell on it again."
        )

    def _move(self) -> int:
        with nobody_starts(settings.DATABASES[DEFAULT_DB_ALIAS]):
            move.check_source(DEFAULT_DB_ALIAS)
            move.check_target(TARGET)
            move.create_tables(TARGET)
            total = move.count(DEFAULT_DB_ALIAS)
            is_quiet = not self.stderr.isatty()
            with tqdm(
                total=total, unit="row", unit_scale=True, file=self.stderr, disable=is_quiet
            ) as bar:
                return move.copy(move.Route(DEFAULT_DB_ALIAS, TARGET, bar.update))


@contextmanager
def target_at(url: str) -> Iterator[None]:
    """The database at `url` under the alias TARGET. Raises CommandError when it is no place to move to."""
    try:
        config = move.configuration(env_kinds.database_url(url or "none"))
    except ValueError as error:
        raise CommandError(f"--to {error}") from None
    if move.is_same(config, settings.DATABASES[DEFAULT_DB_ALIAS]):
        raise CommandError("--to names the database in use")
    if password := config.get("PASSWORD"):
        remember(password)
    full = connections.configure_settings({DEFAULT_DB_ALIAS: {}, TARGET: config})[TARGET]
    connections[TARGET] = load_backend(full["ENGINE"]).DatabaseWrapper(full, TARGET)
    try:
        yield
    finally:
        connections[TARGET].close()
        del connections[TARGET]


@contextmanager
def nobody_starts(config: dict[str, Any]) -> Iterator[None]:
    """Keeps `up` from starting on the data folder while its database is read. Raises CommandError when it runs."""
    folder: Path = settings.DATA_DIR
    is_ours = config["ENGINE"].endswith("sqlite3") and folder in Path(config["NAME"]).parents
    if not is_ours:
        yield
        return
    with os.fdopen(take_lock(make_run_dir(folder) / "lock"), "rb"):
        yield


def without_password(url: str) -> str:
    parts = urlsplit(url)
    if not parts.password:
        return url
    return parts._replace(netloc=f"{parts.username}:***@{parts.netloc.rpartition('@')[2]}").geturl()
