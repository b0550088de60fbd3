from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from outbound.client import close_clients
from outbound.secret import Secret
from providers import errors
from providers.base import connect
from providers.ratelimits import RateLimits
from tests.providers.wire_json import a_job, a_list

JOBS = "/v1/fine_tuning/jobs"
HEADERS = {"x-ratelimit-remaining-requests": "59", "Retry-After": "3"}


def test_every_request_is_told_with_its_limits(httpserver, account):
    httpserver.expect_request(JOBS).respond_with_json(a_list(), headers=HEADERS)
    told = []
    connect(account(), told.append).list_jobs()
    (traffic,) = told
    assert (traffic.status, traffic.capability, traffic.retry_after) == (200, "jobs", 3)
    assert traffic.limits == RateLimits(remaining_requests=59)
    assert abs((datetime.now(UTC) - traffic.at).total_seconds()) < 60


def test_each_capability_has_its_name(httpserver, account):
    told = []
    provider = connect(account(), told.append)
    httpserver.expect_request(JOBS).respond_with_json(a_list())
    httpserver.expect_request("/v1/models").respond_with_json(a_list())
    httpserver.expect_request("/v1/files/file-1").respond_with_json({"id": "file-1"})
    provider.list_jobs()
    provider.list_events("ftjob-1")
    provider.list_checkpoints("ftjob-1")
    provider.file("file-1")
    provider.models()
    provider.limits()
    names = [traffic.capability for traffic in told]
    assert names == ["jobs", "events", "checkpoints", "files", "models", "limits"]


def test_a_request_without_an_answer_counts_too(account):
    told = []
    provider = connect(account(base_url="http://169.254.169.254/v1"), told.append)
    with pytest.raises(errors.Blocked):
        provider.list_jobs()
    assert (told[0].status, told[0].limits, provider.requests_made) == (None, RateLimits(), 1)


def test_many_threads_are_counted_without_a_loss(httpserver, account):
    httpserver.expect_request(f"{JOBS}/ftjob-Tn7").respond_with_json(a_job(), headers=HEADERS)
    told = []
    provider = connect(account(), told.append)

    def ask(_number):
        provider.retrieve_job("ftjob-Tn7")
        close_clients()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(ask, range(24)))
    assert (len(told), provider.requests_made) == (24, 24)
    assert {traffic.limits.remaining_requests for traffic in told} == {59}


def test_the_key_of_a_gateway_is_redacted_like_the_providers(httpserver, account):
    secret = "gateway/key+0123"
    httpserver.expect_request(JOBS).respond_with_json({"error": {"message": f"bad {secret}"}}, 400)
    made = account(api_key=None, extra_headers={"x-portkey-api-key": secret})
    with pytest.raises(errors.BadRequest) as error:
        connect(made).list_jobs()
    assert error.value.message == "bad [redacted]"
    assert httpserver.log[0][0].headers["x-portkey-api-key"] == secret


def test_without_a_key_an_extra_header_may_bring_one(httpserver, account):
    httpserver.expect_request(JOBS).respond_with_json(a_list())
    extra = {"Authorization": "Bearer virtual-key-1"}
    connect(account(api_key=None, extra_headers=extra)).list_jobs()
    connect(account(api_key=Secret("sk-own-0123456"), extra_headers=extra)).list_jobs()
    sent = [request.headers["Authorization"] for request, _ in httpserver.log]
    assert sent == ["Bearer virtual-key-1", "Bearer sk-own-0123456"]
