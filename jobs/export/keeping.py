"""An export on disk: whole, or not there."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path


class CannotKeep(Exception):
    """The export could not be written there. Nothing was left behind."""


def keep(chunks: Iterable[bytes], path: Path, *, replaces: bool = False) -> int:
    """Writes beside `path`, then renames: bytes written. Raises CannotKeep.

    Only the owner may read the file: prompts and graders are in it.
    """
    refuse(path, replaces=replaces)
    try:
        handle, beside = tempfile.mkstemp(
            prefix=f".{path.name[:60]}.", suffix=".part", dir=path.parent
        )
    except OSError as error:
        raise CannotKeep(f"{path.parent}: {error.strerror}.") from error
    try:
        size = _write(handle, chunks)
        refuse(path, replaces=replaces)
        Path(beside).replace(path)
    except OSError as error:
        raise CannotKeep(f"{path}: {error.strerror or error}. Nothing was left behind.") from error
    finally:
        Path(beside).unlink(missing_ok=True)
    _sync_folder(path.parent)
    return size


def refuse(path: Path, *, replaces: bool) -> None:
    """Raises CannotKeep where nothing should be written."""
    if path.is_dir():
        raise CannotKeep(f"{path} is a folder; name a file in it.")
    if path.exists() and not path.is_file():
        raise CannotKeep(f"{path} is no ordinary file; use -o - and redirect the output to it.")
    if path.exists() and not replaces:
        raise CannotKeep(f"{path} exists already; --force replaces it.")


def _write(handle: int, chunks: Iterable[bytes]) -> int:
    size = 0
    with os.fdopen(handle, "wb") as file:
        for chunk in chunks:
            size += file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return size


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
