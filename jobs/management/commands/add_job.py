"""A job that no list shows, watched by its id."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs.models import Connection
from jobs.tracking import add_job


class Command(BaseCommand):
    help = "Watches the job with this id at a connection."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("connection", help="the connection's slug")
        parser.add_argument("job", help="the job's id at the provider")

    def handle(self, *_args: Any, **options: Any) -> None:
        connection = find_connection(options["connection"])
        try:
            job, is_new = add_job(connection, options["job"])
        except ValueError as error:
            raise CommandError(str(error)) from None
        verb = "Watching" if is_new else "Already known, polled again:"
        self.stdout.write(f"{verb} {job.provider_id} at {connection.slug}.")


def find_connection(slug: str) -> Connection:
    found = list(Connection.objects.live().filter(slug=slug)[:2])
    if not found:
        known = ", ".join(Connection.objects.live().values_list("slug", flat=True)) or "none"
        raise CommandError(f"No connection is called {slug}. There are: {known}.")
    if len(found) > 1:
        raise CommandError(f"Several teams have a connection {slug}; add the job on its page.")
    return found[0]
