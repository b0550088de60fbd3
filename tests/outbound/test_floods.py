"""Servers that send more than an answer can be: how much of it is taken before they are left."""

import gzip

import pytest

from outbound import body, client
from outbound.client import Limits, send
from outbound.errors import OutboundError, TimedOut, TooLarge, Unreachable
from outbound.guard import HEAD_BYTES
from tests.outbound.sockets import always, dripping, flooding, in_turn, listening

MB = 1024 * 1024
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
# What a socket's buffers on both sides of one machine may hold beyond what was read.
IN_BUFFERS = 16 * MB


@pytest.fixture(autouse=True)
def _loopback(allow):
    allow("127.0.0.0/8")


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (HEAD, b"X-More: and more\r\n"),
        (HEAD + b"X-Long: ", b"x"),
        (b"", b"\r\n"),
        (CHUNKED, b"1\r\nx\r\n"),
        (CHUNKED, b"1;" + b"e" * 997 + b"\r\nx\r\n"),
        (CHUNKED + b"0\r\n", b"X-Trailer: y\r\n"),
        (HEAD + b"Connection: close\r\n\r\n", b"x"),
    ],
    ids=["hints", "continue", "headers", "header", "lines", "chunks", "chunk names", "trailers", "body"],
)  # fmt: skip
def test_a_flood_of_any_kind_is_left_early(head, drop):
    with listening(flooding(head, 200 * MB, drop)) as peer, pytest.raises(OutboundError) as error:
        send("GET", peer.url, limits=Limits(max_bytes=MB))
    assert isinstance(error.value, TooLarge | Unreachable)
    assert peer.bytes_sent < 2 * MB + HEAD_BYTES + IN_BUFFERS


def test_what_comes_before_an_answer_has_its_own_small_bound():
    hints = b"HTTP/1.1 103 Early Hints\r\n\r\n" * (2 * HEAD_BYTES // 28)
    late = always(hints + HEAD + b"Content-Length: 0\r\n\r\n")
    with listening(late) as peer, pytest.raises(TooLarge, match="More bytes"):
        send("GET", peer.url, limits=Limits(max_bytes=100 * MB))


def test_a_few_hints_before_an_answer_are_passed_over():
    hints = b"HTTP/1.1 103 Early Hints\r\n\r\n" * 3
    with listening(always(hints + HEAD + b"Content-Length: 2\r\n\r\nok")) as peer:
        assert send("GET", peer.url).body == b"ok"


def test_more_pieces_than_any_server_needs_are_too_many(monkeypatch):
    monkeypatch.setattr(body, "MAX_PIECES", 50)
    pieces = flooding(CHUNKED, 10 * MB, b"1\r\nx\r\n")
    with listening(pieces) as peer, pytest.raises(TooLarge, match="pieces"):
        send("GET", peer.url)


def test_no_exchange_is_longer_than_the_longest(monkeypatch):
    monkeypatch.setattr(client, "LONGEST_S", 0.2)
    with listening(dripping(HEAD)) as peer, pytest.raises(TimedOut):
        send("GET", peer.url, limits=Limits(deadline_s=3600))


def compressed(content, encoding):
    head = f"Content-Encoding: {encoding}\r\nContent-Length: {len(content)}\r\n\r\n"
    return HEAD + head.encode() + content


def test_a_bomb_in_a_bomb_is_unpacked_once():
    inner = gzip.compress(b"\0" * 10 * MB)
    with listening(always(compressed(gzip.compress(inner), "gzip"))) as peer:
        assert send("GET", peer.url).body == inner


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "identity"])
def test_an_encoding_that_was_not_asked_for_is_never_unpacked(encoding):
    packed = gzip.compress(b"\0" * 10 * MB)
    with listening(always(compressed(packed, encoding))) as peer:
        assert send("GET", peer.url).body == packed


@pytest.mark.parametrize(
    "chunks",
    [b"-1\r\n", b"zz\r\nx\r\n", b"ffffffffffffffffffff\r\n", b"5\r\nab\r\n0\r\n\r\n", b"5 5\r\nabcde\r\n"],
)  # fmt: skip
def test_chunks_that_make_no_sense_are_a_broken_answer(chunks):
    with listening(in_turn(CHUNKED + chunks + b"\r\n" * 4)) as peer, pytest.raises(Unreachable):
        send("GET", peer.url, limits=Limits(deadline_s=2, read_s=0.3))
