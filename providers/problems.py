"""Reads error bodies: what a provider or the proxy before it says went wrong."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from outbound.redact import redact
from providers.fields import clean_text

MAX_MESSAGE = 1000
MAX_FOREIGN_TEXT = 200
MAX_SEARCHED = 4000
_TAGS = re.compile(r"<(script|style)\b.*?</\1>|<[^<>]*>", re.DOTALL | re.IGNORECASE)
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Problem:
    """An error in words. `code`, `type`, `param`: as the provider gave them, or None."""

    message: str
    code: str | None = None
    type: str | None = None
    param: str | None = None


def read_problem(value: object) -> Problem | None:
    """The error an answer holds, or None when it holds none: an empty error is no error."""
    if not isinstance(value, Mapping):
        return None
    error = value.get("error")
    if isinstance(error, Mapping):
        return _from_envelope(error)
    for said in (error, _detail(value.get("detail"))):
        if isinstance(said, str) and said.strip():
            return Problem(_shown(said), _word(value.get("code")), _word(value.get("type")))
    return None


def describe_failure(value: object, body: bytes, status: int) -> Problem:
    """The error of a failed answer: its envelope, else its first words, else the status phrase."""
    problem = read_problem(value)
    if problem is not None and problem.message:
        return problem
    said = value.get("message") if isinstance(value, Mapping) else None
    text = said if isinstance(said, str) and said.strip() else _first_words(body)
    message = _shown(text)[:MAX_FOREIGN_TEXT] or _phrase(status)
    if problem is None:
        return Problem(message)
    return Problem(problem.code or message, problem.code, problem.type, problem.param)


def _from_envelope(error: Mapping[str, object]) -> Problem | None:
    message, code, kind = (_word(error.get(name)) for name in ("message", "code", "type"))
    if not (message or code):
        return None
    return Problem(_shown(message or code or ""), code, kind, _word(error.get("param")))


def _word(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return redact(clean_text(str(value)[:MAX_MESSAGE])).strip() or None


def _detail(detail: object) -> str | None:
    if isinstance(detail, str):
        return detail
    if isinstance(detail, Mapping):
        return _word(detail.get("message") or detail.get("error") or detail.get("msg"))
    if isinstance(detail, list):
        return "; ".join(filter(None, (_detail_line(item) for item in detail[:20])))
    return None


def _detail_line(item: object) -> str | None:
    if not isinstance(item, Mapping):
        return _word(item)
    place, said = item.get("loc"), _word(item.get("msg"))
    if not isinstance(place, list) or not place:
        return said
    return f"{'.'.join(str(_word(part)) for part in place[:10])}: {said}"


def _first_words(body: bytes) -> str:
    text = body[:MAX_SEARCHED].decode("utf-8", "replace")
    return _TAGS.sub(" ", text) if text.lstrip().startswith("<") else text


def _shown(text: str) -> str:
    return redact(_SPACES.sub(" ", clean_text(text[: 4 * MAX_MESSAGE])).strip())[:MAX_MESSAGE]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"
