"""Hostile servers, through the whole poll: bounded, told in a sentence, nothing lost, nobody else late."""

import gzip
import json
import socket
from dataclasses import dataclass

import pytest
from django.utils import timezone

from jobs import archive
from jobs.models import Backfill, Connection, Event, Job, Snapshot, Transition
from outbound import client
from tests.builders import NOON, a_connection
from tests.outbound.sockets import Peer, always, dripping, flooding, hanging_up, listening, silent
from tests.provider_double import BORN, ProviderDouble
from tests.providers.wire_json import a_job, a_list

pytestmark = [pytest.mark.stack, pytest.mark.django_db(transaction=True)]

MB = 1024 * 1024
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
D = 1.0  # seconds that an exchange may take here
ROUNDS = 3
MOST_REQUESTS = 12  # of so many rounds: a list and a job, or their trials, and the models once
IN_BUFFERS = 16 * MB


def compressed(body: bytes, encoding: str = "gzip") -> bytes:
    head = f"Content-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
    return HEAD + head.encode() + body


def moved(to: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()


def plain(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def tls_garbage(conn: socket.socket, peer: Peer) -> None:
    peer.requests.append(conn.recv(65536))
    conn.sendall(b"\x16\x03\x01" + b"\xff" * 500)


@dataclass(frozen=True)
class Hostile:
    answer: object
    says: str  # on the connection
    health: str = "unreachable"
    scheme: str = "http"


BROKE, LARGE, SLOW = "broke the connection off", "larger than", "took too long"
HOSTILE = {
    "200 MB": Hostile(flooding(HEAD + b"Content-Length: 200000000\r\n\r\n", 200 * MB), LARGE, "unreadable"),
    "no end": Hostile(flooding(HEAD + b"Connection: close\r\n\r\n", 200 * MB), LARGE, "unreadable"),
    "bomb": Hostile(always(compressed(gzip.compress(b" " * 30 * MB))), LARGE, "unreadable"),
    "bomb in a bomb": Hostile(always(compressed(gzip.compress(gzip.compress(b" " * 30 * MB)))), "not JSON", "unreadable"),
    "br": Hostile(always(compressed(gzip.compress(b"{}"), "br")), "not JSON", "unreadable"),
    "deflate": Hostile(always(compressed(gzip.compress(b"{}"), "deflate")), "not JSON", "unreadable"),
    "broken gzip": Hostile(always(compressed(b"no gzip")), "not what its gzip header says"),
    "a byte at a time": Hostile(dripping(HEAD + b"Content-Length: 999\r\n\r\n"), SLOW),
    "a header at a time": Hostile(dripping(HEAD, b"X-A: b\r\n"), SLOW),
    "silence": Hostile(silent, SLOW),
    "1 MB of header": Hostile(always(HEAD + b"X: " + b"x" * MB + b"\r\n\r\n"), BROKE),
    "headers without end": Hostile(flooding(HEAD, 200 * MB, b"X-More: and more\r\n"), BROKE),
    "100 without end": Hostile(flooding(b"", 200 * MB, b"HTTP/1.1 100 Continue\r\n\r\n"), "More bytes came", "unreadable"),
    "103 without end": Hostile(flooding(b"", 200 * MB, b"HTTP/1.1 103 Early Hints\r\n\r\n"), "More bytes came", "unreadable"),
    "a redirect to itself": Hostile(always(moved("/v1/fine_tuning/jobs")), "redirects"),
    "a redirect elsewhere": Hostile(always(moved("http://169.254.169.254/latest")), "redirects to 169.254.169.254"),
    "tls garbage": Hostile(tls_garbage, "does not speak TLS", scheme="https"),
    "hangs up": Hostile(hanging_up, BROKE),
    "ends in mid-body": Hostile(lambda conn, _peer: (conn.recv(9999), conn.sendall(HEAD + b"Content-Length: 99\r\n\r\n{"))[0], BROKE),
    "chunks of nonsense": Hostile(always(CHUNKED + b"zz\r\n{}\r\n"), BROKE),
    "chunks of less": Hostile(always(CHUNKED + b"-5\r\n{}\r\n"), BROKE),
    "html": Hostile(always(plain(b"<html>nap</html>")), "HTML", "unreadable"),
    "nothing": Hostile(always(plain(b"")), "empty", "unreadable"),
    "openings": Hostile(always(plain(b"[" * MB)), "too many values", "unreadable"),
    "garbage": Hostile(always(b"\x00\xff\xfe garbage\r\n\r\n"), BROKE),
}  # fmt: skip


@pytest.fixture
def well(provider):
    """A healthy provider and its connection."""
    connection = a_connection(base_url=provider.url, created_at=timezone.now())
    provider.serves("ftjob-well", status="running")
    return connection


@pytest.fixture
def provider():
    double = ProviderDouble()
    yield double
    double.close()


@pytest.fixture
def followed(poll):
    """A connection that was well and knows a running job; from now on it is at another address."""

    def follow(url: str) -> Connection:
        double = ProviderDouble()
        row = a_connection(base_url=double.url, created_at=timezone.now())
        double.serves("ftjob-ours", status="running", events=[{"id": "e1", "message": "m"}])
        poll(2)
        double.close()
        Connection.objects.filter(pk=row.pk).update(base_url=url)
        return row

    return follow


def kept(connection):
    """What must outlive any trouble."""
    job = Job.objects.get(connection=connection)
    bodies = Snapshot.objects.filter(job=job).values_list("source", "body", "is_newest")
    events = Event.objects.filter(job=job).values_list("provider_id")
    state = (job.state, job.raw_status, job.ended_at, job.retrieved_at, job.is_missing)
    return [state, sorted(bodies), sorted(events)]


@pytest.mark.parametrize("case", HOSTILE.values(), ids=HOSTILE)
def test_it_costs_its_own_connection_only(case, poll, followed, provider, well, monkeypatch):
    with listening(case.answer) as peer:
        row = followed(f"{case.scheme}://127.0.0.1:{peer.port}/v1")
        before, looked = kept(row), len(provider.requests())
        monkeypatch.setattr(client, "LONGEST_S", D)
        for _ in range(ROUNDS):
            poll()
            heard = [each["path"] for each in provider.requests()[looked:]]
            looked += len(heard)
            assert any(path.endswith("/ftjob-well") for path in heard)
        assert peer.connections <= MOST_REQUESTS
        assert peer.bytes_sent <= peer.connections * (10 * MB + IN_BUFFERS)
    row.refresh_from_db()
    assert case.says in row.health_reason
    assert row.health == case.health
    assert kept(row) == before
    assert not Transition.objects.filter(connection=row, kind="state", rings=True).exists()
    well.refresh_from_db()
    assert well.health == "ok"


def test_others_are_polled_while_one_holds_on_to_its_answer(poll, followed, provider, well):
    """The hostile server answers only once it has seen that the others were served."""
    seen = []

    def waits_for_the_others(conn: socket.socket, peer: Peer) -> None:
        conn.recv(65536)
        while not peer.stop.wait(0.05):
            paths = [each["path"] for each in provider.requests()[looked:]]
            if {"/v1/fine_tuning/jobs", "/v1/fine_tuning/jobs/ftjob-well"} <= set(paths):
                seen.append(paths)
                conn.sendall(plain(b"<html></html>"))
                return

    with listening(waits_for_the_others) as peer:
        row = followed(f"http://127.0.0.1:{peer.port}/v1")
        looked = len(provider.requests())
        poll()
    row.refresh_from_db()
    assert seen
    assert "HTML" in row.health_reason


class Lister:
    """Serves a list of its own making; each job of it runs."""

    def __init__(self, page) -> None:
        self.page, self.pages = page, 0

    def __call__(self, conn: socket.socket, peer: Peer) -> None:
        while request := conn.recv(65536):
            peer.requests.append(request)
            path, _, query = request.split()[1].decode().partition("?")
            name = path.rpartition("/")[2]
            body: object = a_job(id=name, training_file=None)
            if name == "jobs":
                body = self.page(self.pages, query)
                self.pages += 1
            elif name in {"events", "checkpoints", "models", "model_limits"}:
                body = a_list()
            content = json.dumps(body).encode()
            conn.sendall(plain(content))


def listed(*names, **more):
    return a_list(*(a_job(id=name, training_file=None) for name in names), **more)


LISTS = {
    "the same page for ever": (lambda _n, _q: listed("ftjob-1", "ftjob-2", has_more=True), 2, 3),
    "a cursor that stands still": (lambda n, _q: listed(f"ftjob-{n % 2}", "ftjob-z", has_more=True), 3, 3),
    "pages in a circle": (lambda n, _q: listed(f"ftjob-{n % 2}", has_more=True), 2, 3),
    "new ids for ever": (lambda n, _q: listed(f"ftjob-{n}", has_more=True), 50, 50),
    "no ids at all": (lambda _n, _q: a_list({"status": "running"}, has_more=True), 0, 2),
    "an empty page with more": (lambda _n, _q: a_list(has_more=True), 0, 2),
    "a job twice on a page": (lambda _n, _q: listed("ftjob-1", "ftjob-1", "ftjob-2"), 2, 2),
    "a job on two pages": (lambda n, _q: listed(f"ftjob-{n}", f"ftjob-{n + 1}", has_more=n < 2), 4, 3),
    "has_more that is no truth": (lambda _n, _q: listed("ftjob-1", has_more="yes"), 1, 1),
}  # fmt: skip


@pytest.mark.parametrize(("page", "jobs", "pages"), LISTS.values(), ids=LISTS)
def test_a_list_that_misbehaves_is_read_once_and_left(page, jobs, pages, poll, provider, well):
    with listening(Lister(page)) as peer:
        row = a_connection(base_url=f"http://127.0.0.1:{peer.port}/v1", created_at=timezone.now())
        poll()
        asked = [each for each in peer.requests if each.startswith(b"GET /v1/fine_tuning/jobs?")]
    found = Job.objects.filter(connection=row)
    assert len(asked) <= pages
    assert found.count() == jobs
    assert set(found.values_list("state", flat=True)) <= {"running"}
    row.refresh_from_db()
    assert row.health == "ok"
    assert Job.objects.get(connection=well).state == "running"


def an_event(number):
    return {"id": f"ev-{number}", "created_at": BORN + number, "message": f"Line {number}"}


@pytest.mark.parametrize("order", [1, -1], ids=["oldest first", "newest first"])
def test_events_in_any_order_and_twice_are_each_kept_once(order, poll, provider, well):
    events = [an_event(number) for number in range(230)][::order]
    provider.serves("ftjob-well", status="running", events=[*events[:120], *events[100:]])
    poll(2)
    provider.serves("ftjob-well", status="running", events=[*events, *[an_event(230)]][::order])
    poll(3)
    rows = Event.objects.order_by("created_at", "id").values_list("provider_id", flat=True)
    assert list(rows) == [f"ev-{number}" for number in range(231)]


def test_a_job_that_vanishes_keeps_all_that_is_known(poll, provider, well):
    provider.serves("ftjob-gone", status="running", events=[an_event(1)])
    poll(2)
    gone = Job.objects.get(provider_id="ftjob-gone")
    before = list(gone.snapshots.values_list("body"))
    provider.breaks("status", match="*/ftjob-gone*", status=404)
    provider.breaks("status", match="/v1/fine_tuning/jobs", status=200, body=listed("ftjob-well"))
    poll(4)
    gone.refresh_from_db()
    assert (gone.state, gone.events.count(), gone.missing_count) == ("running", 1, 4)
    assert gone.trouble == "Injected fault"
    assert list(gone.snapshots.values_list("body")) == before
    well.refresh_from_db()
    assert well.health == "ok"


def test_an_answer_about_another_job_is_told_and_not_stored(poll, provider, well):
    poll(2)
    provider.breaks("wrong-id", match="*/ftjob-well", id="ftjob-other")
    before = kept(well)
    poll(3)
    assert kept(well)[0] == before[0]
    (job,) = Job.objects.all()
    assert (job.provider_id, job.trouble_count) == ("ftjob-well", 3)
    assert "another job" in job.trouble
    provider.heals()
    poll()
    assert Job.objects.get().trouble == ""


def test_an_archive_ends_though_one_job_can_never_be_read(poll, provider, well):
    provider.serves("ftjob-old", status="succeeded", created_at=BORN - 9, finished_at=BORN)
    provider.breaks("wrong-id", match="*/ftjob-old", id="ftjob-other")
    archive.start(well)
    for _ in range(archive.TRIES + 3):
        Backfill.objects.update(next_step_at=NOON)
        poll()
    assert Backfill.objects.get().state == "done"
    assert archive.progress(well).failed == 1
