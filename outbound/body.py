"""Reads an answer chunk by chunk, never holding more than was asked for."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from outbound.errors import TooLarge, Unreachable

# Chunks of one byte cost far more than the bytes do; even a file sent line by line has fewer.
MAX_PIECES = 100_000
_GZIP_BITS = 16 + zlib.MAX_WBITS


class _Inflater(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes: ...


def read_body(chunks: Iterable[bytes], encoding: str, max_bytes: int) -> bytes:
    """The decompressed body. An encoding that was not asked for is left as it came.

    Raises TooLarge past `max_bytes` decompressed bytes or `MAX_PIECES` chunks, Unreachable when
    compressed data breaks.
    """
    chunks = _counted(chunks)
    if encoding.strip().lower() in {"gzip", "x-gzip"}:
        return _read_gzip(chunks, max_bytes)
    body = bytearray()
    for chunk in chunks:
        body += chunk
        _check_size(body, max_bytes)
    return bytes(body)


def _counted(chunks: Iterable[bytes]) -> Iterator[bytes]:
    for number, chunk in enumerate(chunks):
        if number == MAX_PIECES:
            raise TooLarge("The answer comes in too many pieces.", maybe_sent=True)
        yield chunk


def _read_gzip(chunks: Iterable[bytes], max_bytes: int) -> bytes:
    # httpx inflates a whole 64 KiB chunk at once, which a bomb turns into 64 MiB.
    body = bytearray()
    inflater: _Inflater = zlib.decompressobj(_GZIP_BITS)
    seen_bytes = 0
    try:
        for chunk in chunks:
            seen_bytes += len(chunk)
            inflater = _inflate(inflater, chunk, body, max_bytes)
    except zlib.error as error:
        raise Unreachable(
            "The answer is not what its gzip header says.", maybe_sent=True
        ) from error
    if seen_bytes and not inflater.eof:
        raise Unreachable("The compressed answer broke off.", maybe_sent=True)
    return bytes(body)


def _inflate(inflater: _Inflater, chunk: bytes, body: bytearray, max_bytes: int) -> _Inflater:
    while chunk:
        if inflater.eof:
            inflater = zlib.decompressobj(_GZIP_BITS)
        body += inflater.decompress(chunk, max_bytes - len(body) + 1)
        _check_size(body, max_bytes)
        chunk = inflater.unused_data
    return inflater


def _check_size(body: bytearray, max_bytes: int) -> None:
    if len(body) > max_bytes:
        raise TooLarge(f"The answer is larger than {max_bytes:,} bytes.", maybe_sent=True)
