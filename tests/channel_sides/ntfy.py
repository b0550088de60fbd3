"""An ntfy server: takes JSON at its root as https://docs.ntfy.sh/publish/#publish-as-json describes.

Errors are those of https://github.com/binwiederhier/ntfy/blob/main/server/errors.go. Stricter than
the server, where the documentation is: a long message would become an attachment, and unknown
fields would be overlooked.
"""

import json

from jsonschema import Draft202012Validator

from tests.receiver import Answer, Receiver

TOPIC = "ops-4f1c9a-topic"
TOKEN = "tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2"
MAX_MESSAGE_BYTES, MAX_JSON_BYTES = 4096, 8192
ADDRESS = {"type": "string", "pattern": r"^https?://\S+$"}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["topic"],
    "properties": {
        "topic": {"type": "string", "pattern": "^[-_A-Za-z0-9]{1,64}$"},
        "title": {"type": "string", "maxLength": 200},
        "message": {"type": "string"},
        "priority": {"enum": [1, 2, 3, 4, 5]},
        "tags": {"type": "array", "items": {"type": "string", "pattern": "^[^,]+$"}},
        "markdown": {"type": "boolean"},
        "click": ADDRESS,
        "sequence_id": {"type": "string", "pattern": "^[-_A-Za-z0-9]{1,64}$"},
        "actions": {
            "type": "array",
            "maxItems": 3,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["action", "label", "url"],
                "properties": {
                    "action": {"const": "view"},
                    "label": {"type": "string", "minLength": 1},
                    "url": ADDRESS,
                },
            },
        },
    },
}
VALIDATOR = Draft202012Validator(SCHEMA)


def fault_of(body: bytes) -> tuple[int, int, str] | None:
    """Status, code and words of what is wrong; None for a good message."""
    if len(body) > MAX_JSON_BYTES:
        return 413, 41303, "JSON body too large"
    try:
        content = json.loads(body)
        size = len(content.get("message", "").encode())
    except (ValueError, AttributeError):
        return 400, 40024, "invalid request: request body must be valid JSON"
    if size >= MAX_MESSAGE_BYTES:
        return 400, 40014, "invalid request: attachments not allowed"
    error = next(iter(VALIDATOR.iter_errors(content)), None)
    return (400, 40017, f"invalid request: {error.message[:200]}") if error else None


class NtfyServer(Receiver):
    """One topic, protected by one token."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer_to(self, path, headers, body) -> Answer:
        if self.script:
            return self.next_answer()
        if path != "/":
            return refused(404, 40401, "page not found")
        if fault := fault_of(body):
            return refused(*fault)
        content = json.loads(body)
        if headers.get("authorization") != f"Bearer {TOKEN}" or content["topic"] != TOPIC:
            return refused(403, 40301, "forbidden")
        said = {"id": "xE73Iyuabi", "time": 1673542291, "event": "message", **content}
        return Answer(200, body=json.dumps(said).encode())


def refused(status: int, code: int, error: str) -> Answer:
    said = {"code": code, "http": status, "error": error}
    return Answer(status, {"content-type": "application/json"}, json.dumps(said).encode())


class NtfySide:
    form = {"topic": TOPIC, "server": "", "token": ""}
    bad_forms = (
        {"topic": ""},
        {"topic": "with space"},
        {"topic": "a/b"},
        {"topic": "x" * 65},
        {"topic": TOPIC, "token": "with space"},
        {"topic": TOPIC, "server": "ftp://ntfy.example.com"},
        {"topic": TOPIC, "server": "https://127.0.0.1:9999999"},
    )
    busy = 429

    def __init__(self, settings) -> None:
        settings.SITE_URL = "https://bell.example.com"
        self.server = NtfyServer().up()

    def settings(self) -> tuple[dict, dict]:
        return {"server": self.server.url}, {"topic": TOPIC, "token": TOKEN}

    def refuse(self) -> None:
        self.server.script.append(refused(429, 42901, "limit reached: too busy, please be nice"))

    def ids(self) -> set[str] | None:
        return {one.content["sequence_id"] for one in self.server.accepted}

    def count(self) -> int:
        return len(self.server.accepted)

    def texts(self) -> list[str]:
        read = (one.content for one in self.server.accepted)
        return [f"{one['title']}\n{one['message']}" for one in read]

    def close(self) -> None:
        self.server.down()


SIDE = NtfySide
