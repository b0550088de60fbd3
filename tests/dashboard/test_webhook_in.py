"""/webhooks/openai/<connection>/: what a provider, and what anybody else, is answered."""

import http.client
import json
import signal
import socket
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import openai
import pytest
from django.apps import apps
from django.conf import settings as site_settings
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from alerts.endpoint import add_secret
from alerts.models import InboundEndpoint, InboundEvent
from alerts.signatures import Refused, read_headers, verify
from dashboard.views.inbound import MOST_BODY_BYTES
from dashboard.wsgi import application
from jobs.claims import database_now
from jobs.models import Connection, Job
from outbound.secret import Secret
from tests.builders import a_connection, a_job, a_member
from tests.dashboard.hostile_hooks import Hostile
from tests.servers import eventually
from tests.signing import (
    OTHER_SECRET,
    SECRET,
    Hook,
    a_hook,
    a_listening_connection,
    event_of,
    path_of,
    post,
)

pytestmark = pytest.mark.django_db
SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples"
NOBODY = "/webhooks/openai/6a1b7c52-1111-4222-8333-444455556666/"
# A fifth of them on PostgreSQL too: it refuses texts that SQLite stores.
REQUESTS = 2_000 if connection.vendor == "postgresql" else 10_000
LATER = timedelta(hours=1)


@pytest.fixture
def listening():
    return a_listening_connection()


def test_a_good_event_is_answered_with_a_word(listening):
    answer = post(listening, a_hook())
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    assert answer.headers["Content-Security-Policy"] == site_settings.FILE_POLICY
    assert "private" in answer.headers["Cache-Control"]
    assert not answer.cookies


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(listening, method):
    hook = a_hook()
    answer = Client().generic(method, path_of(listening), hook.body, headers=hook.headers)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert not InboundEvent.objects.exists()


def test_who_is_wrong_learns_nothing_but_that(listening):
    """A connection without a secret, one that does not exist, and a name that can be none."""
    silent = a_connection()
    paths = (path_of(silent), NOBODY, "/webhooks/openai/x/", "/webhooks/openai/%F0%9F%94%94/")
    answers = [post(path, a_hook()) for path in paths]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_whatever_is_wrong_the_answer_is_the_same(listening):
    good = a_hook()
    bad = [
        good.without("webhook-id"),
        good.with_header("webhook-timestamp", "123.0"),
        good.with_header("webhook-signature", good.headers["webhook-signature"][3:]),
        a_hook(secret=OTHER_SECRET),
        a_hook(age=timedelta(minutes=6)),
        a_hook(b"[]"),
        Hook(good.headers, b"\xff"),
    ]
    answers = [post(listening, hook) for hook in bad]
    assert {answer.status_code for answer in answers} == {400}
    assert len({answer.content for answer in answers}) == 1
    assert not InboundEvent.objects.exists()


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 413)])
def test_a_body_has_at_most_256_kib(listening, more, status):
    body = b'{"type": "x"}'.ljust(MOST_BODY_BYTES + more)
    assert post(listening, a_hook(body)).status_code == status
    assert InboundEvent.objects.exists() == (status == 200)


@pytest.fixture
def environment(settings):
    settings.OPENAI_WEBHOOK_SECRET = SECRET
    return a_connection(origin="environment", slug="openai")


def test_the_secret_of_the_environment_is_for_the_connection_openai(environment):
    other = a_connection(environment.team, origin="environment", slug="openai-lab")
    assert post("/webhooks/openai/openai/", a_hook()).status_code == 200
    assert post(other, a_hook()).status_code == 404
    assert post(f"/webhooks/openai/{environment.public_id}/", a_hook()).status_code == 404


def test_a_second_secret_of_the_same_connection_counts_too(environment):
    add_secret(environment, Secret(OTHER_SECRET))
    for secret in (SECRET, OTHER_SECRET):
        assert post("/webhooks/openai/openai/", a_hook(secret=secret)).status_code == 200


@pytest.mark.parametrize("origin", ["site", "demo"])
def test_a_connection_that_a_team_calls_openai_is_not_reached_by_its_name(settings, origin):
    settings.OPENAI_WEBHOOK_SECRET = SECRET
    made_here = a_listening_connection(slug="openai", origin=origin)
    assert post("/webhooks/openai/openai/", a_hook()).status_code == 404
    assert post(made_here, a_hook()).status_code == 200
    assert post(path_of(made_here).upper().lower(), a_hook()).status_code == 200


def test_a_public_id_in_another_spelling_is_no_address(listening):
    spelled = str(listening.public_id)
    for other in (spelled.upper(), spelled.replace("-", ""), f"{{{spelled}}}"):
        assert post(f"/webhooks/openai/{other}/", a_hook()).status_code == 404


def test_a_database_in_trouble_makes_the_provider_try_again(listening):
    def refuse(*_args, **_kwargs):
        raise OperationalError("database is locked")

    with connection.execute_wrapper(refuse):
        answer = post(listening, a_hook())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")


