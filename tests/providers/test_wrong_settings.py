"""A connection entered wrongly: the test says which way, what was tried and what to change."""

import ssl
from contextlib import ExitStack

import pytest
import trustme

from outbound.secret import Secret
from providers.base import Account, connect
from tests.outbound.sockets import always, listening
from tests.wrong_settings import CASES, KEY, OK, Scene, plain_http


@pytest.fixture(scope="session")
def certificates():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def scene(httpserver, monkeypatch, certificates):
    monkeypatch.setattr(httpserver, "no_handler_status_code", 404)
    with ExitStack() as stack:
        yield Scene(httpserver, certificates, stack)


def lines_of(case, scene):
    key = Secret(KEY) if case.has_key else None
    return connect(Account(case.dialect, case.arrange(scene), key)).check()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_wrong_is_named_and_what_was_tried_is_told(case, scene):
    jobs, *others = lines_of(case, scene)
    assert [word for word in case.says if word not in jobs.detail] == []
    assert [word for word in case.tried if word not in " ".join(jobs.tried)] == []
    assert jobs.tried[0].startswith("GET http")
    assert jobs.ok is case.jobs_are_fine
    assert KEY not in f"{jobs} {others}"


def test_a_key_is_never_sent_in_the_clear_to_find_out_what_a_port_speaks():
    with listening(plain_http) as peer:
        account = Account("openai", f"https://127.0.0.1:{peer.port}/v1", Secret(KEY))
        assert "plain http" in connect(account).check()[0].detail
    assert peer.requests
    assert KEY.encode() not in b"".join(peer.requests)


def test_a_key_is_sent_to_no_other_host_than_the_one_it_was_entered_for(scene):
    with listening(always(OK)) as elsewhere:
        scene.page("/v1/fine_tuning/jobs", "", 302, Location=elsewhere.url)
        connect(Account("openai", scene.url(), Secret(KEY))).check()
    assert elsewhere.connections == 0


def test_the_requests_of_a_test_are_still_counted(scene):
    told = []
    scene.api()
    connect(Account("openai", scene.url(), Secret(KEY)), told.append).check()
    assert [traffic.address.removeprefix(scene.url()) for traffic in told] == [
        "/fine_tuning/jobs",
        "/models",
        "/fine_tuning/jobs/ftjob-Tn7/events",
        "/files/file-train",
    ]


def test_what_was_tried_shows_no_query(scene):
    scene.api()
    account = Account("openai", scene.url(), Secret(KEY), extra_query={"code": "in-the-query"})
    assert "in-the-query" not in str(connect(account).check())
