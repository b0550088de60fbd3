import socket

import pytest

from providers import errors
from providers.base import connect
from providers.states import State
from tests.providers.wire_json import a_job

JOB = "/v1/fine_tuning/jobs/ftjob-Tn7"


def test_the_answer_to_an_action_is_the_job(httpserver, provider):
    httpserver.expect_request(f"{JOB}/pause", "POST").respond_with_json(a_job(status="paused"))
    element = provider.act("ftjob-Tn7", "pause")
    assert provider.read_job(element).state is State.PAUSED
    assert httpserver.log[0][0].get_data() == b""


@pytest.mark.parametrize("body", ["", "{}", '{"ok": true}', "<html>", '{"id": "ftjob-other"}'])
def test_an_action_answered_without_the_job_is_followed_by_a_look_at_it(body, httpserver, provider):
    httpserver.expect_request(f"{JOB}/cancel", "POST").respond_with_data(body)
    httpserver.expect_request(JOB, "GET").respond_with_json(a_job(status="cancelled"))
    assert provider.read_job(provider.act("ftjob-Tn7", "cancel")).state is State.CANCELLED
    assert [request.method for request, _ in httpserver.log] == ["POST", "GET"]


def test_an_action_whose_job_cannot_be_looked_at_has_an_unknown_outcome(httpserver, provider):
    httpserver.expect_request(f"{JOB}/cancel", "POST").respond_with_data("{}")
    with pytest.raises(errors.OutcomeUnknown, match="accepted"):
        provider.act("ftjob-Tn7", "cancel")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequest),
        (401, errors.KeyRejected),
        (403, errors.Forbidden),
        (404, errors.Missing),
        (409, errors.Conflict),
        (429, errors.RateLimited),
        (503, errors.ServerTrouble),
        (500, errors.OutcomeUnknown),
        (502, errors.OutcomeUnknown),
        (504, errors.OutcomeUnknown),
    ],
)
def test_what_the_provider_says_against_an_action_is_shown_once(status, kind, httpserver, provider):
    said = {"error": {"message": "No way"}}
    httpserver.expect_request(f"{JOB}/cancel", "POST").respond_with_json(
        said, status, {"x-should-retry": "true", "x-request-id": "req-1"}
    )
    with pytest.raises(kind, match="No way") as error:
        provider.act("ftjob-Tn7", "cancel")
    assert (error.value.retryable, error.value.request_id) == (False, "req-1")
    assert len(httpserver.log) == 1


def test_an_error_in_a_good_status_refuses_the_action(httpserver, provider):
    httpserver.expect_request(f"{JOB}/cancel", "POST").respond_with_json(
        {"error": {"message": "Not today"}}
    )
    with pytest.raises(errors.BadRequest, match="Not today"):
        provider.act("ftjob-Tn7", "cancel")


def test_an_action_that_never_left_is_simply_unreachable(account):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(errors.Unreachable):
        connect(account(base_url=f"http://127.0.0.1:{port}/v1")).act("ftjob-Tn7", "cancel")


@pytest.mark.parametrize("bad", ["../files", "a b", ""])
def test_an_action_on_what_is_no_id_is_never_sent(bad, provider):
    with pytest.raises(errors.BadRequest):
        provider.act(bad, "cancel")
    assert provider.requests_made == 0
