"""An answer that is not what was asked for -> the error that says what to do about it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NoReturn

from outbound import errors as transport
from outbound.client import Reply
from outbound.redact import redact
from providers import errors
from providers.decode import decode
from providers.problems import Problem, describe_failure, read_problem
from providers.ratelimits import read_retry_after, read_should_retry
from providers.values import Invalid

OK_STATUSES = range(200, 300)
_SERVER_STATUSES = range(500, 600)
_BY_STATUS: Mapping[int, type[errors.ProviderError]] = {
    401: errors.KeyRejected,
    402: errors.QuotaExhausted,
    403: errors.Forbidden,
    404: errors.Missing,
    # A proxy gave up waiting for the request: trouble of the way, not of what was asked.
    408: errors.ServerTrouble,
    409: errors.Conflict,
    410: errors.Missing,
    429: errors.RateLimited,
}
_BY_CODE: Mapping[str, type[errors.ProviderError]] = {
    "insufficient_quota": errors.QuotaExhausted,
    "billing_hard_limit_reached": errors.QuotaExhausted,
    "billing_not_active": errors.QuotaExhausted,
    "training_not_available": errors.TrainingNotAvailable,
}
# Some servers put an error into a 200; only these codes are trusted to say which.
_BY_CODE_AT_200: Mapping[str, type[errors.ProviderError]] = {
    **_BY_CODE,
    "invalid_api_key": errors.KeyRejected,
    "fine_tune_not_found": errors.Missing,
    "rate_limit_exceeded": errors.RateLimited,
}


def read_object(reply: Reply, capability: str) -> Mapping[str, object]:
    """The JSON object of a good answer. Raises the ProviderError of any other one."""
    value = decode(reply.body)
    if reply.status not in OK_STATUSES:
        raise failure(reply, capability, value)
    if isinstance(value, Invalid):
        raise not_readable(value.reason, reply)
    if not isinstance(value, Mapping):
        raise not_readable("The answer is not a JSON object.", reply)
    if value.get("id") is None and value.get("data") is None:
        _refuse_hidden_error(reply, capability, value)
    return value


def _refuse_hidden_error(reply: Reply, capability: str, value: Mapping[str, object]) -> None:
    problem = read_problem(value)
    if problem is None:
        return
    kind = _BY_CODE_AT_200.get(problem.code or "") or _BY_CODE_AT_200.get(problem.type or "")
    raise _built(kind or errors.NotReadable, reply, capability, problem)


def failure(reply: Reply, capability: str, value: object = None) -> errors.ProviderError:
    """The error behind an answer with a status other than 2xx.

    `value`: the decoded body, when it is at hand.
    """
    found = decode(reply.body) if value is None else value
    problem = describe_failure(found, reply.body, reply.status)
    return _built(_kind(reply.status, problem), reply, capability, problem)


def _kind(status: int, problem: Problem) -> type[errors.ProviderError]:
    if status in _SERVER_STATUSES:
        return errors.ServerTrouble
    by_code = _BY_CODE.get(problem.code or "") or _BY_CODE.get(problem.type or "")
    return by_code or _BY_STATUS.get(status, errors.BadRequest)


def _built(
    kind: type[errors.ProviderError], reply: Reply, capability: str, problem: Problem
) -> errors.ProviderError:
    asked = None if kind is errors.QuotaExhausted else read_should_retry(reply.headers)
    if issubclass(kind, errors.KeyRejected | errors.Forbidden):
        asked = None
    error = kind(
        problem.message,
        status=reply.status,
        code=problem.code,
        request_id=request_id(reply),
        retry_after=read_retry_after(reply.headers, datetime.now(UTC)),
        retryable=asked,
    )
    if isinstance(error, errors.Forbidden):
        error.capability = capability
    return error


def not_readable(reason: str, reply: Reply) -> errors.NotReadable:
    """A good status with something else inside."""
    return errors.NotReadable(reason, status=reply.status, request_id=request_id(reply))


def request_id(reply: Reply) -> str | None:
    """The provider's name for this request, for its support."""
    found = reply.headers.get("x-request-id") or reply.headers.get("apim-request-id")
    return redact(found)[:200] if found else None


_BY_TRANSPORT: Mapping[type[transport.OutboundError], type[errors.ProviderError]] = {
    transport.Blocked: errors.Blocked,
    transport.Redirected: errors.Redirected,
    transport.TooLarge: errors.TooLarge,
}


def raise_transport(error: transport.OutboundError) -> NoReturn:
    """Raise a failed exchange as the provider's error."""
    kind = _BY_TRANSPORT.get(type(error), errors.Unreachable)
    raise kind(redact(error.message)) from error
