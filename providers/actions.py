"""Reads the answer to an action: done, refused, or nobody knows."""

from outbound.client import Reply
from providers import errors
from providers.decode import decode
from providers.failures import OK_STATUSES, failure, request_id
from providers.problems import read_problem

# A proxy gave up or the server broke on the way: the action may have been done all the same.
_SAYS_NOTHING = frozenset({408, 500, 502, 504})


def read_outcome(reply: Reply) -> object:
    """The JSON of an action that was done. Raises OutcomeUnknown, or the refusal; none retryable."""
    value = decode(reply.body)
    if reply.status in OK_STATUSES and not _is_refused(value):
        return value
    error = failure(reply, "jobs", value)
    if reply.status in _SAYS_NOTHING:
        message = f"Whether the action was done is not known. {error.message}"
        raise errors.OutcomeUnknown(
            message, status=reply.status, code=error.code, request_id=request_id(reply)
        )
    error.retryable = False
    raise error


def _is_refused(value: object) -> bool:
    # A job carries an error of its own; without an id the error is the answer.
    return isinstance(value, dict) and "id" not in value and read_problem(value) is not None