def test_trouble_in_the_middle_leaves_nothing_half_written(listening):
    job = a_job(listening, next_poll_at=database_now() + LATER)

    def refuse_the_second_write(execute, sql, params, many, context):
        if sql.startswith("UPDATE"):
            raise OperationalError("disk full")
        return execute(sql, params, many, context)

    hook = a_hook(job.provider_id)
    with connection.execute_wrapper(refuse_the_second_write):
        assert post(listening, hook).status_code == 503
    assert not InboundEvent.objects.exists()
    assert post(listening, hook).status_code == 200


def test_secrets_that_no_key_opens_are_our_trouble_not_the_providers(listening):
    InboundEndpoint.objects.update(sealed_secrets="v1.lost.AAAA.AAAA")
    assert post(listening, a_hook()).status_code == 503


def test_a_wrong_signature_is_noted_once_a_minute(listening):
    post(listening, a_hook(secret=OTHER_SECRET))
    first = InboundEndpoint.objects.get().refused_at
    post(listening, a_hook(secret=OTHER_SECRET))
    assert InboundEndpoint.objects.get().refused_at == first
    InboundEndpoint.objects.update(refused_at=first - timedelta(minutes=2))
    post(listening, a_hook(secret=OTHER_SECRET))
    assert InboundEndpoint.objects.get().refused_at >= first


def test_a_flood_of_wrong_signatures_writes_nothing(listening, environment):
    """On SQLite also an update of no row takes the lock that all others write with."""
    wrong = a_hook(secret=OTHER_SECRET)
    post(listening, wrong)
    for path in (listening, "/webhooks/openai/openai/"):
        with CaptureQueriesContext(connection) as queries:
            assert post(path, wrong).status_code == 400
        assert [one["sql"][:6] for one in queries] == ["SELECT"] * 2


def test_a_session_is_not_even_looked_up(listening):
    client = Client(raise_request_exception=False)
    client.force_login(a_member(listening.team))
    asked = {"content_type": "application/json", "headers": {"webhook-id": "é"}}
    with CaptureQueriesContext(connection) as queries:
        assert client.post(path_of(listening), b"{}", **asked).status_code == 400
    assert not queries.captured_queries

    def refuse(*_args, **_kwargs):
        raise OperationalError("no database")

    good = a_hook()
    with connection.execute_wrapper(refuse):
        answer = client.post(
            path_of(listening), good.body, content_type="application/json", headers=good.headers
        )
    assert answer.status_code == 503


def test_a_session_changes_nothing_and_none_is_begun(listening):
    hook = a_hook()
    client = Client()
    client.force_login(a_member(listening.team))
    answer = client.post(
        path_of(listening), hook.body, content_type="application/json", headers=hook.headers
    )
    assert (answer.status_code, answer.cookies) == (200, {})


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("webhook-*.http")), ids=lambda path: path.name)
def test_the_published_example_is_read_and_only_its_age_and_secret_are_wrong(listening, path):
    head, _, body = path.read_bytes().partition(b"\n\n")
    lines = head.decode().splitlines()[1:]
    published = Hook(dict(line.split(": ", 1) for line in lines), body)
    assert post(listening, published).status_code == 400
    headers = published.headers
    again = a_hook(body, webhook_id=headers["webhook-id"])
    assert post(listening, again).status_code == 200
    event = InboundEvent.objects.get()
    assert (event.webhook_id, event.type) == (headers["webhook-id"], "response.completed")


def examples() -> dict[str, tuple[Hook, bool, bool]]:
    """Name -> a hook of this moment, whether we accept it, and whether the SDK does."""
    good = a_hook("ftjob-1")
    signature = good.headers["webhook-signature"]

    def signed(text: str) -> Hook:
        return good.with_header("webhook-signature", text)

    both_accept = {
        "as it is": good,
        "two signatures": signed(f"v1,{'A' * 44} {signature}"),
        "another version first": signed(f"v1a,x {signature}"),
        "four minutes old": a_hook("ftjob-1", age=timedelta(minutes=4)),
        "text in every script": a_hook({**event_of("x"), "note": "Glöckchen 🔔"}),
    }
    both_refuse = {
        "another secret": a_hook("ftjob-1", OTHER_SECRET),
        "another body": Hook(good.headers, good.body + b" "),
        "another id": good.with_header("webhook-id", "wh_other"),
        "no id": good.without("webhook-id"),
        "no time": good.without("webhook-timestamp"),
        "no signature": good.without("webhook-signature"),
        "time with a point": good.with_header("webhook-timestamp", "1795000000.0"),
        "six minutes old": a_hook("ftjob-1", age=timedelta(minutes=6)),
        "six minutes ahead": a_hook("ftjob-1", age=timedelta(minutes=-6)),
        "not base64": signed("v1,!!!"),
    }
    only_the_sdk_accepts = {
        "no version": signed(signature[3:]),
        "two spaces": signed(f"{signature}  v1a,x"),
    }
    return {
        **{name: (hook, True, True) for name, hook in both_accept.items()},
        **{name: (hook, False, False) for name, hook in both_refuse.items()},
        **{name: (hook, False, True) for name, hook in only_the_sdk_accepts.items()},
    }


