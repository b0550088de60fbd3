"""What `up` does before it starts anything, for installations that start their processes themselves."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from dashboard import preparation, seed


class Command(BaseCommand):
    help = (
        "Creates or updates tables, static files, the first team and what the environment asks for."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--static-only", action="store_true", help="static files only; needs no database"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["static_only"]:
            preparation.collect_static()
            return
        with preparation.alone():
            preparation.migrate()
            preparation.collect_static()
            seed.sow(demo_port=None)
        self.stdout.write("Ready.")
