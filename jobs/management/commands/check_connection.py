"""Tests a connection from the terminal, as the form does: what the key can do, and what is wrong."""

from argparse import ArgumentParser
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError

from accounts.cipher import CannotOpen
from jobs.management.commands.add_job import find_connection
from jobs.models import Connection
from outbound import policy
from outbound.errors import Blocked
from providers.base import Account, Check, connect, dialects

ALL_WELL, NO_JOBS, NOT_ASKED, IN_PART = 0, 1, 2, 3
EXITS = (
    "Exits with 0 when all is well, 1 when jobs cannot be read, 2 when nothing could be asked, "
    "3 when jobs can be read but something else cannot."
)


class Command(BaseCommand):
    help = f"Tests a connection: what was asked, what came back, what to change. {EXITS}"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("connection", nargs="?", help="the slug of a saved connection")
        parser.add_argument("--base-url", help="instead: the address of one that is not saved")
        parser.add_argument("--dialect", choices=list(dialects()), default="openai")
        parser.add_argument("--key-env", default="", help="OPENAI_API_KEY, OPENAI_API_KEY_LAB ...")
        parser.add_argument("--auth-header", default="Authorization", help="api-key at Azure")

    def handle(self, *_args: Any, **options: Any) -> None:
        connection = self._connection(options)
        account = _account(connection)
        self.stdout.write(f"Testing {account.base_url} ({dialects()[account.dialect].label})")
        checks = connect(account).check()
        for check in checks:
            self._show(check)
        if code := exit_code(checks):
            raise SystemExit(code)

    def _connection(self, options: dict[str, Any]) -> Connection:
        slug, base_url = options["connection"], options["base_url"]
        if bool(slug) == bool(base_url):
            _refuse("Name either a connection or --base-url.")
        if slug:
            try:
                return find_connection(slug)
            except CommandError as error:
                _refuse(str(error))
        return Connection(
            base_url=base_url.rstrip("/"),
            dialect=options["dialect"],
            key_env=options["key_env"],
            auth_header=options["auth_header"],
        )

    def _show(self, check: Check) -> None:
        word = "yes" if check.ok else "NO"
        self.stdout.write(f"  {check.capability:<12}{word:<5}{check.detail}")
        for line in check.tried:
            self.stdout.write(f"  {'':<17}{line}")


def _account(connection: Connection) -> Account:
    try:
        policy.check_url(connection.base_url)
        return connection.account()
    except Blocked as error:
        _refuse(f"{error.message} That is the base URL.")
    except CannotOpen as error:
        _refuse(f"The key cannot be used: {error}.")


def _refuse(reason: str) -> NoReturn:
    raise CommandError(reason, returncode=NOT_ASKED)


def exit_code(checks: list[Check]) -> int:
    """What a script is told."""
    if not any(check.ok for check in checks if check.capability == "jobs"):
        return NO_JOBS
    return ALL_WELL if all(check.ok for check in checks) else IN_PART
