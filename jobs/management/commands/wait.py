"""For scripts: returns when a job is over, and says by its exit code how it ended."""

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs.models import Job

SUCCEEDED, NOT_SUCCEEDED, UNKNOWN = 0, 1, 2


class Command(BaseCommand):
    help = "Waits for a job to end. Exit code: 0 succeeded, 1 failed or cancelled, 2 unknown."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("job", help="the job's id at the provider")
        parser.add_argument("--connection", help="slug, where two connections know the id")
        parser.add_argument("--timeout", type=float, help="seconds to wait at most (then exit 2)")
        parser.add_argument("--every", type=float, default=2.0, help="seconds between two looks")

    def handle(self, *_args: Any, **options: Any) -> None:
        end = time.monotonic() + options["timeout"] if options["timeout"] is not None else None
        told = ""
        while True:
            job = find_job(options["job"], options["connection"])
            told = self._tell(job, told)
            if job.is_over:
                sys.exit(SUCCEEDED if job.state == "succeeded" else NOT_SUCCEEDED)
            if end is not None and time.monotonic() >= end:
                raise CommandError(f"{job.name} is still {job.state}.", returncode=UNKNOWN)
            time.sleep(max(options["every"], 0.05))

    def _tell(self, job: Job, told: str) -> str:
        share = f", {job.progress:.0%}" if job.progress is not None and not job.is_over else ""
        line = f"{job.name} {job.state}{share}"
        if line != told:
            self.stdout.write(line)
        return line


def find_job(provider_id: str, connection: str | None) -> Job:
    jobs = Job.objects.filter(provider_id=provider_id)
    if connection:
        jobs = jobs.filter(connection__slug=connection)
    found = list(jobs[:2])
    if not found:
        raise CommandError(f"No job {provider_id} is known here.", returncode=UNKNOWN)
    if len(found) > 1:
        raise CommandError(
            f"Two connections know {provider_id}; name one by --connection.", returncode=UNKNOWN
        )
    return found[0]
