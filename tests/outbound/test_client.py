import gc
import gzip
import socket
import threading
import tracemalloc

import pytest

from outbound import client
from outbound.client import Limits, close_clients, send
from outbound.errors import Blocked, OutboundError, Redirected, TimedOut, TooLarge, Unreachable
from tests.outbound.sockets import (
    OK,
    always,
    dripping,
    flooding,
    hanging_up,
    in_turn,
    listening,
    silent,
)

SHORT = Limits(deadline_s=0.3, connect_s=0.3, read_s=0.3)


@pytest.fixture(autouse=True)
def _loopback(allow):
    allow("127.0.0.0/8")


def reply(body=b"", *headers, status="200 OK"):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def test_a_reply_has_status_lower_case_headers_body_and_address():
    with listening(always(reply(b"hello", "X-Request-ID: r1", status="418 Teapot"))) as peer:
        found = send("GET", peer.url)
    assert (found.status, found.body, found.address) == (418, b"hello", "127.0.0.1")
    assert found.headers["x-request-id"] == "r1"
    assert found.elapsed_s > 0


def test_the_request_carries_path_query_headers_and_content():
    with listening(always(OK)) as peer:
        send("POST", f"{peer.url}a%20b?c=d%26e", headers={"X-Own": "1"}, content=b"body")
    head = peer.requests[0].decode()
    assert head.startswith("POST /a%20b?c=d%26e HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{peer.port}\r\n" in head
    assert "X-Own: 1\r\n" in head
    assert "Accept-Encoding: gzip, identity\r\n" in head


def test_two_requests_to_one_origin_share_a_connection():
    with listening(always(OK)) as peer:
        send("GET", peer.url)
        send("GET", peer.url)
        assert (peer.connections, len(peer.requests)) == (1, 2)


def test_after_a_fork_no_connection_of_the_parent_is_used():
    with listening(always(OK)) as peer:
        send("GET", peer.url)
        client._LOCAL._pid = -1
        send("GET", peer.url)
        assert peer.connections == 2


def test_a_thread_that_ends_closes_its_connections():
    with listening(always(OK)) as peer:
        thread = threading.Thread(target=send, args=("GET", peer.url))
        thread.start()
        thread.join()
        gc.collect()  # an unclosed socket is a warning here, and a warning is an error
        assert peer.connections == 1


def test_a_thread_keeps_a_bounded_number_of_clients():
    doors = [client._LOCAL.door(("http", f"h{i}", 80)) for i in range(client.MAX_CLIENTS + 3)]
    assert len(client._LOCAL._doors) == client.MAX_CLIENTS
    assert [door.client.is_closed for door in doors[:4]] == [True, True, True, False]


def test_a_redirect_is_an_error_and_is_never_followed():
    with listening(always(OK)) as canary:
        moved = reply(b"", f"Location: {canary.url}?key=secret", status="302 Found")
        with listening(always(moved)) as peer, pytest.raises(Redirected) as error:
            send("GET", peer.url, headers={"Authorization": "Bearer x"})
    assert canary.connections == 0
    assert "secret" not in error.value.message


@pytest.mark.parametrize("location", ["", "/next", "http://[bad", "//\u00fc", "http://a:b:c/"])
def test_a_redirect_to_nowhere_is_the_same_error(location):
    moved = reply(b"", f"Location: {location}", status="301 Moved")
    with listening(always(moved)) as peer, pytest.raises(Redirected):
        send("GET", peer.url)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"])
def test_proxy_variables_are_ignored(name, monkeypatch):
    with listening(always(OK)) as proxy, listening(always(OK)) as peer:
        monkeypatch.setenv(name, proxy.url)
        assert send("GET", peer.url).status == 200
    assert proxy.connections == 0


def test_a_netrc_is_ignored(monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with listening(always(OK)) as peer:
        send("GET", peer.url)
    assert b"authorization" not in peer.requests[0].lower()


def test_cookies_are_not_kept():
    with listening(always(reply(b"", "Set-Cookie: a=b; Path=/"))) as peer:
        send("GET", peer.url)
        send("GET", peer.url)
    assert b"cookie" not in peer.requests[1].lower()


@pytest.mark.parametrize(
    "answer",
    [
        silent,
        dripping(b""),
        dripping(b"HTTP/1.1 200 OK\r\nX-Slow: "),
        dripping(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        dripping(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
        dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
    ids=["silent", "status", "header", "headers", "hints", "body", "chunks"],
)
def test_a_slow_server_is_cut_at_the_deadline(answer):
    with listening(answer) as peer, pytest.raises(TimedOut) as error:
        send("GET", peer.url, limits=SHORT)
    assert error.value.maybe_sent


def test_a_server_that_takes_no_request_is_cut_at_the_deadline():
    with listening(lambda _conn, peer: peer.stop.wait(30)) as peer, pytest.raises(TimedOut):
        send("POST", peer.url, content=b"x" * 30_000_000, limits=SHORT)


def test_a_deadline_does_not_outlive_its_request():
    with listening(always(OK)) as peer:
        with pytest.raises(TimedOut):
            send("GET", peer.url, limits=Limits(deadline_s=0))
        assert send("GET", peer.url).status == 200


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
    ],
)
def test_an_endless_body_is_cut(head):
    with listening(flooding(head, 200_000_000)) as peer, pytest.raises(TooLarge):
        send("GET", peer.url, limits=Limits(max_bytes=100_000))
    assert peer.bytes_sent < 50_000_000


def test_a_body_of_exactly_the_allowed_size_is_read():
    with listening(always(reply(b"x" * 1000))) as peer:
        assert len(send("GET", peer.url, limits=Limits(max_bytes=1000)).body) == 1000
        with pytest.raises(TooLarge):
            send("GET", peer.url, limits=Limits(max_bytes=999))


def test_a_gzip_bomb_is_cut_before_it_fills_the_memory():
    bomb = reply(gzip.compress(b"\0" * 200_000_000, 9), "Content-Encoding: gzip")
    with listening(always(bomb)) as peer:
        tracemalloc.start()
        with pytest.raises(TooLarge):
            send("GET", peer.url)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 16_000_000


def test_a_compressed_body_is_unpacked():
    packed = gzip.compress(b"first ") + gzip.compress(b"second")
    with listening(always(reply(packed, "Content-Encoding: GZIP"))) as peer:
        assert send("GET", peer.url).body == b"first second"


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(b"x" * 999)[:-9], b"no gzip", b"\x1f\x8b"],
    ids=["cut", "plain", "begun"],
)
def test_a_broken_compressed_body_is_an_error(packed):
    with (
        listening(always(reply(packed, "Content-Encoding: gzip"))) as peer,
        pytest.raises(Unreachable),
    ):
        send("GET", peer.url)


def test_an_encoding_that_was_not_asked_for_is_left_as_it_came():
    with listening(always(reply(b"\x0b\x02", "Content-Encoding: br"))) as peer:
        assert send("GET", peer.url).body == b"\x0b\x02"


@pytest.mark.parametrize(
    "answer",
    [
        hanging_up,
        always(b"garbage\r\n\r\n"),
        in_turn(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"),
        in_turn(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
        always(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000 + b"\r\n\r\n"),
    ],
    ids=["nothing", "garbage", "cut", "cut-chunk", "huge-header"],
)
def test_a_broken_answer_says_the_request_may_have_arrived(answer):
    with listening(answer) as peer, pytest.raises(Unreachable) as error:
        send("GET", peer.url)
    assert error.value.maybe_sent


def test_a_refused_connection_says_nothing_was_sent():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Unreachable) as error:
        send("POST", f"http://127.0.0.1:{port}/", content=b"x")
    assert not error.value.maybe_sent


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "b\r\nX-C: d"},
        {"X-A": "b\nc"},
        {"X-A": "b\0"},
        {"X-A": "schlüssel"},
        {"X A": "b"},
        {"": "b"},
        {"X-A:": "b"},
    ],
)
def test_a_header_that_cannot_be_sent_is_refused_unsent(headers):
    with listening(always(OK)) as peer:
        with pytest.raises(Blocked):
            send("GET", peer.url, headers=headers)
        assert peer.connections == 0


def test_every_failure_is_an_outbound_error_with_a_sentence():
    with pytest.raises(OutboundError) as error:
        send("GET", "https://127.0.0.1:1/\u00e9")
    assert error.value.message.endswith(".")
    close_clients()
