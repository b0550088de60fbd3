"""Archives a connection from the terminal; the page of the connection does the same."""

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from jobs import archive
from jobs.management.commands.add_job import find_connection
from jobs.models import Backfill, Connection
from jobs.poll import poll_due

PASS_S = 2.0  # seconds between two looks at the progress


class Command(BaseCommand):
    help = "Reads all historical jobs of a connection, with events, checkpoints and result files."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("connection", help="the connection's slug")
        parser.add_argument("--retry-failed", action="store_true", help="try failed jobs again")

    def handle(self, *_args: Any, **options: Any) -> None:
        connection = find_connection(options["connection"])
        if options["retry_failed"]:
            self.stdout.write(f"{archive.retry_failed(connection)} jobs are tried again.")
        backfill = archive.start(connection)
        try:
            self._follow(connection, backfill)
        except KeyboardInterrupt:
            self.stdout.write("Interrupted. Run the command again to go on.")
            sys.exit(130)
        done = archive.progress(connection)
        self.stdout.write(f"{done.done} of {done.total} jobs archived, {done.failed} failed.")
        if done.failed:
            raise CommandError("Some jobs could not be read; --retry-failed tries them again.")

    def _follow(self, connection: Connection, backfill: Backfill) -> None:
        known = archive.progress(connection)
        done = known.done + known.failed
        # What was read before an interruption is there from the start, and not this run's speed.
        bar = tqdm(
            unit="job",
            total=known.total,
            initial=done,
            file=self.stderr,
            disable=not self.stderr.isatty(),
        )
        with bar:
            while backfill.state == Backfill.State.RUNNING:
                if not poll_due(PASS_S):
                    time.sleep(0.2)
                backfill.refresh_from_db()
                self._show(bar, connection, backfill)

    def _show(self, bar: "tqdm[Any]", connection: Connection, backfill: Backfill) -> None:
        now = archive.progress(connection)
        bar.total, bar.n = now.total, now.done + now.failed
        bar.set_postfix_str(backfill.trouble or ("" if now.is_listed else "listing"))
        bar.refresh()
