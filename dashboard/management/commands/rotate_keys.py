"""After a new key was put first in FIELD_ENCRYPTION_KEYS."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dashboard.rotation import rotate, rows_by_key


class Command(BaseCommand):
    help = "Encrypts stored secrets again with the first of FIELD_ENCRYPTION_KEYS."

    def handle(self, *_args: Any, **_options: Any) -> None:
        first = settings.FIELD_ENCRYPTION_KEYS[0][0]
        done = rotate(first)
        self.stdout.write(f"{done.moved} secrets moved to the key {first}.")
        for key_id, count in sorted(rows_by_key().items()):
            self.stdout.write(f"{key_id}: {count} secrets")
        for reason in done.failed:
            self.stderr.write(reason)
        if done.failed:
            raise CommandError(
                f"{len(done.failed)} secrets could not be opened; keep the old keys."
            )
