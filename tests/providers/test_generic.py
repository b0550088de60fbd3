"""Servers that have little of OpenAI's API."""

import pytest

from providers import errors
from providers.base import connect
from tests.providers.test_checkup import a_whole_api
from tests.providers.wire_json import a_job, a_list

JOBS = "/v1/fine_tuning/jobs"


@pytest.fixture
def generic(account):
    return connect(account(dialect="generic"))


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_without_a_list_is_asked_for_it_once(status, httpserver, generic):
    httpserver.expect_request(JOBS).respond_with_data("", status)
    for _ in range(2):
        assert generic.list_jobs().items == ()
    assert (generic.has_list, generic.requests_made) == (False, 1)
    assert type(generic).has_list


def test_a_list_that_is_there_is_read(httpserver, generic):
    httpserver.expect_request(JOBS).respond_with_json(a_list(a_job()))
    assert [item.id for item in generic.list_jobs().items] == ["ftjob-Tn7"]
    assert generic.has_list


@pytest.mark.parametrize(
    ("status", "kind"), [(401, errors.KeyRejected), (500, errors.ServerTrouble)]
)
def test_other_trouble_with_the_list_stays_trouble(status, kind, httpserver, generic):
    httpserver.expect_request(JOBS).respond_with_data("", status)
    with pytest.raises(kind):
        generic.list_jobs()


def test_the_test_says_that_jobs_are_added_by_their_id(httpserver, generic):
    httpserver.expect_request("/v1/models").respond_with_json(a_list())
    jobs, models = generic.check()
    assert (jobs.ok, models.ok) == (True, True)
    assert "add them by their id" in jobs.detail


def test_the_test_finds_the_address_that_has_a_list(httpserver, account):
    a_whole_api(httpserver)
    wrong = account(dialect="generic", base_url=httpserver.url_for(""))
    jobs = connect(wrong).check()[0]
    assert not jobs.ok
    assert "/v1: use that as the base URL" in jobs.detail


def test_a_server_where_nothing_answers_is_probably_elsewhere(generic):
    jobs, models = generic.check()
    assert (jobs.ok, models.ok) == (False, False)
    assert "check the base URL" in jobs.detail
