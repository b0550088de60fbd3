"""Everything that is kept of some jobs, in a file; the pages offer the same."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from accounts.models import Team
from jobs.export import FORMATS
from jobs.export.keeping import CannotKeep, keep
from jobs.models import Connection, Job
from jobs.models.job import STATES, JobQuerySet


class Command(BaseCommand):
    help = "Writes jobs with all that is kept of them as ZIP, CSV or JSON Lines."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--connection", help="slug: all jobs of this connection")
        parser.add_argument("--job", nargs="+", metavar="ID", help="ids of jobs at the provider")
        parser.add_argument("--team", help="slug, where several teams have what is asked for")
        states = [state for state, _ in STATES]
        parser.add_argument("--state", nargs="+", choices=states, help="only jobs in these states")
        parser.add_argument("--format", choices=FORMATS, default="zip")
        parser.add_argument("-o", "--output", required=True, help="a file, or - for the output")
        parser.add_argument("--force", action="store_true", help="replace the file if it exists")

    def handle(self, *_args: Any, **options: Any) -> None:
        jobs = find_jobs(options)
        number = jobs.count()
        with tqdm(
            total=number, unit="job", file=self.stderr, disable=not self.stderr.isatty()
        ) as bar:
            stream = FORMATS[options["format"]].stream
            chunks = stream(jobs, timezone.now(), on_job=bar.update)
            if options["output"] == "-":
                pour(chunks)
                return
            size = self._keep(chunks, Path(options["output"]), replaces=options["force"])
        noun = "job" if number == 1 else "jobs"
        self.stdout.write(f"{number} {noun}, {size} bytes in {options['output']}.")

    def _keep(self, chunks: Iterable[bytes], path: Path, *, replaces: bool) -> int:
        try:
            return keep(chunks, path, replaces=replaces)
        except CannotKeep as error:
            raise CommandError(str(error)) from None


def find_jobs(options: dict[str, Any]) -> JobQuerySet:
    """Jobs of one team: an export never mixes what teams keep apart."""
    if not (options["connection"] or options["job"] or options["team"]):
        raise CommandError("Say what: --connection SLUG, --job ID ... or --team SLUG.")
    jobs = Job.objects.all()
    if options["team"]:
        jobs = jobs.for_team(find_team(options["team"]))
    if options["connection"]:
        jobs = jobs.filter(connection=find_connection(options["connection"], options["team"]))
    if options["job"]:
        jobs = jobs.filter(provider_id__in=known_ids(jobs, options["job"]))
    if options["state"]:
        jobs = jobs.in_state(*options["state"])
    refuse_mixture(jobs)
    return jobs


def find_team(slug: str) -> Team:
    found = Team.objects.filter(slug=slug).first()
    if found is None:
        known = ", ".join(Team.objects.values_list("slug", flat=True)) or "none"
        raise CommandError(f"No team is called {slug}. There are: {known}.")
    return found


def find_connection(slug: str, team: str | None) -> Connection:
    """Archived ones too: what they saw is kept to be read."""
    rows = Connection.objects.filter(**({"team__slug": team} if team else {}))
    found = list(rows.filter(slug=slug).select_related("team")[:2])
    if not found:
        known = ", ".join(rows.values_list("slug", flat=True)[:50]) or "none"
        raise CommandError(f"No connection is called {slug}. There are: {known}.")
    if len(found) > 1:
        raise CommandError(f"Several teams have a connection {slug}; name one by --team.")
    return found[0]


def known_ids(jobs: JobQuerySet, asked: list[str]) -> list[str]:
    known = set(jobs.filter(provider_id__in=asked).values_list("provider_id", flat=True))
    if missing := [one for one in asked if one not in known]:
        raise CommandError(f"Not known here: {', '.join(missing)}.")
    return asked


def refuse_mixture(jobs: JobQuerySet) -> None:
    teams = sorted(jobs.order_by().values_list("team__slug", flat=True).distinct()[:5])
    if len(teams) > 1:
        raise CommandError(
            f"They belong to several teams ({', '.join(teams)}); name one by --team."
        )


def pour(chunks: Iterable[bytes]) -> None:
    """To the output. A reader that has enough, like `head`, is no error."""
    if sys.stdout.isatty():
        raise CommandError("This would fill the terminal: redirect the output, or name a file.")
    try:
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Python flushes once more at its end, and would complain about the same pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        raise CommandError(f"The output broke off: {error.strerror}.") from None
