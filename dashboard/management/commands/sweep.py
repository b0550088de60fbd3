"""The twin of the periodic tasks, for a machine without a broker and for the hand."""

import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from dashboard.standby import Standby, sweep_once


class Command(BaseCommand):
    help = "Polls what is due and sends what is due, without broker or workers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        how = parser.add_mutually_exclusive_group(required=True)
        how.add_argument("--once", action="store_true", help="one pass, then end")
        how.add_argument(
            "--loop", action="store_true", help="stand by; act while nobody else sweeps"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["once"]:
            taken, announced, sent = sweep_once()
            self.stdout.write(f"{taken} answers taken, {announced} alerts made, {sent} sent.")
            return
        standby = Standby()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, standby.stop)
        self.stdout.write("Standing by.")
        standby.run()
