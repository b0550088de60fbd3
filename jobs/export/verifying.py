"""Does an exported ZIP hold what its manifest says?"""

import hashlib
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from jobs.export.bundle import FORMAT, MANIFEST
from jobs.export.zipstream import PIECE


class NotAnExport(Exception):
    """The file is not a whole export of ours."""


@dataclass(frozen=True, slots=True)
class Fault:
    member: str
    reason: str


@dataclass(frozen=True, slots=True)
class Noted:
    """What the manifest says of one member."""

    size: int
    sha256: str


def verify(path: Path) -> tuple[int, list[Fault]]:
    """How many members were compared, and which are wrong. Raises NotAnExport, OSError."""
    try:
        with zipfile.ZipFile(path) as archive:
            noted = _manifest(archive)
            return len(noted), list(_faults(archive, noted))
    except zipfile.BadZipFile as error:
        raise NotAnExport(
            f"It is no whole ZIP file ({error}); it may have been cut off."
        ) from error


def _manifest(archive: zipfile.ZipFile) -> dict[str, Noted]:
    try:
        said = orjson.loads(archive.read(MANIFEST))
        if said["format"] != FORMAT:
            raise NotAnExport(f"Its format is {said['format']}; this version reads {FORMAT}.")
        return {one["name"]: Noted(one["size"], one["sha256"]) for one in said["members"]}
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise NotAnExport(f"It has no readable {MANIFEST}.") from error


def _faults(archive: zipfile.ZipFile, noted: dict[str, Noted]) -> Iterator[Fault]:
    for name, wanted in noted.items():
        reason = _compare(archive, name, wanted)
        if reason:
            yield Fault(name, reason)
    present = Counter(archive.namelist())
    for name, number in sorted(present.items()):
        if name not in noted and name != MANIFEST:
            yield Fault(name, "is not in the manifest")
        if number > 1:
            yield Fault(name, f"is there {number} times")


def _compare(archive: zipfile.ZipFile, name: str, wanted: Noted) -> str:
    """Why the member is wrong; "" when it is right."""
    digest, size = hashlib.sha256(), 0
    try:
        with archive.open(name) as member:
            while piece := member.read(PIECE):
                digest.update(piece)
                size += len(piece)
    except KeyError:
        return "is missing"
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        return f"cannot be read ({error})"
    if size != wanted.size:
        return f"has {size} bytes, not {wanted.size}"
    return "" if digest.hexdigest() == wanted.sha256 else "has another SHA-256"
