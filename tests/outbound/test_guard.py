import ssl
import threading

import pytest
import trustme

from outbound.client import Limits, close_clients, send
from outbound.errors import Blocked, TimedOut, Unreachable
from outbound.guard import ssl_context
from tests.outbound.sockets import OK, always, listening

SHORT = Limits(deadline_s=0.3, connect_s=0.3)


@pytest.fixture
def certified(monkeypatch, tmp_path):
    """Makes a TLS context for a server of the given name; the client trusts its issuer."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    ssl_context.cache_clear()

    def for_name(name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        return context

    yield for_name
    ssl_context.cache_clear()


def test_a_name_that_changes_its_answer_is_resolved_once_and_pinned(allow, names):
    with listening(always(OK), "127.0.0.2") as good, listening(always(OK), "127.0.0.1") as canary:
        allow(f"127.0.0.2:{good.port}")
        names["rebind.test"] = [["127.0.0.2"], ["127.0.0.1"]]
        assert send("GET", f"http://rebind.test:{good.port}/").address == "127.0.0.2"
        assert names["asked"] == ["rebind.test"]
        assert canary.connections == 0


def test_the_next_connection_judges_the_new_answer(allow, names):
    with listening(always(OK), "127.0.0.2") as good:
        allow(f"127.0.0.2:{good.port}")
        names["rebind.test"] = [["127.0.0.2"], ["127.0.0.1"]]
        send("GET", f"http://rebind.test:{good.port}/")
        close_clients()
        with pytest.raises(Blocked):
            send("GET", f"http://rebind.test:{good.port}/")


@pytest.mark.parametrize("bad", ["10.0.0.1", "::1", "169.254.169.254", "::ffff:10.0.0.1"])
def test_one_bad_answer_among_good_ones_refuses_all(bad, allow, names):
    with listening(always(OK), "127.0.0.2") as good:
        allow("127.0.0.2")
        for answers in (["127.0.0.2", bad], [bad, "127.0.0.2"]):
            names["mixed.test"] = [answers]
            with pytest.raises(Blocked):
                send("GET", f"http://mixed.test:{good.port}/")
        assert good.connections == 0


def test_the_next_good_address_is_tried(allow, names):
    with listening(always(OK), "127.0.0.2") as good:
        allow("127.0.0.0/8")
        names["two.test"] = [["127.0.0.3", "127.0.0.2"]]
        assert send("GET", f"http://two.test:{good.port}/").address == "127.0.0.2"


def test_the_host_header_keeps_the_name(allow, names):
    with listening(always(OK)) as peer:
        allow("127.0.0.1")
        names["name.test"] = [["127.0.0.1"]]
        send("GET", f"http://NAME.test.:{peer.port}/")
    assert f"Host: name.test:{peer.port}\r\n".encode() in peer.requests[0]


def test_http_to_a_public_answer_is_refused(allow, names):
    allow("10.0.0.0/8")
    names["public.test"] = [["1.1.1.1"]]
    with pytest.raises(Blocked, match="plain http"):
        send("GET", "http://public.test/")


def test_a_port_that_is_not_open_to_the_public_is_refused(allow, names):
    allow("10.0.0.0/8")
    names["public.test"] = [["1.1.1.1"]]
    with pytest.raises(Blocked, match="port 22"):
        send("GET", "https://public.test:22/")


def test_a_name_without_an_address_is_unreachable(names):
    names["empty.test"] = [[]]
    with pytest.raises(Unreachable) as error:
        send("GET", "https://empty.test/")
    assert not error.value.maybe_sent


def test_a_name_server_that_fails_or_hangs_is_an_error(monkeypatch):
    release = threading.Event()

    def failing(*_args, **_options):
        raise OSError

    monkeypatch.setattr("outbound.resolve.getaddrinfo", failing)
    with pytest.raises(Unreachable):
        send("GET", "https://gone.test/")
    monkeypatch.setattr("outbound.resolve.getaddrinfo", lambda *_a, **_o: release.wait(30) and [])
    with pytest.raises(TimedOut):
        send("GET", "https://hangs.test/", limits=SHORT)
    release.set()


def test_a_certificate_is_checked_for_the_name(allow, names, certified):
    allow("127.0.0.1")
    names["right.test"] = [["127.0.0.1"]]
    with listening(always(OK), tls=certified("right.test")) as peer:
        assert send("GET", f"https://right.test:{peer.port}/").status == 200


def test_a_certificate_for_another_name_is_refused(allow, names, certified):
    allow("127.0.0.1")
    names["wrong.test"] = [["127.0.0.1"]]
    with (
        listening(always(OK), tls=certified("right.test")) as peer,
        pytest.raises(Unreachable, match="certificate"),
    ):
        send("GET", f"https://wrong.test:{peer.port}/")
    assert peer.requests == []


def test_a_pooled_connection_to_the_same_address_serves_no_other_name(allow, names, certified):
    allow("127.0.0.1")
    names["right.test"] = names["wrong.test"] = [["127.0.0.1"]]
    with listening(always(OK), tls=certified("right.test")) as peer:
        send("GET", f"https://right.test:{peer.port}/")
        with pytest.raises(Unreachable, match="certificate"):
            send("GET", f"https://wrong.test:{peer.port}/")
        assert len(peer.requests) == 1


def test_a_certificate_of_an_unknown_issuer_is_refused(allow, names, certified, monkeypatch):
    allow("127.0.0.1")
    names["right.test"] = [["127.0.0.1"]]
    context = certified("right.test")
    monkeypatch.delenv("SSL_CERT_FILE")
    ssl_context.cache_clear()
    with (
        listening(always(OK), tls=context) as peer,
        pytest.raises(Unreachable, match="certificate"),
    ):
        send("GET", f"https://right.test:{peer.port}/")


def test_a_server_without_tls_is_unreachable_by_https(allow):
    allow("127.0.0.1")
    with (
        listening(lambda conn, _peer: conn.sendall(b"HTTP/1.1 400 no\r\n\r\n")) as peer,
        pytest.raises(Unreachable, match="TLS") as error,
    ):
        send("GET", f"https://127.0.0.1:{peer.port}/")
    assert not error.value.maybe_sent


def test_a_handshake_that_never_answers_is_cut(allow):
    allow("127.0.0.1")
    with (
        listening(lambda _conn, peer: peer.stop.wait(30)) as peer,
        pytest.raises(TimedOut) as error,
    ):
        send("GET", f"https://127.0.0.1:{peer.port}/", limits=SHORT)
    assert not error.value.maybe_sent


def test_an_answer_before_the_request_is_complete_does_no_harm(allow):
    allow("127.0.0.1")

    def hasty(conn, _peer):
        conn.sendall(OK)
        conn.recv(1)

    with listening(hasty) as peer:
        assert send("POST", peer.url, content=b"x" * 10).body == b"ok"
