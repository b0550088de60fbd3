"""The OpenAPI 3.1 description of the machine face, as data. A test holds the real answers against it."""

from functools import cache
from typing import Any

from dashboard.context import running_version

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
NUMBER: Json = {"type": "number"}
WHOLE: Json = {"type": "integer"}
FLAG: Json = {"type": "boolean"}
TIME: Json = {"type": "string", "format": "date-time"}
ANYTHING: Json = {"type": "object", "description": "As the provider sent it."}


def maybe(kind: Json) -> Json:
    return {"anyOf": [kind, {"type": "null"}]}


def words(*allowed: str) -> Json:
    return {"type": "string", "enum": list(allowed)}


def record(**members: Json) -> Json:
    """Every member is always there; what is not known is null."""
    return {
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }


def wire(kind: str) -> Json:
    """An object in the provider's form: only what identifies it is promised."""
    members = {"id": TEXT, "object": {"const": kind}}
    return {"type": "object", "properties": members, "required": list(members)}


SCHEMAS: dict[str, Json] = {
    "Snapshot": record(
        id=WHOLE,
        source=words("retrieve", "list"),
        first_seen_at=TIME,
        last_seen_at=TIME,
        seen_count=WHOLE,
        is_late=FLAG,
        job=ANYTHING,
    ),
    "Transition": record(
        id=WHOLE,
        kind=words("state", "missing", "health", "condition"),
        **{"from": maybe(TEXT)},
        to=TEXT,
        raw_status=maybe(TEXT),
        reason=maybe(TEXT),
        happened_at=maybe(TIME),
        recorded_at=TIME,
        rings=FLAG,
    ),
    "Point": record(
        step=NUMBER,
        metric=TEXT,
        value=NUMBER,
        source=words("event", "checkpoint", "result file"),
        seen_at=TIME,
    ),
    "HistoryFile": record(
        id=WHOLE,
        file_id=TEXT,
        filename=maybe(TEXT),
        purpose=maybe(TEXT),
        bytes=maybe(WHOLE),
        created_at=maybe(TIME),
        expires_at=maybe(TIME),
        content=words("metadata", "wanted", "stored", "gone", "refused", "too_large"),
        content_bytes=maybe(WHOLE),
        sha256=maybe(TEXT),
        columns={"type": "array", "items": TEXT},
        row_count=maybe(WHOLE),
    ),
    "Delivery": record(
        id=WHOLE,
        key={"type": "string", "format": "uuid"},
        transition=WHOLE,
        to=TEXT,
        channel=TEXT,
        kind=TEXT,
        state=words("pending", "sent", "dead", "suppressed"),
        reason=maybe(TEXT),
        failures=WHOLE,
        digest_key=maybe(TEXT),
        is_urgent=FLAG,
        created_at=TIME,
        next_attempt_at=maybe(TIME),
        sent_at=maybe(TIME),
    ),
    "Job": ANYTHING,
    "Event": wire("fine_tuning.job.event"),
    "Checkpoint": wire("fine_tuning.job.checkpoint"),
    "File": wire("file"),
    "Error": {
        "type": "object",
        "properties": {"error": record(code=TEXT, message=TEXT, request_id=TEXT)},
        "required": ["error"],
    },
    "OpenAIError": {
        "type": "object",
        "properties": {
            "error": record(message=TEXT, type=TEXT, param=maybe(TEXT), code=maybe(TEXT))
        },
        "required": ["error"],
    },
}
HISTORY = {
    "snapshots": (
        "Snapshot",
        "The job as the API said it, each run of equal answers once.",
        100,
        1000,
    ),
    "transitions": ("Transition", "Each change of state.", 100, 1000),
    "points": ("Point", "Each value of each curve.", 1000, 10_000),
    "files": ("HistoryFile", "Training, validation and result files.", 100, 1000),
    "deliveries": ("Delivery", "The alerts it rang, and whether they arrived.", 100, 1000),
}


