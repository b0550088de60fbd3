"""Compares an exported ZIP with its manifest. Exit code 1: something in it is wrong."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs.export.verifying import NotAnExport, verify


class Command(BaseCommand):
    help = "Checks every file of an exported ZIP by the SHA-256 in its manifest."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="a ZIP written by `manage.py export` or by the site")

    def handle(self, *_args: Any, **options: Any) -> None:
        path = options["file"]
        try:
            number, faults = verify(Path(path))
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror or error}.") from None
        except NotAnExport as error:
            raise CommandError(f"{path}: {error}") from None
        for fault in faults:
            self.stderr.write(f"{fault.member} {fault.reason}")
        if faults:
            raise CommandError(f"{path}: {len(faults)} of {number} files are wrong.")
        self.stdout.write(f"{path}: all {number} files are as they were written.")
