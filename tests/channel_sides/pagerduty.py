"""PagerDuty's Events API v2: takes what its schema allows and answers 400 with the errors.

https://github.com/PagerDuty/developer-docs/tree/main/docs/events-API-v2
"""

import json
from datetime import datetime

from jsonschema import Draft202012Validator, FormatChecker

from tests.receiver import Answer, Receiver

ROUTING_KEY = "0123456789abcdef0123456789ABCDEF"
MAX_BYTES = 512 * 1024
TEXT = {"type": "string", "minLength": 1}
ADDRESS = {"type": "string", "pattern": r"^https?://\S+$"}
PAYLOAD = {
    "type": "object",
    "additionalProperties": False,
    "required": ["summary", "source", "severity"],
    "properties": {
        "summary": {**TEXT, "maxLength": 1024},
        "source": TEXT,
        "severity": {"enum": ["critical", "error", "warning", "info"]},
        "timestamp": {"type": "string", "format": "date-time"},
        "component": TEXT,
        "group": TEXT,
        "class": TEXT,
        "custom_details": {"type": "object"},
    },
}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["routing_key", "event_action"],
    "properties": {
        "routing_key": {"type": "string", "minLength": 32, "maxLength": 32},
        "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": {**TEXT, "maxLength": 255},
        "client": TEXT,
        "client_url": ADDRESS,
        "links": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["href"],
                "properties": {"href": ADDRESS, "text": TEXT},
            },
        },
        "payload": PAYLOAD,
    },
    "if": {"properties": {"event_action": {"const": "trigger"}}},
    "then": {"required": ["payload"]},
    "else": {"required": ["dedup_key"]},
}
FORMATS = FormatChecker()


@FORMATS.checks("date-time", raises=ValueError)
def is_time(text: object) -> bool:
    return isinstance(text, str) and datetime.fromisoformat(text).tzinfo is not None


VALIDATOR = Draft202012Validator(SCHEMA, format_checker=FORMATS)


def faults_of(body: bytes) -> list[str]:
    """What PagerDuty lists under `errors`; empty for a good event."""
    if len(body) > MAX_BYTES:
        return ["Payload is larger than 512 KB"]
    try:
        # Escaped halves of a pair pass json.loads, and no UTF-8.
        event = json.loads(body)
        json.dumps(event, ensure_ascii=False).encode()
    except ValueError as error:
        return [f"JSON is not valid: {error}"]
    return [error.message[:200] for error in VALIDATOR.iter_errors(event)]


class EventServer(Receiver):
    """`open_incidents`: what a person on call would see, by deduplication key."""

    def __init__(self) -> None:
        super().__init__()
        self.open_incidents: dict[str, dict] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer_to(self, path, headers, body) -> Answer:
        if self.script:
            return self.next_answer()
        if path != "/v2/enqueue" or headers.get("content-type") != "application/json":
            return Answer(404, body=b"")
        if errors := faults_of(body):
            answer = {"status": "invalid event", "message": "Event object is invalid"}
            return Answer(400, body=json.dumps({**answer, "errors": errors}).encode())
        return self._take(json.loads(body))

    def _take(self, event: dict) -> Answer:
        key = event.get("dedup_key", "made-by-pagerduty")
        if event["event_action"] == "trigger":
            self.open_incidents[key] = event["payload"]
        else:
            self.open_incidents.pop(key, None)
        said = {"status": "success", "message": "Event processed", "dedup_key": key}
        return Answer(202, body=json.dumps(said).encode())


class PagerDutySide:
    form = {"routing_key": ROUTING_KEY, "region": "eu", "server": ""}
    bad_forms = (
        {"routing_key": "", "region": "us"},
        {"routing_key": ROUTING_KEY[:-1], "region": "us"},
        {"routing_key": ROUTING_KEY[:-1] + "!", "region": "us"},
        {"routing_key": ROUTING_KEY, "region": "moon"},
        {"routing_key": ROUTING_KEY, "region": "other", "server": ""},
        {"routing_key": ROUTING_KEY, "region": "other", "server": "https://10.0.0.1"},
    )
    busy = 429

    def __init__(self, settings) -> None:
        settings.SITE_URL = "https://bell.example.com"
        self.server = EventServer().up()

    def settings(self) -> tuple[dict, dict]:
        return {"region": "other", "server": self.server.url}, {"routing_key": ROUTING_KEY}

    def refuse(self) -> None:
        self.server.script.append(Answer(429, body=b"busy: Request Limit Exceeded"))

    def ids(self) -> set[str] | None:
        return {one.content["dedup_key"] for one in self.server.accepted}

    def count(self) -> int:
        return len(self.server.accepted)

    def texts(self) -> list[str]:
        events = [one.content["payload"] for one in self.server.accepted]
        return [
            json.dumps([one["summary"], one["custom_details"]], ensure_ascii=False)
            for one in events
        ]

    def close(self) -> None:
        self.server.down()


SIDE = PagerDutySide
