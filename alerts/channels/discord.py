"""Discord: one embed in the colour of the state, to a channel's webhook.

https://docs.discord.com/developers/resources/webhook#execute-webhook
https://docs.discord.com/developers/resources/message#embed-object-embed-limits
https://docs.discord.com/developers/topics/rate-limits
https://github.com/discord/discord-api-docs/issues/367 (5 in 2 s, and 30 a minute for the channel)

A webhook takes no `nonce`, so a message sent twice is shown twice. Buttons are for webhooks that
belong to an application: the links stand in the text.
"""

import json
from collections.abc import Collection
from http import HTTPStatus
from itertools import islice
from re import compile as pattern
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django import forms

from alerts.channels.base import Cap, Receipt
from alerts.channels.chat import (
    ChatRoom,
    Script,
    UrlForm,
    facts_of,
    headline_of,
    links_of,
    told_of,
    tone_of,
    web_url,
)
from alerts.channels.http import Verdict, receipt_of, verdict_of, wait_of
from alerts.message import Message
from outbound.client import Reply

MAX_TITLE = 256
MAX_URL = 2048
# Discord takes 4096 of a description, 256 + 1024 of a field, and 6000 of all of it together.
DIGEST_ROOM = 3400
MAX_TOLD = 700  # of the reason, and of the next step
MAX_LABEL, MAX_VALUE = 60, 400
MAX_LINKS, LINKS_ROOM = 5, 600
LONGEST_WAIT_S = 86_400

_PATH = pattern(r"/api(?:/v\d+)?/webhooks/\d+/[\w-]+/?\Z")
_UNKNOWN_CHANNEL, _UNKNOWN_WEBHOOK, _INVALID_TOKEN = "10003", "10015", "50027"
_INVALID_FORM = "50035"
_GONE = frozenset({_UNKNOWN_CHANNEL, _UNKNOWN_WEBHOOK, _INVALID_TOKEN})


def utf16_length(text: str) -> int:
    """Discord does not say what a character is; no count of it is larger than this one."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


# The colon keeps URLs from becoming links and `:names:` from becoming emoji.
TEXT = Script(utf16_length, {ord(sign): f"\\{sign}" for sign in "\\*_~`|<>[]()#@:"})


class DiscordForm(UrlForm):
    example = "https://discord.com/api/webhooks/…"

    def check_place(self, url: str) -> None:
        if not _PATH.search(urlsplit(url).path):
            raise forms.ValidationError(
                "Use the URL that Discord's Copy Webhook URL gives: "
                "https://discord.com/api/webhooks/number/token."
            )


class Discord(ChatRoom):
    name = "discord"
    label = "Discord"
    help = "Posts to a Discord channel through its webhook."
    form_class = DiscordForm
    # 30 a minute; ten seconds' worth at once stays within 5 in 2 s.
    cap = Cap(5, 10.0)

    def address(self, url: str) -> str:
        """Without `wait`, Discord says yes to messages that it then does not keep."""
        base, _, query = url.partition("?")
        known = [(name, value) for name, value in parse_qsl(query) if name != "wait"]
        return f"{base}?{urlencode([*known, ('wait', 'true')])}"

    def receipt(self, reply: Reply, hidden: Collection[str]) -> Receipt:
        number = str(_json(reply).get("id", ""))
        is_number = number.isascii() and number.isdigit()
        if is_number:
            return Receipt(reply.status, f"message {number[:24]}")
        return receipt_of(reply, hidden)

    def body(self, message: Message) -> dict[str, Any]:
        told = [f"**{label}** {TEXT.fit(text, MAX_TOLD)}" for label, text in told_of(message)]
        lines = [
            *TEXT.entries(message, DIGEST_ROOM),
            *told,
            *_link_line(links_of(message, MAX_URL)),
        ]
        embed: dict[str, Any] = {
            "title": TEXT.fit(headline_of(message), MAX_TITLE),
            "color": tone_of(message).value,
            "fields": _fields(message),
        }
        if lines:
            embed["description"] = "\n".join(lines)
        url = web_url(message.url, MAX_URL)
        # http://localhost:8000/ is "not a well formed URL", and the whole message is refused.
        if "." in (urlsplit(url).hostname or ""):
            embed["url"] = url
        return {"embeds": [embed], "allowed_mentions": {"parse": []}}

    def judge(self, reply: Reply) -> Verdict:
        """https://docs.discord.com/developers/topics/opcodes-and-status-codes#json."""
        code = str(_json(reply).get("code"))
        if code in _GONE:
            return Verdict.GONE
        is_too_large = reply.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return Verdict.NEVER if is_too_large or code == _INVALID_FORM else verdict_of(reply)

    def seconds_to_wait(self, reply: Reply) -> float | None:
        """The longer of the header, whole seconds, and the body's `retry_after`, a fraction."""
        told = _json(reply).get("retry_after")
        in_body = 0.0
        if isinstance(told, int | float) and 0 < told < LONGEST_WAIT_S:
            in_body = float(told)
        return max(wait_of(reply) or 0.0, in_body) or None


KIND = Discord()


def _fields(message: Message) -> list[dict[str, Any]]:
    facts = facts_of(message)
    return [
        {"name": TEXT.fit(label, MAX_LABEL), "value": TEXT.fit(text, MAX_VALUE), "inline": True}
        for label, text in facts
    ]


def _link_line(links: list[tuple[str, str]]) -> list[str]:
    """The links side by side, as many as there is room for."""
    written: list[str] = []
    for label, url in islice(links, MAX_LINKS):
        link = f"[{TEXT.fit(label, MAX_LABEL)}]({url})"
        if utf16_length(" · ".join([*written, link])) <= LINKS_ROOM:
            written.append(link)
    return [" · ".join(written)] if written else []


def _json(reply: Reply) -> dict[str, Any]:
    try:
        content = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
