import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outbound.client import Reply
from providers import errors
from providers.failures import failure, read_object
from providers.problems import read_problem
from providers.ratelimits import RateLimits, read_duration, read_rate_limits, read_retry_after

# The machine may be busy; how long an example takes is no part of these tests.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def a_reply(status=200, body=b"{}", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, named, body, 0.1, "127.0.0.1")


def body(message=None, **members):
    return json.dumps({"error": {"message": message, **members}}).encode()


@pytest.mark.parametrize(
    ("status", "content", "kind", "retryable"),
    [
        (401, body("Incorrect API key", code="invalid_api_key"), errors.KeyRejected, False),
        (403, body("Missing scopes: api.files.read"), errors.Forbidden, False),
        (403, body("Gone", code="training_not_available"), errors.TrainingNotAvailable, False),
        (404, body("No fine-tune", code="fine_tune_not_found"), errors.Missing, False),
        (409, body("busy"), errors.Conflict, True),
        (410, b"", errors.Missing, False),
        (429, body("slow", code="rate_limit_exceeded"), errors.RateLimited, True),
        (429, body("slow", code="slow_down"), errors.RateLimited, True),
        (429, body("day", code="daily_rate_limit_exceeded"), errors.RateLimited, True),
        (429, body("credit", code="insufficient_quota"), errors.QuotaExhausted, False),
        (429, body("credit", type="insufficient_quota", code=None), errors.QuotaExhausted, False),
        (402, b"pay", errors.QuotaExhausted, False),
        (400, body("bad"), errors.BadRequest, False),
        (422, b'{"detail":[]}', errors.BadRequest, False),
        (418, b"", errors.BadRequest, False),
        (408, b"", errors.ServerTrouble, True),
        (500, b"Internal Server Error", errors.ServerTrouble, True),
        (503, body("overloaded", code="server_is_overloaded"), errors.ServerTrouble, True),
        (503, body("odd", code="insufficient_quota"), errors.ServerTrouble, True),
        (599, b"", errors.ServerTrouble, True),
    ],
)
def test_every_status_has_its_error(status, content, kind, retryable):
    error = failure(a_reply(status, content), "jobs")
    assert (type(error), error.retryable, error.status) == (kind, retryable, status)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (body("Said so"), "Said so"),
        (body(code="only_code"), "only_code"),
        (b'{"error": "plain text"}', "plain text"),
        (b'{"detail": "Not here"}', "Not here"),
        (
            b'{"detail": [{"loc": ["body", "n"], "msg": "too big", "type": "x"}, {"msg": "and"}]}',
            "body.n: too big; and",
        ),
        (b'{"detail": {"message": "inner"}}', "inner"),
        (
            b'{"type": "about:blank", "title": "Teapot", "detail": "Short and stout"}',
            "Short and stout",
        ),
        (b'{"message": "from a gateway"}', "from a gateway"),
        (b"Internal  Server\nError", "Internal Server Error"),
        (b"<html><style>b{}</style><h1>502</h1>\n<p>Bad Gateway</p></html>", "502 Bad Gateway"),
        (b"", "I'm a Teapot"),
        (b"{}", "{}"),
        (b'{"error": {}}', '{"error": {}}'),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_the_reason_is_found_in_every_kind_of_body(content, message):
    assert failure(a_reply(418, content), "jobs").message == message


def test_an_unknown_status_without_a_body_is_shown_as_a_number():
    assert failure(a_reply(499), "jobs").message in {"{}", "Status 499"}
    assert failure(a_reply(499, b""), "jobs").message == "Status 499"


def test_foreign_text_is_cut_and_its_secrets_are_taken_out():
    error = failure(a_reply(500, b"Bearer abcdefgh123 " + b"x" * 5000), "jobs")
    assert error.message.startswith("Bearer [redacted] xxx")
    assert len(error.message) == 200


def test_a_masked_key_in_a_message_is_taken_out():
    error = failure(a_reply(401, body("Incorrect API key provided: sk-proj-****wxyz.")), "jobs")
    assert "wxyz" not in error.message


def test_a_code_that_is_a_key_is_taken_out():
    error = failure(a_reply(400, body("m", code="sk-proj-0123456789")), "jobs")
    assert error.code == "[redacted]"


