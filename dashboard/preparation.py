"""What must be in place before anything runs: tables, and static files with hashed names."""

import hashlib
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

STAMP = ".collected"


def migrate() -> None:
    call_command("migrate", interactive=False, verbosity=0)


def collect_static() -> None:
    """Copy the static files under hashed names, unless they are the same as last time."""
    stamp = Path(settings.STATIC_ROOT) / STAMP
    found = fingerprint([Path(folder) for folder in settings.STATICFILES_DIRS])
    if stamp.is_file() and stamp.read_text() == found:
        return
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(found)


def fingerprint(folders: list[Path]) -> str:
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            digest.update(f"{path.relative_to(folder)}:".encode() + path.read_bytes())
    return digest.hexdigest()
