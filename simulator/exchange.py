"""A request and an answer of the API, without sockets."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` have lower-case names; `query` keeps order and repetitions."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def api_key(self) -> str | None:
        """The key of the Authorization header, or of Azure's api-key header."""
        scheme, _, key = self.headers.get("authorization", "").partition(" ")
        if scheme.casefold() == "bearer" and key.strip():
            return key.strip()
        return self.headers.get("api-key") or None

    def first(self, name: str) -> str | None:
        return next((value for key, value in self.query if key == name), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """`jobs`: what the body says about which job: (id, status, trained tokens)."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    jobs: tuple[tuple[str, object, object], ...] = ()


class ApiError(Exception):
    """An error in OpenAI's envelope."""

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code

    def answer(self) -> Answer:
        error = {
            "message": self.message,
            "type": "server_error"
            if self.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            else "invalid_request_error",
            "param": self.param,
            "code": self.code,
        }
        return Answer(self.status, orjson.dumps({"error": error}))


def answer_json(body: object, status: int = 200) -> Answer:
    return Answer(status, orjson.dumps(body))


def read_object(request: Request) -> dict[str, object]:
    """The JSON object of the body. Raises ApiError."""
    try:
        body = orjson.loads(request.body or b"{}")
    except orjson.JSONDecodeError as trouble:
        raise ApiError(
            400, f"We could not parse the JSON body of your request: {trouble}"
        ) from trouble
    if not isinstance(body, dict):
        raise ApiError(400, "The body of the request must be a JSON object")
    return body
