import pytest

from providers.base import connect
from tests.providers.wire_json import a_job, a_list, an_event

JOBS = "/v1/fine_tuning/jobs"


def a_whole_api(httpserver, prefix="/v1"):
    httpserver.expect_request(f"{prefix}/fine_tuning/jobs").respond_with_json(a_list(a_job()))
    httpserver.expect_request(f"{prefix}/fine_tuning/jobs/ftjob-Tn7/events").respond_with_json(
        a_list(an_event())
    )
    httpserver.expect_request(f"{prefix}/files/file-train").respond_with_json({"id": "file-train"})
    httpserver.expect_request(f"{prefix}/models").respond_with_json(a_list())


def results(provider):
    return {check.capability: (check.ok, check.detail) for check in provider.check()}


def test_a_good_connection_has_four_good_lines(httpserver, provider):
    a_whole_api(httpserver)
    found = results(provider)
    assert list(found) == ["jobs", "events", "files", "models"]
    assert all(ok for ok, _ in found.values())


def test_an_empty_account_has_no_events_and_files_to_try(httpserver, provider):
    httpserver.expect_request(JOBS).respond_with_json(a_list())
    found = results(provider)
    assert found["jobs"] == (True, "Jobs can be read. There are none yet.")
    assert found["events"] == (True, "Not tried: there is no job to ask about.")
    assert found["files"] == (True, "Not tried: there is no file to ask about.")


def test_a_wrong_key_is_one_clear_line(httpserver, provider):
    httpserver.expect_request(JOBS).respond_with_json(
        {"error": {"message": "Incorrect API key provided: sk-test-0123456789abcdef."}}, 401
    )
    assert list(results(provider)) == ["jobs"]
    ok, detail = results(provider)["jobs"]
    assert not ok
    assert detail.startswith("The provider does not accept this key.")
    assert "0123456789" not in detail


def test_a_missing_permission_does_not_stop_the_others(httpserver, provider):
    httpserver.expect_request("/v1/files/file-train").respond_with_json(
        {"error": {"message": "Missing scopes: api.files.read"}}, 403
    )
    a_whole_api(httpserver)
    found = results(provider)
    assert [ok for ok, _ in found.values()] == [True, True, False, True]
    assert found["files"][1].startswith("The key may not read this. Missing scopes")


def test_jobs_may_be_forbidden_while_models_are_not(httpserver, provider):
    httpserver.expect_request(JOBS).respond_with_json({"error": {"message": "Missing scopes"}}, 403)
    httpserver.expect_request("/v1/models").respond_with_json(a_list())
    found = results(provider)
    assert (found["jobs"][0], found["models"][0]) == (False, True)


def test_a_file_that_is_gone_still_shows_that_files_may_be_read(httpserver, provider):
    httpserver.expect_request("/v1/files/file-train").respond_with_data("", 404)
    a_whole_api(httpserver)
    assert results(provider)["files"] == (True, "The file of the newest job is no longer there.")


@pytest.mark.parametrize(
    ("api", "given", "better"),
    [
        ("/v1", "", "/v1"),
        ("/v1", "/v1/v1", "/v1"),
        ("/openai", "/openai/v1", "/openai"),
        ("/v1", "/v1/fine_tuning/jobs", "/v1"),
    ],
)
def test_a_wrong_base_url_is_corrected(api, given, better, httpserver, account):
    a_whole_api(httpserver, api)
    found = results(connect(account(base_url=httpserver.url_for(given))))
    assert list(found) == ["jobs"]
    assert f"The API answers at {httpserver.url_for(better)}: use that" in found["jobs"][1]


def test_a_base_url_is_corrected_even_when_the_key_is_wrong_too(httpserver, account):
    httpserver.expect_request(JOBS).respond_with_json({"error": {"message": "bad key"}}, 401)
    found = results(connect(account(base_url=httpserver.url_for(""))))
    assert "/v1: use that" in found["jobs"][1]


def test_a_web_page_is_not_an_api(httpserver, account):
    httpserver.expect_request("/fine_tuning/jobs").respond_with_data("<html>Welcome</html>")
    detail = results(connect(account(base_url=httpserver.url_for(""))))["jobs"][1]
    assert "HTML" in detail
    assert "usually ends in /v1" in detail


def test_an_address_that_is_not_allowed_says_so(account):
    detail = results(connect(account(base_url="http://10.1.2.3/v1")))["jobs"][1]
    assert "TUNEBELL_ALLOW_PRIVATE" in detail


def test_a_server_without_events_or_models_says_so(httpserver, provider):
    httpserver.expect_request(JOBS).respond_with_json(a_list(a_job()))
    found = results(provider)
    assert found["events"] == (False, "This server has no events.")
    assert found["models"] == (False, "This server has no list of models.")
