"""What `up` does before it starts anything, for installations that start their processes themselves."""

from typing import Any

from django.core.management.base import BaseCommand

from dashboard import preparation, seed


class Command(BaseCommand):
    help = (
        "Creates or updates tables, static files, the first team and what the environment asks for."
    )
    requires_system_checks: list[str] = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        preparation.migrate()
        preparation.collect_static()
        seed.sow(demo_port=None)
        self.stdout.write("Ready.")