def sdk_accepts(hook: Hook) -> bool:
    client = openai.OpenAI(api_key="sk-none", webhook_secret=SECRET)
    try:
        client.webhooks.verify_signature(hook.body, hook.headers)
    except (openai.InvalidWebhookSignatureError, ValueError):
        return False
    return True


def we_accept(hook: Hook) -> bool:
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    try:
        headers = read_headers(*(hook.headers.get(name, "") for name in names))
        verify(headers, hook.body, [Secret(SECRET)], database_now())
    except Refused:
        return False
    return True


# What is signed is five minutes old at most, and a suite may take longer: it is signed in the test.
@pytest.mark.parametrize("name", list(examples()))
def test_we_agree_with_the_official_sdk_where_it_is_right(name):
    hook, ours, theirs = examples()[name]
    assert (we_accept(hook), sdk_accepts(hook)) == (ours, theirs)


def rows_elsewhere() -> dict[str, int]:
    inbound = {InboundEvent, InboundEndpoint}
    return {m.__name__: m._default_manager.count() for m in apps.get_models() if m not in inbound}


@pytest.mark.both_databases
def test_hostile_requests_are_all_answered_and_a_refused_one_writes_no_row(listening):
    job = a_job(listening, next_poll_at=None)
    silent = a_connection()
    paths = [path_of(listening)] * 12 + [path_of(silent), NOBODY, "/webhooks/openai/\x00/"]
    hostile, before = Hostile(20251120, [job.provider_id], paths), rows_elsewhere()
    statuses, accepted = [], set()
    for _ in range(REQUESTS):
        environ = hostile.environ()
        answer = application.get_response(application.request_class(environ))
        statuses.append(answer.status_code)
        if statuses[-1] < 300:
            accepted.add(environ["HTTP_WEBHOOK_ID"])

    assert set(statuses) == {200, 400, 404, 405, 413}
    assert REQUESTS / 20 < statuses.count(200) < REQUESTS / 2
    assert InboundEvent.objects.count() == len(accepted)
    assert rows_elsewhere() == before


def raw_answer(url: str, request: bytes, *, ends: bool = False) -> int:
    """The status of what a server answers to these bytes; 0 when it only hangs up."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as line:
        line.sendall(request)
        if ends:
            line.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(line)
        try:
            answer.begin()
        except (http.client.HTTPException, ConnectionError):
            return 0
        return answer.status


def as_bytes(path: str, hook: Hook, *, length: str, body: bytes | None = None) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Connection: close", length]
    lines += [f"{name}: {value}" for name, value in hook.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + (hook.body if body is None else body)


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


@pytest.mark.django_db(transaction=True)
def test_a_real_server_takes_bodies_of_any_framing_and_stops_at_the_cap(site):
    listening, hook = a_listening_connection(), a_hook()
    url, path, chunks = site().url, path_of(listening), "Transfer-Encoding: chunked"
    right = f"Content-Length: {len(hook.body)}"
    endless = b"10000\r\n" + b" " * 0x10000 + b"\r\n"

    def ask(length: str, body: bytes | None = None, *, ends: bool = False) -> int:
        return raw_answer(url, as_bytes(path, hook, length=length, body=body), ends=ends)

    assert ask(right) == 200
    assert ask(chunks, chunked(hook.body)) == 200
    assert ask(chunks, endless * 5) == 413
    assert ask("Content-Length: 99999999", b"x" * (MOST_BODY_BYTES + 1)) == 413
    assert ask(right, hook.body[:-9], ends=True) == 400
    assert ask("Content-Length: 7") == 400
    assert ask(chunks, b"zz\r\nx") in {0, 400}
    assert InboundEvent.objects.count() == 1


@pytest.mark.stack
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("name", "kept"), [("hook.verified", 0), ("hook.committed", 1)])
def test_a_web_worker_that_is_killed_loses_no_event(site, name, kept):
    listening = a_listening_connection()
    job = a_job(listening, next_poll_at=database_now() + LATER)
    hook = a_hook(job.provider_id)
    length = f"Content-Length: {len(hook.body)}"
    request = as_bytes(path_of(listening), hook, length=length)
    dying = site(FAILPOINT=f"{name}:kill")
    assert raw_answer(dying.url, request) == 0
    eventually(lambda: f"was sent {signal.SIGKILL.name}" in dying.server.output())
    assert InboundEvent.objects.count() == kept

    assert raw_answer(site().url, request) == 200
    event = InboundEvent.objects.get()
    assert event.is_known_job
    assert Job.objects.filter(next_poll_at__lte=database_now()).count() == 1
    assert Connection.objects.count() == 1
    assert json.loads(hook.body)["type"] == event.type
