"""The first rows or lines of a kept file, without unpacking more of it than is shown. Pure."""

import base64
import binascii
import csv
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

ROWS, COLUMNS = 50, 40
CELL, LINE, ASKED = 120, 400, 4000  # characters; of the line that was asked for more
HEAD_BYTES = 64 * 1024
CONTEXT = 5  # lines before the one that was asked for
MOST_BYTES = 64 * 1024 * 1024  # unpacked on the way to it


@dataclass(frozen=True, slots=True)
class Table:
    """`cut`: how many cells were too wide to be shown whole, `columns_left` too far to the right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    cut: int
    columns_left: int
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    text: str
    is_cut: bool = False
    is_asked: bool = False


@dataclass(frozen=True, slots=True)
class Lines:
    lines: tuple[Line, ...]
    is_whole: bool


def head(packed: bytes, encoding: str) -> tuple[str, bool]:
    """The first 64 kB of a zlib stream as text, and whether that is all of it.

    `encoding` base64: of what it holds, as result files come. Bytes that are no text become U+FFFD.
    """
    room = HEAD_BYTES * 4 // 3 if encoding == "base64" else HEAD_BYTES
    start, is_whole = _unpacked(packed, room)
    if encoding == "base64":
        start = _from_base64(start)
    return start.decode("utf-8-sig", "replace").replace("\x00", "\ufffd"), is_whole


def _unpacked(packed: bytes, most: int) -> tuple[bytes, bool]:
    stream = zlib.decompressobj()
    try:
        start = stream.decompress(packed, most)
        return start, stream.eof or not stream.decompress(stream.unconsumed_tail, 1)
    except zlib.error:
        return b"", True


def _from_base64(start: bytes) -> bytes:
    bare = b"".join(start.split()).strip(b'"').rstrip(b"=")
    bare = bare[: len(bare) // 4 * 4] if len(bare) % 4 == 1 else bare
    try:
        return base64.b64decode(bare + b"=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def table(text: str, *, is_whole: bool, most: int = ROWS) -> Table | None:
    """The first rows of a CSV; None where it is none. A row that the cut went through is left out."""
    reader = csv.reader(io.StringIO(text if is_whole else text.rpartition("\n")[0]))
    try:
        rows = [cells for _, cells in zip(range(most + 1), reader, strict=False)]
    except csv.Error:
        return None
    if not rows or not any(rows[0]):
        return None
    wide = sum(len(cell.strip()) > CELL for cells in rows for cell in cells[:COLUMNS])
    return Table(
        columns=_cells(rows[0]),
        rows=tuple(map(_cells, rows[1:])),
        cut=wide,
        columns_left=max(len(rows[0]) - COLUMNS, 0),
        is_whole=is_whole and next(reader, None) is None,
    )


def _cells(cells: Sequence[str]) -> tuple[str, ...]:
    shown = (cell.strip() for cell in cells[:COLUMNS])
    return tuple(cell if len(cell) <= CELL else f"{cell[:CELL]}…" for cell in shown)


def is_lines(text: str) -> bool:
    """Whether it is JSON, one value a line: what is trained on."""
    first = text.lstrip().partition("\n")[0].strip()
    if not first.startswith("{"):
        return False
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return len(first) > LINE  # the cut went through it
    return True


def lines(text: str, *, is_whole: bool, most: int = ROWS) -> Lines:
    """The first lines; the last of them may have been cut through."""
    found = text.split("\n")
    found = found[:-1] if found and not found[-1] else found
    shown = [_line(number, one) for number, one in enumerate(found[:most], 1)]
    if shown and not is_whole and len(found) <= most:
        shown[-1] = replace(shown[-1], is_cut=True)
    return Lines(tuple(shown), is_whole and len(found) <= most)


def lines_around(packed: bytes, number: int, most: int = ROWS) -> Lines:
    """The lines from a little before `number` on, empty where the file does not reach so far."""
    first = max(number - CONTEXT, 1)
    found, is_whole = [], True
    for place, raw in enumerate(_stream(packed), 1):
        if place >= first + most:
            is_whole = False
            break
        if place >= first:
            text = raw.decode("utf-8", "replace").replace("\x00", "\ufffd")
            found.append(_line(place, text, is_asked=place == number))
    return Lines(tuple(found) if any(one.is_asked for one in found) else (), is_whole)


def _stream(packed: bytes) -> Iterator[bytes]:
    """Line by line. Of a line without an end only its start is kept, all that is ever shown."""
    rest = b""
    for piece in _pieces(packed):
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
        rest = rest[:HEAD_BYTES]
    if rest:
        yield rest


def _pieces(packed: bytes) -> Iterator[bytes]:
    stream, waiting, taken = zlib.decompressobj(), packed, 0
    while not stream.eof and taken < MOST_BYTES:
        try:
            piece = stream.decompress(waiting, HEAD_BYTES)
        except zlib.error:
            return
        waiting, taken = stream.unconsumed_tail, taken + len(piece)
        if not piece:
            return
        yield piece


def _line(number: int, text: str, *, is_asked: bool = False) -> Line:
    most = ASKED if is_asked else LINE
    return Line(number, text[:most], len(text) > most, is_asked)
