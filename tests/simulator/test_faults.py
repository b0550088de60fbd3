from __future__ import annotations

import contextlib
import gzip
import json
import socket
import time

import httpx
import pytest

JOB = "/v1/fine_tuning/jobs/ftjob-x"


@pytest.fixture
def job(http):
    return http.post("/_control/jobs", json={"id": "ftjob-x", "age_s": 9000}).json()


def inject(http, fault, **rule):
    reply = http.post("/_control/faults", json={"match": JOB, "times": 1, "fault": fault} | rule)
    assert reply.status_code == 201, reply.text
    return reply.json()["number"]


def raw_get(simulator, path=JOB, until=lambda _received: False):
    """Everything a plain socket receives until the server ends the connection, or enough has come."""
    address = ("127.0.0.1", simulator.server.server_port)
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        received = b""
        while not until(received) and (block := connection.recv(65536)):
            received += block
    return received


@pytest.mark.usefixtures("job")
def test_a_status_comes_with_headers_and_body_and_then_never_again(http):
    fault = {
        "kind": "status",
        "status": 429,
        "headers": {"Retry-After": "7"},
        "body": {"error": {"code": "slow_down"}},
    }
    inject(http, fault)
    first, second = http.get(JOB), http.get(JOB)
    assert (first.status_code, first.headers["retry-after"]) == (429, "7")
    assert first.json() == {"error": {"code": "slow_down"}}
    assert second.status_code == 200


@pytest.mark.usefixtures("job")
def test_a_status_without_a_body_has_an_envelope_and_a_text_stays_text(http):
    inject(http, {"kind": "status", "status": 503})
    inject(http, {"kind": "status", "status": 500, "body": "Internal Server Error"})
    first, second = http.get(JOB), http.get(JOB)
    assert (first.status_code, first.json()["error"]["type"]) == (503, "server_error")
    assert (second.text, second.headers["content-type"]) == ("Internal Server Error", "text/plain")


@pytest.mark.usefixtures("job")
@pytest.mark.parametrize(
    ("fault", "starts", "kind_of_content"),
    [
        ({"kind": "html"}, b"<!doctype html>", "text/html"),
        ({"kind": "garbage"}, b"\x00\x01\x02", "application/json"),
        ({"kind": "nan"}, b'{"object"', "application/json"),
        ({"kind": "not-an-object"}, b"[", "application/json"),
    ],
)
def test_a_wrong_body_comes_with_a_good_status(http, fault, starts, kind_of_content):
    inject(http, fault)
    reply = http.get(JOB)
    assert (reply.status_code, reply.headers["content-type"]) == (200, kind_of_content)
    assert reply.content.startswith(starts)


@pytest.mark.usefixtures("job")
def test_an_empty_answer_has_no_bytes(http):
    inject(http, {"kind": "empty"})
    assert (http.get(JOB).status_code, http.get(JOB).status_code) == (200, 200)
    inject(http, {"kind": "empty"})
    assert http.get(JOB).content == b""


@pytest.mark.usefixtures("job")
def test_nan_is_no_strict_json(http):
    inject(http, {"kind": "nan"})
    with pytest.raises(ValueError, match="NaN"):
        json.loads(
            http.get(JOB).content,
            parse_constant=lambda word: (_ for _ in ()).throw(ValueError(word)),
        )


@pytest.mark.usefixtures("job")
def test_a_redirect_names_another_place(http):
    inject(http, {"kind": "redirect", "location": "http://127.0.0.1:1/"})
    reply = http.get(JOB)
    assert (reply.status_code, reply.headers["location"]) == (302, "http://127.0.0.1:1/")


@pytest.mark.usefixtures("job")
def test_a_wrong_id_and_an_unknown_word_replace_only_that(http):
    inject(http, {"kind": "wrong-id", "id": "ftjob-other"})
    inject(http, {"kind": "unknown_status", "word": "compacting"})
    first, second, good = http.get(JOB).json(), http.get(JOB).json(), http.get(JOB).json()
    assert first == good | {"id": "ftjob-other"}
    assert second == good | {"status": "compacting"}


@pytest.mark.usefixtures("job")
def test_an_unknown_word_reaches_lists_too(http):
    inject(http, {"kind": "unknown-status"}, match="/v1/fine_tuning/jobs")
    assert http.get("/v1/fine_tuning/jobs").json()["data"][0]["status"] == "defragmenting"


@pytest.mark.usefixtures("job")
def test_a_gzip_bomb_is_small_on_the_wire(http, simulator):
    inject(http, {"kind": "gzip-bomb", "bytes": 5_000_000})
    head, _, body = raw_get(
        simulator, until=lambda received: received.count(b"\r\n\r\n") and len(received) > 4900
    ).partition(b"\r\n\r\n")
    assert b"content-encoding: gzip" in head
    assert len(body) < 20_000
    assert len(gzip.decompress(body)) == 5_000_000


@pytest.mark.usefixtures("job")
def test_a_huge_answer_sends_as_many_bytes_as_asked(http, simulator):
    inject(http, {"kind": "huge", "bytes": 3_000_000})
    assert len(raw_get(simulator)) > 3_000_000


