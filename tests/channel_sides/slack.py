"""Slack's side of an incoming webhook, as its documentation describes it.

https://docs.slack.dev/reference/block-kit/blocks
https://docs.slack.dev/messaging/formatting-message-text
"""

import html
import re
from typing import Any

from tests.receiver import Answer
from tests.vendors import VendorSide, shape_fault, unprintable

# A control character that is not escaped: it begins a mention, a link or an entity.
LIVE = re.compile(r"[<>]|&(?!amp;|lt;|gt;)")


def plain(longest: int) -> dict:
    return {
        "type": "object",
        "required": ["type", "text"],
        "additionalProperties": False,
        "properties": {
            "type": {"const": "plain_text"},
            "text": {"type": "string", "minLength": 1, "maxLength": longest},
            "emoji": {"type": "boolean"},
        },
    }


def block(kind: str, properties: dict, **rest: Any) -> dict:
    return {
        "properties": {"type": {"const": kind}, **properties},
        "additionalProperties": False,
        **rest,
    }


BUTTON = {
    "type": "object",
    "required": ["type", "text", "url"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "button"},
        "text": plain(75),
        "url": {"type": "string", "pattern": r"^https?://\S+$", "maxLength": 3000},
    },
}
FIELDS = {"type": "array", "minItems": 1, "maxItems": 10, "items": plain(2000)}
ELEMENTS = {"type": "array", "minItems": 1, "maxItems": 25, "items": BUTTON}
BLOCKS = {
    "type": "array",
    "minItems": 1,
    "maxItems": 50,
    "items": {
        "type": "object",
        "required": ["type"],
        "oneOf": [
            block("header", {"text": plain(150)}, required=["text"]),
            block("section", {"text": plain(3000), "fields": FIELDS}, minProperties=2),
            block("actions", {"elements": ELEMENTS}, required=["elements"]),
        ],
    },
}
SCHEMA = {
    "type": "object",
    "required": ["text", "blocks"],
    "additionalProperties": False,
    "properties": {
        "text": {"type": "string", "minLength": 1, "maxLength": 4000},
        "mrkdwn": {"const": False},
        "blocks": BLOCKS,
        "unfurl_links": {"const": False},
        "unfurl_media": {"const": False},
    },
}


class SlackSide(VendorSide):
    form = {"url": "https://hooks.slack.com/services/T000/B000/XXXX"}
    bad_forms = (
        {"url": ""},
        {"url": "ftp://hooks.slack.com/services/T000/B000/XXXX"},
        {"url": "https://169.254.169.254/services/T000/B000/XXXX"},
        {"url": "https://hooks.slack.com/triggers/T000/1/XXXX"},
    )
    path = "/services/T000/B000/s3cr3t"

    def judge(self, path: str, content: Any) -> Answer:
        if path != self.path:
            return Answer(404, body=b"no_service")
        return Answer(400, body=b"invalid_blocks") if fault_of(content) else Answer()

    def text_of(self, content: dict) -> str:
        return html.unescape("\n".join(texts_of(content["blocks"])))


SIDE = SlackSide


def fault_of(content: Any) -> str:
    """What is wrong with a message, "" when nothing is."""
    fault = shape_fault(SCHEMA, content) or unprintable(content)
    if fault:
        return fault
    texts = [content["text"], *texts_of(content["blocks"])]
    live = next((text for text in texts if LIVE.search(text)), "")
    return f"not escaped: {live[:40]}" if live else ""


def texts_of(content: Any) -> list[str]:
    """Every text object's text, in reading order."""
    if isinstance(content, list):
        return [text for part in content for text in texts_of(part)]
    if not isinstance(content, dict):
        return []
    if content.get("type") in {"plain_text", "mrkdwn"}:
        return [content["text"]]
    return [text for part in content.values() for text in texts_of(part)]
