"""Slack: one Block Kit message to an incoming webhook.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
https://docs.slack.dev/reference/block-kit/blocks (sizes)
https://docs.slack.dev/messaging/formatting-message-text (what must be escaped)
https://docs.slack.dev/apis/web-api/rate-limits (one message a second)
https://docs.slack.dev/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks

Foreign text stands in plain_text objects only: mrkdwn knows no escape for *bold* and turns URLs
into links. `&`, `<` and `>` are escaped in every text, as the documentation asks.
"""

from collections.abc import Sequence
from http import HTTPStatus
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from django import forms

from alerts.channels.base import Cap
from alerts.channels.chat import (
    ChatRoom,
    Script,
    UrlForm,
    facts_of,
    headline_of,
    links_of,
    told_of,
)
from alerts.channels.http import Verdict, verdict_of
from alerts.message import Message
from outbound.client import Reply

HOST = "hooks.slack.com"
MAX_FALLBACK = 300  # ours: a notification shows less
MAX_HEADER = 150
MAX_SECTION = 3000
MAX_VALUE = 600  # ours: a field may have 2000, and a fact has 200
MAX_LABEL = 60  # ours: of a field or a button, which may have 75
MAX_BUTTONS, MAX_BUTTON_URL = 25, 3000
DIGEST_ROOM = 12_000  # ours: four or five sections of the fifty blocks

# Nobody can post at this URL any more, or ever could.
_GONE = frozenset(
    {
        *("no_service", "no_service_id", "no_team", "no_active_hooks", "invalid_token"),
        *("channel_not_found", "channel_is_archived", "user_not_found", "team_disabled"),
    }
)
# This message will not do. A 400 with other words may come from something on the way.
_NEVER = frozenset({"invalid_payload", "invalid_blocks", "invalid_blocks_format", "no_text"})

TEXT = Script(escapes={ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"})


class SlackForm(UrlForm):
    example = "https://hooks.slack.com/services/…"

    def check_place(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.hostname == HOST and not parts.path.startswith("/services/"):
            # Those of Workflow Builder take variables, not messages.
            raise forms.ValidationError(
                "Use the URL of an incoming webhook: https://hooks.slack.com/services/…"
            )


class Slack(ChatRoom):
    name = "slack"
    label = "Slack"
    help = "Posts to a Slack channel through an incoming webhook."
    form_class = SlackForm
    cap = Cap(1, 1.0)

    def body(self, message: Message) -> dict[str, Any]:
        headline = headline_of(message)
        blocks = [
            {"type": "header", "text": _plain(TEXT.fit(headline, MAX_HEADER))},
            *_sections(TEXT.entries(message, DIGEST_ROOM)),
            *_sections(_told(message)),
            *_fields(message),
            *_buttons(message),
        ]
        return {
            "text": TEXT.fit(headline, MAX_FALLBACK),
            "mrkdwn": False,
            "blocks": blocks,
            "unfurl_links": False,
            "unfurl_media": False,
        }

    def judge(self, reply: Reply) -> Verdict:
        """Slack's one-word answers; a prohibition (403 action_prohibited) can be lifted, so it waits."""
        word = reply.body[:100].decode("utf-8", "replace").strip()
        if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Verdict.LATER
        if word in _GONE:
            return Verdict.GONE
        return Verdict.NEVER if word in _NEVER else verdict_of(reply)


KIND = Slack()


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _told(message: Message) -> list[str]:
    return [f"{label}: {TEXT.fit(text, MAX_SECTION // 3)}" for label, text in told_of(message)]


def _sections(lines: Sequence[str]) -> list[dict[str, Any]]:
    """As few sections as hold the lines."""
    texts: list[str] = []
    for line in lines:
        if texts and len(texts[-1]) + 1 + len(line) <= MAX_SECTION:
            texts[-1] += f"\n{line}"
        else:
            texts.append(line)
    return [{"type": "section", "text": _plain(text)} for text in texts]


def _fields(message: Message) -> list[dict[str, Any]]:
    fields = [
        _plain(f"{TEXT.fit(label, MAX_LABEL)}\n{TEXT.fit(text, MAX_VALUE)}")
        for label, text in facts_of(message)
    ]
    return [{"type": "section", "fields": fields}] if fields else []


def _buttons(message: Message) -> list[dict[str, Any]]:
    elements = [
        {"type": "button", "text": _plain(TEXT.fit(label, MAX_LABEL)), "url": url}
        for label, url in islice(links_of(message, MAX_BUTTON_URL), MAX_BUTTONS)
    ]
    return [{"type": "actions", "elements": elements}] if elements else []