@pytest.mark.usefixtures("job")
def test_a_truncated_answer_ends_before_its_length(http):
    inject(http, {"kind": "truncated"})
    with pytest.raises(httpx.RemoteProtocolError):
        http.get(JOB)


@pytest.mark.usefixtures("job")
def test_a_reset_breaks_the_connection(http, simulator):
    inject(http, {"kind": "reset"})
    with pytest.raises(ConnectionResetError):
        raw_get(simulator)


@pytest.mark.usefixtures("job")
def test_a_hanging_answer_sends_nothing(http):
    inject(http, {"kind": "hang"})
    with pytest.raises(httpx.ReadTimeout):
        http.get(JOB, timeout=0.2)
    assert http.get(JOB).status_code == 200


@pytest.mark.usefixtures("job")
def test_closing_the_simulator_releases_a_hanging_answer(http, simulator):
    inject(http, {"kind": "hang"})
    address = ("127.0.0.1", simulator.server.server_port)
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(f"GET {JOB} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        while not http.get("/_control/journal").json()["data"]:
            pass
        simulator.close()
        assert connection.recv(1) == b""


@pytest.mark.usefixtures("job")
def test_many_hanging_clients_hold_nobody_back(http, simulator):
    inject(http, {"kind": "hang"}, times=None)
    address = ("127.0.0.1", simulator.server.server_port)
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            connection = stack.enter_context(socket.create_connection(address, timeout=10))
            connection.sendall(f"GET {JOB} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert http.get("/v1/fine_tuning/jobs").json()["data"][0]["id"] == "ftjob-x"


@pytest.mark.usefixtures("job")
def test_a_dripping_answer_comes_byte_by_byte(http, simulator):
    inject(http, {"kind": "drip", "seconds": 0.01})
    received = raw_get(simulator, until=lambda so_far: b'{"object"' in so_far)
    assert received.endswith(b'{"object"')


@pytest.mark.usefixtures("job")
def test_a_slow_answer_tells_what_was_true_when_it_was_asked(http):
    http.post("/_control/jobs", json={"id": "ftjob-slow", "running_s": 9000})
    inject(http, {"kind": "slow", "seconds": 0.3}, match="*/ftjob-slow")
    began = time.monotonic()
    reply = http.get("/v1/fine_tuning/jobs/ftjob-slow")
    assert time.monotonic() - began >= 0.3
    assert reply.json()["status"] == "validating_files"


@pytest.mark.usefixtures("job")
def test_a_fault_hits_only_what_it_matches(http):
    inject(http, {"kind": "html"}, match="/v1/fine_tuning/jobs/*/events", times=None)
    assert http.get(JOB).status_code == 200
    assert http.get(JOB + "/events").headers["content-type"] == "text/html"
    assert http.get(JOB + "/events").headers["content-type"] == "text/html"


@pytest.mark.usefixtures("job")
def test_a_fault_can_be_for_one_key_or_method_only(http):
    inject(http, {"kind": "empty"}, key="sk-one", times=None)
    inject(http, {"kind": "empty"}, method="POST", match="*", times=None)
    assert http.get(JOB, headers={"Authorization": "Bearer sk-two"}).content != b""
    assert http.get(JOB, headers={"Authorization": "Bearer sk-one"}).content == b""
    assert http.post(JOB + "/cancel").content == b""


@pytest.mark.usefixtures("job")
def test_a_share_of_requests_can_be_hit(http):
    inject(http, {"kind": "empty"}, share=0.5, times=None)
    sizes = [len(http.get(JOB).content) for _ in range(60)]
    assert 10 < sizes.count(0) < 50


@pytest.mark.usefixtures("job")
def test_faults_can_be_listed_and_removed(http):
    first = inject(http, {"kind": "empty"}, times=None)
    inject(http, {"kind": "html"}, times=None)
    http.get(JOB)
    listed = http.get("/_control/faults").json()["data"]
    assert [(rule["kind"], rule["hits"]) for rule in listed] == [("empty", 1), ("html", 0)]
    assert http.delete("/_control/faults", params={"number": first}).json() == {"removed": 1}
    assert http.get(JOB).headers["content-type"] == "text/html"
    assert http.delete("/_control/faults").json() == {"removed": 1}
    assert http.get(JOB).json()["id"] == "ftjob-x"


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"fault": {"kind": "tickle"}},
        {"fault": {"kind": "status", "status": "bad"}},
        {"fault": {"kind": "status", "headers": {"a b": "c"}}},
        {"fault": {"kind": "status", "headers": {"a": "c\r\nd: e"}}},
        {"fault": {"kind": "html", "colour": "red"}},
        {"fault": {"kind": "html"}, "times": "often"},
        {"fault": {"kind": "html"}, "match": 5},
    ],
)
def test_a_fault_that_cannot_be_is_refused(http, rule):
    reply = http.post("/_control/faults", json=rule)
    assert reply.status_code == 400
    assert reply.json()["error"]["message"]
