import gzip
import json
import socket

import pytest

from outbound.secret import Secret
from providers import errors
from providers.base import connect, dialects
from providers.openai import OpenAI
from providers.states import State
from providers.wire import Invalid
from tests.providers.conftest import KEY
from tests.providers.wire_json import a_checkpoint, a_job, a_list, an_event

JOBS = "/v1/fine_tuning/jobs"
JOB = f"{JOBS}/ftjob-Tn7"


def envelope(message="m", **members):
    return {"error": {"message": message, **members}}


def test_a_job_is_retrieved_with_the_key(httpserver, provider):
    httpserver.expect_request(
        JOB, "GET", headers={"Authorization": f"Bearer {KEY}", "Accept": "application/json"}
    ).respond_with_json(a_job())
    element = provider.retrieve_job("ftjob-Tn7")
    assert provider.read_job(element).state is State.RUNNING
    assert (element.id, provider.requests_made) == ("ftjob-Tn7", 1)


def test_organisation_project_and_extra_headers_are_sent(httpserver, account):
    made = account(
        organization="org-1",
        project="proj-1",
        auth_header="api-key",
        extra_headers={"X-Gateway": "g", "API-KEY": "other", "Host": "evil.test"},
        extra_query={"api-version": "2024-10-21"},
    )
    headers = {
        "OpenAI-Organization": "org-1",
        "OpenAI-Project": "proj-1",
        "api-key": KEY,
        "X-Gateway": "g",
    }
    httpserver.expect_request(
        JOBS, headers=headers, query_string="api-version=2024-10-21&after=ftjob-a&limit=5"
    ).respond_with_json(a_list(a_job()))
    page = connect(made).list_jobs("ftjob-a", 5)
    assert page.last_id == "ftjob-Tn7"
    request = httpserver.log[0][0]
    assert request.headers["Host"].startswith("127.0.0.1")
    assert request.headers.getlist("api-key") == [KEY]
    assert "Authorization" not in request.headers


def test_a_server_without_authentication_gets_no_key(httpserver, account):
    httpserver.expect_request(JOBS).respond_with_json(a_list())
    connect(account(api_key=None)).list_jobs()
    assert "Authorization" not in httpserver.log[0][0].headers


@pytest.mark.parametrize("end", ["", "/", "//"])
def test_a_slash_at_the_end_of_the_base_url_does_not_matter(end, httpserver, account):
    httpserver.expect_request(JOB).respond_with_json(a_job())
    base_url = httpserver.url_for("/v1") + end
    assert connect(account(base_url=base_url)).retrieve_job("ftjob-Tn7").id == "ftjob-Tn7"


def test_a_compressed_answer_is_read(httpserver, provider):
    packed = gzip.compress(json.dumps(a_job()).encode())
    httpserver.expect_request(JOB).respond_with_data(packed, headers={"Content-Encoding": "gzip"})
    assert provider.retrieve_job("ftjob-Tn7").id == "ftjob-Tn7"


@pytest.mark.parametrize(
    "bad", ["", "a/b", "../models", "a b", "x" * 129, "ftjob-1?x", "ftjob-1\n"]
)
def test_an_id_that_could_change_the_path_is_never_sent(bad, provider):
    for ask in (
        provider.retrieve_job,
        provider.list_events,
        provider.list_checkpoints,
        provider.file,
        provider.file_content,
    ):
        with pytest.raises(errors.BadRequest):
            ask(bad)
    assert provider.requests_made == 0


def test_an_answer_about_another_job_is_refused(httpserver, provider):
    httpserver.expect_request(JOB).respond_with_json(a_job(id="ftjob-other"))
    with pytest.raises(errors.NotReadable, match="another job"):
        provider.retrieve_job("ftjob-Tn7")


@pytest.mark.parametrize(("asked", "sent"), [(1, "1"), (100, "100"), (1000, "100"), (0, "1")])
def test_a_limit_stays_within_what_servers_take(asked, sent, httpserver, provider):
    httpserver.expect_request(JOBS, query_string=f"limit={sent}").respond_with_json(a_list())
    assert provider.list_jobs(limit=asked).items == ()


def test_a_list_is_read_without_its_bad_elements(httpserver, provider):
    httpserver.expect_request(JOBS).respond_with_json(a_list(a_job(), {"id": 5}, has_more=True))
    page = provider.list_jobs()
    assert (len(page.items), page.skipped, page.has_more) == (1, 1, True)


def test_a_job_that_cannot_be_read_is_invalid_and_not_an_exception(provider):
    element = type("E", (), {"raw": {"id": None}})()
    assert isinstance(provider.read_job(element), Invalid)


def test_events_and_checkpoints_are_listed(httpserver, provider):
    httpserver.expect_request(
        f"{JOB}/events", query_string="after=ftevent-0&limit=100"
    ).respond_with_json(a_list(an_event()))
    httpserver.expect_request(f"{JOB}/checkpoints").respond_with_json(a_list(a_checkpoint()))
    assert provider.list_events("ftjob-Tn7", "ftevent-0").items[0].step == 10
    assert provider.list_checkpoints("ftjob-Tn7").items[0].step == 50


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_without_checkpoints_is_asked_once(status, httpserver, provider):
    httpserver.expect_request(f"{JOB}/checkpoints").respond_with_data("", status)
    for _ in range(2):
        assert provider.list_checkpoints("ftjob-Tn7").items == ()
    assert (provider.has_checkpoints, provider.requests_made) == (False, 1)
    assert OpenAI.has_checkpoints


