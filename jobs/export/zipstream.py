"""A ZIP file written front to back, piece by piece, in memory that does not grow with it.

The standard library keeps a record of every member until the end, which is 400 MB for the files of
100,000 jobs; here the directory waits in a temporary file. Format: PKWARE APPNOTE 6.3.10, with data
descriptors (4.4.4, bit 3) because sizes are known afterwards, and ZIP64 (4.3.14) where the archive
passes 4 GiB or 65,535 members. One member stays below 4 GiB.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Self

IN_MEMORY = 1 << 18  # bytes of the directory, about 2,500 members; more goes to a temporary file
PIECE = 1 << 16
_MAX_16, _MAX_32 = 0xFFFF, 0xFFFFFFFF
_FLAGS = 0x0808  # sizes follow the content; names are UTF-8
_DEFLATED = 8
_VERSION, _VERSION_64 = 20, 45
_MADE_ON_UNIX = 3 << 8
_MIDNIGHT, _IN_1980 = 0, 0x21  # one time for all, so that equal content gives equal archives
_REGULAR_FILE = 0o100644 << 16
_LOCAL = struct.Struct("<4s5H3I2H")
_DESCRIPTOR = struct.Struct("<4s3I")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_OFFSET_64 = struct.Struct("<2HQ")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR_64 = struct.Struct("<4sIQI")
_END = struct.Struct("<4s4H2IH")


class MemberTooLarge(Exception):
    """One file inside the archive would pass 4 GiB."""


@dataclass(frozen=True, slots=True)
class Member:
    """`size` and `crc` of the content; `packed`: bytes it takes; `offset`: where it begins."""

    name: bytes
    size: int
    crc: int
    packed: int
    offset: int


class ZipStream:
    """`yield from archive.member(...)` for each file, `yield from archive.end()` once."""

    def __init__(self, offset: int = 0) -> None:
        """`offset`: bytes that stand in front of the archive, as in a self-extracting one."""
        self.offset = offset
        self.count = 0
        self.directory = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.directory.close()

    def member(self, name: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The bytes of one file. Without content there is no such file. Raises MemberTooLarge."""
        content = filter(None, chunks)
        first = next(content, None)
        if first is None:
            return
        encoded, begin = name.encode(), self.offset
        yield self._sent(_local_header(encoded))
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        crc = size = 0
        while first is not None:
            crc, size = zlib.crc32(first, crc), size + len(first)
            if packed := packer.compress(first):
                yield self._sent(packed)
            first = next(content, None)
        yield self._sent(packer.flush())
        packed_size = self.offset - begin - _LOCAL.size - len(encoded)
        if max(size, packed_size) >= _MAX_32:
            raise MemberTooLarge(f"{name} has {size} bytes, more than one file of a ZIP can hold.")
        yield self._sent(_DESCRIPTOR.pack(b"PK\x07\x08", crc, packed_size, size))
        self._note(Member(encoded, size, crc, packed_size, begin))

    def end(self) -> Iterator[bytes]:
        """The directory: without it no program takes the file for a whole archive."""
        begin = self.offset
        self.directory.seek(0)
        while piece := self.directory.read(PIECE):
            yield self._sent(piece)
        yield _end_record(self.count, self.offset - begin, begin)

    def _sent(self, piece: bytes) -> bytes:
        self.offset += len(piece)
        return piece

    def _note(self, member: Member) -> None:
        self.count += 1
        self.directory.write(_directory_entry(member))


def _local_header(name: bytes) -> bytes:
    times = (_MIDNIGHT, _IN_1980)
    head = (b"PK\x03\x04", _VERSION, _FLAGS, _DEFLATED, *times)
    return _LOCAL.pack(*head, 0, 0, 0, len(name), 0) + name


def _directory_entry(member: Member) -> bytes:
    is_far = member.offset >= _MAX_32
    extra = _OFFSET_64.pack(1, 8, member.offset) if is_far else b""
    version = _VERSION_64 if is_far else _VERSION
    head = (b"PK\x01\x02", _MADE_ON_UNIX | version, version, _FLAGS, _DEFLATED)
    sizes = (member.crc, member.packed, member.size, len(member.name), len(extra))
    place = (0, 0, 0, _REGULAR_FILE, min(member.offset, _MAX_32))
    return _CENTRAL.pack(*head, _MIDNIGHT, _IN_1980, *sizes, *place) + member.name + extra


def _end_record(count: int, size: int, offset: int) -> bytes:
    large = b""
    if count >= _MAX_16 or size >= _MAX_32 or offset >= _MAX_32:
        versions = (_MADE_ON_UNIX | _VERSION_64, _VERSION_64)
        large = _END_64.pack(b"PK\x06\x06", 44, *versions, 0, 0, count, count, size, offset)
        large += _LOCATOR_64.pack(b"PK\x06\x07", 0, offset + size, 1)
    counts = (min(count, _MAX_16), min(count, _MAX_16))
    places = (min(size, _MAX_32), min(offset, _MAX_32))
    return large + _END.pack(b"PK\x05\x06", 0, 0, *counts, *places, 0)