@cache
def openapi() -> Json:
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "TuneBell",
            "version": running_version(),
            "description": "Read-only. /v1 has the OpenAI wire format; /api/jobs is the history behind it.",
        },
        "security": [{"token": []}],
        "paths": {**_mirror_paths(), **_history_paths()},
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _mirror_paths() -> Json:
    job, file = (
        _in_path("job_id", "The provider's id of the job."),
        _in_path("file_id", "The provider's id."),
    )
    jobs = "/v1/fine_tuning/jobs"
    metadata: Json = {
        "name": "metadata",
        "in": "query",
        "style": "deepObject",
        "explode": True,
        "description": "metadata[key]=value; every pair must match.",
        "schema": {"type": "object", "additionalProperties": TEXT},
    }
    return {
        jobs: _get(
            "Jobs, newest first.", _list_of("Job"), [*_page(20, 100), _CONNECTION, metadata]
        ),
        f"{jobs}/{{job_id}}": _get("One job.", _ref("Job"), [job, _CONNECTION]),
        f"{jobs}/{{job_id}}/events": _get(
            "Its events, newest first.", _list_of("Event"), [job, *_page(20, 100), _CONNECTION]
        ),
        f"{jobs}/{{job_id}}/checkpoints": _get(
            "Its checkpoints, newest first.",
            _list_of("Checkpoint"),
            [job, *_page(10, 100), _CONNECTION],
        ),
        "/v1/files/{file_id}": _get("One file.", _ref("File"), [file, _CONNECTION]),
        "/v1/files/{file_id}/content": _get(
            "Its bytes as the provider sent them.", None, [file, _CONNECTION]
        ),
    }


def _history_paths() -> Json:
    job = _in_path("job_id", "The provider's id of the job.")
    return {
        f"/api/jobs/{{job_id}}/{kind}": _get(
            f"{says} Oldest first.",
            _data_of(name),
            [job, *_page(usual, most), _CONNECTION],
            error="Error",
        )
        for kind, (name, says, usual, most) in HISTORY.items()
    }


_CONNECTION: Json = {
    "name": "connection",
    "in": "query",
    "description": "Slug of a connection; needed when an id was seen on two.",
    "schema": TEXT,
}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _list_of(name: str) -> Json:
    ends = {"first_id": maybe(TEXT), "last_id": maybe(TEXT)}
    members = {
        "object": {"const": "list"},
        "data": {"type": "array", "items": _ref(name)},
        "has_more": FLAG,
    }
    return {"type": "object", "properties": {**members, **ends}, "required": list(members)}


def _data_of(name: str) -> Json:
    return record(data={"type": "array", "items": _ref(name)}, has_more=FLAG)


def _in_path(name: str, says: str) -> Json:
    return {"name": name, "in": "path", "required": True, "description": says, "schema": TEXT}


def _page(usual: int, most: int) -> list[Json]:
    limit = {"type": "integer", "minimum": 1, "maximum": most, "default": usual}
    after = "The id of the last row of the page before; for points <step>:<metric>."
    return [
        {"name": "limit", "in": "query", "schema": limit},
        {"name": "after", "in": "query", "description": after, "schema": TEXT},
    ]


def _get(
    summary: str, body: Json | None, parameters: list[Json], error: str = "OpenAIError"
) -> Json:
    content = {"application/json": {"schema": body}} if body else {"application/octet-stream": {}}
    refused = {"content": {"application/json": {"schema": _ref(error)}}}
    answers = {
        "200": {"description": "Found.", "content": content},
        "400": {"description": "A parameter cannot be used.", **refused},
        "401": {"description": "No valid token.", **refused},
        "404": {"description": "Nothing of this team has that id.", **refused},
        "405": {"description": "Anything but reading.", **refused},
        "409": {"description": "The id was seen on several connections.", **refused},
    }
    return {"get": {"summary": summary, "parameters": parameters, "responses": answers}}