def test_a_missing_job_says_nothing_about_the_routes_of_its_server(httpserver, provider):
    missing = envelope("Could not find fine tune", code="fine_tune_not_found", param="fine_tune_id")
    httpserver.expect_request(f"{JOB}/checkpoints").respond_with_json(missing, 404)
    httpserver.expect_request(f"{JOB}/events").respond_with_json(missing, 404)
    assert provider.list_checkpoints("ftjob-Tn7").items == ()
    with pytest.raises(errors.Missing):
        provider.list_events("ftjob-Tn7")
    assert (provider.has_checkpoints, provider.has_events) == (True, True)


def test_a_server_without_events_has_none(httpserver, provider):
    httpserver.expect_request(f"{JOB}/events").respond_with_json(envelope("Invalid URL"), 404)
    assert provider.list_events("ftjob-Tn7").items == ()
    assert not provider.has_events


def test_a_file_and_its_content_are_read(httpserver, provider):
    httpserver.expect_request("/v1/files/file-1").respond_with_json({"id": "file-1", "bytes": 3})
    httpserver.expect_request(
        "/v1/files/file-1/content", headers={"Accept": "*/*"}
    ).respond_with_data(b"\x00\xffx")
    assert provider.file("file-1").bytes == 3
    assert provider.file_content("file-1") == b"\x00\xffx"


def test_a_file_that_is_gone_is_missing(httpserver, provider):
    httpserver.expect_request("/v1/files/file-1").respond_with_json(envelope("No such File"), 404)
    httpserver.expect_request("/v1/files/file-1/content").respond_with_data("", 404)
    for ask in (provider.file, provider.file_content):
        with pytest.raises(errors.Missing):
            ask("file-1")


def test_a_file_of_another_id_is_refused(httpserver, provider):
    httpserver.expect_request("/v1/files/file-1").respond_with_json({"id": "file-2"})
    with pytest.raises(errors.NotReadable):
        provider.file("file-1")


def test_a_content_that_is_too_large_is_cut(httpserver, provider):
    httpserver.expect_request("/v1/files/file-1/content").respond_with_data(b"x" * 2000)
    with pytest.raises(errors.NotReadable, match="larger"):
        provider.file_content("file-1", max_bytes=1000)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("<html>Sign in</html>", "HTML"),
        ("", "empty"),
        ('{"id": "ftjob-Tn7", "sta', "not JSON"),
        ("[]", "not a JSON object"),
        ("5", "not a JSON object"),
        ('{"status": "running"}', "no readable id"),
        ('{"id": "ftjob-Tn7", "object": "model"}', "not a fine-tuning job"),
    ],
)
def test_a_good_status_with_something_else_inside_is_not_readable(
    body, reason, httpserver, provider
):
    httpserver.expect_request(JOB).respond_with_data(body)
    with pytest.raises(errors.NotReadable, match=reason) as error:
        provider.retrieve_job("ftjob-Tn7")
    assert (error.value.status, error.value.retryable) == (200, True)


def test_a_list_that_is_none_is_not_readable(httpserver, provider):
    httpserver.expect_request(JOBS).respond_with_json({"object": "list"})
    with pytest.raises(errors.NotReadable, match="not a list"):
        provider.list_jobs()


def test_a_redirect_is_an_error(httpserver, provider):
    httpserver.expect_request(JOB).respond_with_data(
        "", 308, {"Location": "https://elsewhere.test/"}
    )
    with pytest.raises(errors.Redirected, match=r"elsewhere\.test") as error:
        provider.retrieve_job("ftjob-Tn7")
    assert not error.value.retryable


def test_a_server_that_is_not_there_is_unreachable(account):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(errors.Unreachable) as error:
        connect(account(base_url=f"http://127.0.0.1:{port}/v1")).list_jobs()
    assert error.value.retryable


def test_an_address_that_is_not_allowed_is_blocked(account):
    with pytest.raises(errors.Blocked) as error:
        connect(account(base_url="http://169.254.169.254/v1")).list_jobs()
    assert not error.value.retryable


def test_a_key_that_cannot_be_sent_is_refused_without_showing_it(account):
    with pytest.raises(errors.Blocked) as error:
        connect(account(api_key=Secret("sk-schlüssel-123"))).list_jobs()
    assert "schl" not in error.value.message


def test_a_key_of_any_shape_that_is_echoed_is_redacted(httpserver, account):
    odd = "odd+shape/of=key"
    httpserver.expect_request(JOBS).respond_with_json(
        envelope(f"Wrong key {odd} here", code="invalid_api_key"), 401
    )
    with pytest.raises(errors.KeyRejected) as error:
        connect(account(api_key=Secret(odd))).list_jobs()
    assert error.value.message == "Wrong key [redacted] here"
    assert odd not in repr(account(api_key=Secret(odd)))


def test_the_limits_of_the_provider_are_kept(httpserver, provider):
    headers = {"x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-requests": "1m0s"}
    httpserver.expect_request(JOBS).respond_with_json(a_list(), headers=headers)
    provider.list_jobs()
    assert provider.rate_limits.remaining_requests == 59
    assert provider.rate_limits.reset_requests_s == 60


def test_dialects_are_found_by_their_modules(account):
    assert dialects()["openai"] is OpenAI
    with pytest.raises(ValueError, match=r"there are: azure, .*openai"):
        connect(account(dialect="klingon"))
