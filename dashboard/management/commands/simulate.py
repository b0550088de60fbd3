"""`manage.py simulate`: the simulator with its own options, in the place of this process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

ROOT = Path(__file__).resolve().parents[3]


class Command(BaseCommand):
    help = "Starts an OpenAI-compatible API with simulated fine-tuning jobs; the options are the simulator's own."
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """Hands on everything behind the command's name, --help included."""
        self.handle(arguments=argv[2:])

    def handle(self, *_args: Any, arguments: list[str] | None = None, **_options: Any) -> None:
        command = [sys.executable, "-m", "simulator", *(arguments or [])]
        # The folder of the caller stays, because paths in the options are relative to it.
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        os.execve(sys.executable, command, environment)  # noqa: S606  # no shell is wanted