def test_the_refused_capability_is_named():
    assert failure(a_reply(403, b""), "files").capability == "files"


@pytest.mark.parametrize("name", ["x_request_id", "apim_request_id"])
def test_the_request_id_is_kept(name):
    assert failure(a_reply(500, b"", **{name: "req-7"}), "jobs").request_id == "req-7"


def test_the_server_may_decide_about_a_retry_but_not_about_credit_or_keys():
    assert not failure(a_reply(503, b"", x_should_retry="false"), "jobs").retryable
    assert failure(a_reply(400, b"", x_should_retry="true"), "jobs").retryable
    assert failure(a_reply(503, b"", x_should_retry="maybe"), "jobs").retryable
    for status, content in ((429, body("x", code="insufficient_quota")), (401, b""), (403, b"")):
        assert not failure(a_reply(status, content, x_should_retry="true"), "jobs").retryable


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"error": {"message": "Could not find fine tune"}}', errors.NotReadable),
        (b'{"detail": "nope"}', errors.NotReadable),
        (body("x", code="fine_tune_not_found"), errors.Missing),
        (body("x", code="invalid_api_key"), errors.KeyRejected),
        (body("x", type="insufficient_quota"), errors.QuotaExhausted),
    ],
)
def test_an_error_inside_a_good_status_is_an_error(content, kind):
    with pytest.raises(kind):
        read_object(a_reply(200, content), "jobs")


@pytest.mark.parametrize(
    "content",
    [b'{"id": "ftjob-1", "error": {"message": "failed"}}', b'{"data": [], "error": "x"}', b"{}"],
)
def test_an_error_beside_an_id_belongs_to_the_job(content):
    assert read_object(a_reply(200, content), "jobs") is not None


@pytest.mark.parametrize(
    "value",
    [None, [], "x", {}, {"error": {}}, {"error": None}, {"error": {"param": "x"}}, {"detail": []}],
)
def test_an_empty_error_is_no_problem(value):
    assert read_problem(value) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "0"}, 0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "86400"}, 3600),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=90), usegmt=True)}, 90),
        ({"retry-after": format_datetime(NOW + timedelta(days=9), usegmt=True)}, 3600),
        ({"retry-after": format_datetime(NOW - timedelta(seconds=9), usegmt=True)}, None),
        (
            {
                "retry-after": format_datetime(NOW + timedelta(hours=5, seconds=30), usegmt=True),
                "date": format_datetime(NOW + timedelta(hours=5), usegmt=True),
            },
            30,
        ),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "9" * 500}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Sun, 99 Nov 2026 99:00:00 GMT"}, None),
        ({}, None),
    ],
)
def test_the_wait_a_server_asks_for_is_read_and_bounded(headers, seconds):
    assert read_retry_after(headers, NOW) == seconds


def test_a_rate_limit_carries_its_wait():
    assert failure(a_reply(429, b"", retry_after="30"), "jobs").retry_after == 30


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20ms", 0.02),
        ("1s", 1),
        ("6m0s", 360),
        ("1h2m3.5s", 3723.5),
        ("1us", 1e-6),
        ("", None),
        ("5", None),
        ("1s x", None),
        ("s", None),
    ],
)
def test_a_go_duration_is_read(text, seconds):
    assert read_duration(text) == (None if seconds is None else pytest.approx(seconds))


def test_rate_limits_that_make_no_sense_are_left_out():
    headers = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "-1",
        "x-ratelimit-limit-tokens": "many",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    assert read_rate_limits(headers) == RateLimits(limit_requests=60, reset_tokens_s=360)
    assert read_rate_limits({}) == RateLimits()


@UNHURRIED
@given(st.binary(), st.text(), st.integers(100, 999))
def test_any_failed_answer_gives_an_error_with_a_message(content, header, status):
    headers = ("retry_after", "retry_after_ms", "date", "x_should_retry", "x_request_id")
    error = failure(a_reply(status, content, **dict.fromkeys(headers, header)), "jobs")
    assert error.message
    assert error.retry_after is None or 0 <= error.retry_after <= 3600
    assert read_rate_limits({"x-ratelimit-limit-tokens": header}) is not None


def test_every_error_says_what_it_means():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert all(issubclass(kind, errors.ProviderError) and kind.__doc__ for kind in kinds)
    assert len(kinds) == 16
