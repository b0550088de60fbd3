"""Discord's side of a webhook, as its documentation describes it.

https://docs.discord.com/developers/resources/webhook#execute-webhook
https://docs.discord.com/developers/resources/message#embed-object-embed-limits
"""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.receiver import Answer
from tests.vendors import VendorSide, shape_fault, unprintable

URL = {"type": "string", "pattern": r"^https?://[^\s<>()\\/]+\.[^\s<>()\\]+$", "maxLength": 2048}
FIELD = {
    "type": "object",
    "required": ["name", "value"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "value": {"type": "string", "minLength": 1},
        "inline": {"type": "boolean"},
    },
}
EMBED = {
    "type": "object",
    "required": ["title", "color"],
    "additionalProperties": False,
    "properties": {
        "title": {"type": "string", "minLength": 1},
        "description": {"type": "string", "minLength": 1},
        "url": URL,
        "color": {"type": "integer", "minimum": 0, "maximum": 0xFFFFFF},
        "fields": {"type": "array", "maxItems": 25, "items": FIELD},
    },
}
SCHEMA = {
    "type": "object",
    "required": ["embeds", "allowed_mentions"],
    "additionalProperties": False,
    "properties": {
        "embeds": {"type": "array", "minItems": 1, "maxItems": 1, "items": EMBED},
        "allowed_mentions": {"const": {"parse": []}},
    },
}
LIMITS = {"title": 256, "description": 4096, "name": 256, "value": 1024}
MOST = 6000
# What may be read as Markdown: our bold labels and links. All else must be escaped.
TOKEN = re.compile(
    r"\\(?P<sign>[^0-9A-Za-z\s])"
    r"|\*\*(?P<bold>[A-Z][a-z]+)\*\* "
    r"|\[(?P<link>(?:[^\\\[\]]|\\.)+)\]\(https?://[^\s()]+\)"
    r"|(?P<plain>[^\\*_~`|<>()\[\]#@])"
)


class DiscordSide(VendorSide):
    form = {"url": "https://discord.com/api/webhooks/2237/3d89bb-7572_e0fb"}
    bad_forms = (
        {"url": ""},
        {"url": "https://discord.com/channels/2237/3d89"},
        {"url": "https://discord.com/api/webhooks/2237/3d89/slack"},
        {"url": "ftp://discord.com/api/webhooks/2237/3d89"},
        {"url": "https://169.254.169.254/api/webhooks/2237/3d89"},
    )
    path = "/api/webhooks/2237/s3cr3t"

    def judge(self, path: str, content: Any) -> Answer:
        parts = urlsplit(path)
        if parts.path != self.path:
            return Answer(404, body=b'{"message": "Unknown Webhook", "code": 10015}')
        if fault := fault_of(content):
            refusal = {"message": f"Invalid Form Body {fault}", "code": 50035}
            return Answer(400, body=json.dumps(refusal).encode())
        is_told = parse_qs(parts.query).get("wait") == ["true"]
        return (
            Answer(200, body=b'{"id": "112233", "type": 0}') if is_told else Answer(204, body=b"")
        )

    def text_of(self, content: dict) -> str:
        return "\n".join(read(text) for _, text in texts_of(content))


SIDE = DiscordSide


def fault_of(content: Any) -> str:
    """What is wrong with a message, "" when nothing is."""
    fault = shape_fault(SCHEMA, content) or unprintable(content)
    if fault:
        return fault
    texts = texts_of(content)
    if sum(length(text) for _, text in texts) > MOST:
        return f"more than {MOST} characters"
    too_long = next((name for name, text in texts if length(text) > LIMITS[name]), "")
    return f"{too_long} is too long" if too_long else _markdown_fault(texts)


def texts_of(content: dict) -> list[tuple[str, str]]:
    (embed,) = content["embeds"]
    fields = [(name, field[name]) for field in embed["fields"] for name in ("name", "value")]
    own = [(name, embed[name]) for name in ("title", "description") if name in embed]
    return [*own, *fields]


def length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def read(text: str) -> str:
    """What is shown of Markdown. Raises ValueError where foreign text would be Markdown."""
    shown, at = [], 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            raise ValueError(text[at : at + 40])
        shown.append(found["sign"] or found["bold"] or found["link"] or found["plain"])
        at = found.end()
    return "".join(shown)


def _markdown_fault(texts: list[tuple[str, str]]) -> str:
    try:
        for name, text in texts:
            read(text)
            if name != "description" and ("**" in text or "](" in text):
                return f"Markdown in {name}"
            if re.search(r"(?<!\()https?://", text):
                return f"a link of its own in {name}"
    except ValueError as error:
        return f"not escaped: {error}"
    return ""
