"""Whatever bytes, status and headers a server sends: a value comes out, or a ProviderError."""

import json
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outbound.secret import Secret
from providers.base import Account, connect, dialects
from providers.errors import ProviderError
from providers.results import read_result_file
from providers.wire import Invalid
from tests.outbound.sockets import Peer, listening
from tests.providers.test_decode import ANYTHING, NAMES

JOB = "ftjob-Tn7"
UNHURRIED = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
HEADERS = st.sampled_from(
    [
        *("Retry-After", "Retry-After-Ms", "X-Should-Retry", "Date", "X-Request-Id", "Location"),
        *("X-RateLimit-Limit-Requests", "X-RateLimit-Remaining-Requests", "Set-Cookie"),
        *("X-RateLimit-Reset-Requests", "X-RateLimit-Reset-Tokens", "Content-Encoding", "Link"),
        *("Transfer-Encoding", "Content-Length", "Content-Type", "Upgrade", "WWW-Authenticate"),
    ]
)
VALUES = st.sampled_from(
    ["gzip", "chunked", "0", "-1", "9" * 500, "1e999", "nan", "Sun, 99 Nov 2026 99:00:00 GMT", "6m0s"]
) | st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"))  # fmt: skip
OBJECTS = st.dictionaries(NAMES | st.sampled_from(["data", "has_more", "detail"]), ANYTHING)
ABOUT_A_JOB = OBJECTS.map(lambda raw: {**raw, "id": JOB})
LISTS = st.lists(ABOUT_A_JOB | ANYTHING, max_size=4).map(lambda items: {"data": items})
DOCUMENTS = (ANYTHING | OBJECTS | ABOUT_A_JOB | LISTS).map(lambda value: json.dumps(value).encode())
BODIES = st.binary(max_size=300) | DOCUMENTS
QUESTIONS = {
    "job": lambda provider: provider.read_job(provider.retrieve_job(JOB)),
    "jobs": lambda provider: [provider.read_job(one) for one in provider.list_jobs().items],
    "events": lambda provider: provider.list_events(JOB),
    "checkpoints": lambda provider: provider.list_checkpoints(JOB),
    "file": lambda provider: provider.file("file-1"),
    "content": lambda provider: read_result_file(provider.file_content("file-1")),
    "limits": lambda provider: provider.limits(),
    "models": lambda provider: provider.models(),
    "cancel": lambda provider: provider.act(JOB, "cancel"),
    "check": lambda provider: provider.check(),
}


class Parrot:
    """Says `reply` to whatever comes, and hangs up."""

    reply = b""

    def __call__(self, conn: socket.socket, _peer: Peer) -> None:
        conn.recv(65536)
        conn.sendall(self.reply)


@pytest.fixture(scope="module")
def parrot():
    spoken = Parrot()
    with listening(spoken) as peer:
        yield spoken, f"http://127.0.0.1:{peer.port}/v1"


def ask(dialect, url, name):
    """A value, or one of the errors that are expected."""
    provider = connect(Account(dialect, url, Secret("sk-any-0123456789")))
    try:
        return QUESTIONS[name](provider)
    except ProviderError as error:
        return error


def is_told(found):
    """An error has words for people, and a wait that is bounded."""
    if not isinstance(found, ProviderError):
        return True
    return bool(found.message) and (found.retry_after is None or 0 <= found.retry_after <= 3600)


@pytest.mark.parametrize("dialect", dialects())
@UNHURRIED
@given(
    st.sampled_from(sorted(QUESTIONS)),
    st.sampled_from([200, 200, 200, 201, 401, 403, 404, 429, 500]) | st.integers(100, 999),
    st.lists(st.tuples(HEADERS, VALUES), max_size=3),
    BODIES,
)
def test_any_answer_gives_a_value_or_an_error(dialect, parrot, name, status, headers, body):
    spoken, url = parrot
    lines = [f"HTTP/1.1 {status} Any", *(f"{name}: {value}" for name, value in headers)]
    spoken.reply = "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body
    assert is_told(ask(dialect, url, name))


@pytest.mark.parametrize("dialect", dialects())
@settings(UNHURRIED, max_examples=15)
@given(st.sampled_from(sorted(QUESTIONS)), st.binary(max_size=400))
def test_any_bytes_give_a_value_or_an_error(dialect, parrot, name, reply):
    spoken, url = parrot
    spoken.reply = reply
    assert is_told(ask(dialect, url, name))


@UNHURRIED
@given(st.binary() | DOCUMENTS | st.text().map(lambda rows: f"step,train_loss\n{rows}".encode()))
def test_any_result_file_gives_points_or_a_kind(content):
    found = read_result_file(content)
    assert found.kind
    assert all(point.step >= 0 for point in found.points)


HOSTILE = {
    "an opening without end": b"[" * 2**20,
    "an integer of 5,000 digits": b'{"id": "%b", "seed": %b}' % (JOB.encode(), b"9" * 5000),
    "a number beyond a double": b'{"id": "%b", "trained_tokens": 1e400}' % JOB.encode(),
    "a number that is none": b'{"id": "%b", "created_at": NaN}' % JOB.encode(),
    "NUL": b'{"id": "%b", "model": "a\\u0000b"}' % JOB.encode(),
    "a lone surrogate": b'{"id": "%b", "model": "a\\ud800b"}' % JOB.encode(),
    "100,000 names": b'{"id": "%b", "metadata": {%b}}' % (JOB.encode(), b",".join(b'"k%d": 1' % n for n in range(100_000))),
    "350,000 objects": b'{"data": [' + b"{}," * 350_000 + b"{}]}",
    "a million numbers": b'{"data": [' + b"1.5," * 1_000_000 + b"1]}",
}  # fmt: skip


@pytest.mark.parametrize("dialect", dialects())
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_documents_give_a_value_or_an_error(body, dialect, parrot):
    spoken, url = parrot
    spoken.reply = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body
    assert all(is_told(ask(dialect, url, name)) for name in QUESTIONS)


@pytest.mark.parametrize("name", ["NUL", "a lone surrogate", "a number beyond a double"])
def test_of_a_job_with_an_unstorable_member_the_rest_is_read(name, parrot):
    spoken, url = parrot
    spoken.reply = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + HOSTILE[name]
    job = ask("openai", url, "job")
    assert not isinstance(job, Invalid | ProviderError)
    assert job.id == JOB
