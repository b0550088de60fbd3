"""Microsoft Teams: an Adaptive Card to a workflow that starts when a webhook request is received.

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
(28 KB a message, four a second)
https://learn.microsoft.com/power-automate/guidance/coding-guidelines/understand-limits
https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features
https://adaptivecards.io/explorer/RichTextBlock.html

All text stands in RichTextBlocks. TextBlocks and the values of a FactSet are Markdown, and clients
differ in the escapes they undo; a text run is shown as it is. Rows of two columns are the facts.
"""

import json
import re
from collections.abc import Collection
from http import HTTPStatus
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django import forms

from alerts.channels.base import Cap, Receipt, short_answer
from alerts.channels.chat import (
    ChatRoom,
    Script,
    Tone,
    UrlForm,
    facts_of,
    headline_of,
    links_of,
    told_of,
    tone_of,
)
from alerts.channels.http import Verdict, verdict_of
from alerts.message import Message
from alerts.plaintext import clean
from outbound.client import Reply

CONTENT_TYPE = "application/vnd.microsoft.card.adaptive"
SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
VERSION = "1.4"
# All in bytes of ASCII JSON, so that a card stays under 22 kB of the 28 KB, however Teams counts.
MAX_TITLE = 600
MAX_TOLD = 1500
MAX_LABEL, MAX_VALUE = 60, 600
MAX_ACTIONS = 6
MAX_URL = 600
DIGEST_ROOM = 8000
LABEL_WIDTH = "72px"

_POWER_HOSTS = (".logic.azure.com", ".powerplatform.com")
_GONE = frozenset({"WorkflowNotFound", "DirectApiAuthorizationRequired"})
_NEVER = frozenset({"TriggerInputSchemaMismatch"})
_COLORS = {Tone.BAD: "Attention", Tone.GOOD: "Good", Tone.WARNING: "Warning", Tone.CALM: "Accent"}
# A tag that would name a person, and the braces of {{DATE(...)}}.
_LIVE = re.compile(r"<(?=/?at\b)|\{(?=\{)", re.IGNORECASE)


def _json_length(text: str) -> int:
    return len(json.dumps(text)) - 2


TEXT = Script(_json_length)


class TeamsForm(UrlForm):
    example = "https://….powerplatform.com:443/powerautomate/…"

    def check_place(self, url: str) -> None:
        parts = urlsplit(url)
        is_power = (parts.hostname or "").endswith(_POWER_HOSTS)
        if is_power and not parse_qs(parts.query).get("sig"):
            raise forms.ValidationError(
                "This URL has no signature (sig=…). Let anyone trigger the workflow, and copy "
                "its URL again, whole."
            )


class Teams(ChatRoom):
    name = "teams"
    label = "Microsoft Teams"
    help = "Posts a card to a Teams channel or chat through a workflow."
    form_class = TeamsForm
    # Four in a second is what Teams takes of one webhook. A licence counts every step of every run
    # (6 000 a day is the least), and a workflow that is over it for long is switched off.
    cap = Cap(4, 60.0)

    def receipt(self, reply: Reply, hidden: Collection[str]) -> Receipt:
        """A workflow answers 202 with nothing: what becomes of the card is in its run history."""
        return Receipt(
            reply.status, short_answer(reply.body, hidden) or "The workflow was started."
        )

    def body(self, message: Message) -> dict[str, Any]:
        card = {
            "$schema": SCHEMA,
            "type": "AdaptiveCard",
            "version": VERSION,
            "msteams": {"width": "Full"},
            "body": [
                _title(message),
                *(_paragraph(line) for line in _entries(message)),
                *(_told(label, text) for label, text in told_of(message)),
                *(_fact(label, text) for label, text in facts_of(message)),
            ],
            "actions": _actions(message),
        }
        attachment = {"contentType": CONTENT_TYPE, "contentUrl": None, "content": card}
        return {"type": "message", "attachments": [attachment]}

    def judge(self, reply: Reply) -> Verdict:
        """Power Automate names the error; a workflow that is switched off may come back on."""
        code = _error_code(reply)
        if code in _GONE:
            return Verdict.GONE
        is_too_large = reply.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return Verdict.NEVER if is_too_large or code in _NEVER else verdict_of(reply)


KIND = Teams()


def _fit(text: object, limit: int) -> str:
    return TEXT.fit(_inert(text), limit)


def _inert(text: object) -> str:
    # Cleaned first: what is invisible may stand between two braces.
    return _LIVE.sub(lambda found: f"{found[0]} ", clean(text, 2000))


def _run(text: str, **style: str | bool) -> dict[str, Any]:
    return {"type": "TextRun", "text": text, **style}


def _rich(*runs: dict[str, Any], **style: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs), **style}


def _paragraph(line: str) -> dict[str, Any]:
    return _rich(_run(line), spacing="Small")


def _title(message: Message) -> dict[str, Any]:
    color = _COLORS.get(tone_of(message), "Default")
    text = _fit(headline_of(message), MAX_TITLE)
    return _rich(_run(text, size="Large", weight="Bolder", color=color))


def _entries(message: Message) -> list[str]:
    return [_inert(line) for line in TEXT.entries(message, DIGEST_ROOM)]


def _told(label: str, text: str) -> dict[str, Any]:
    return _rich(_run(f"{label}  ", weight="Bolder"), _run(_fit(text, MAX_TOLD)))


def _fact(label: str, text: str) -> dict[str, Any]:
    name = _rich(_run(_fit(label, MAX_LABEL), isSubtle=True))
    value = _rich(_run(_fit(text, MAX_VALUE)))
    return {
        "type": "ColumnSet",
        "spacing": "Small",
        "columns": [
            {"type": "Column", "width": LABEL_WIDTH, "items": [name]},
            {"type": "Column", "width": "stretch", "items": [value]},
        ],
    }


def _actions(message: Message) -> list[dict[str, Any]]:
    return [
        {"type": "Action.OpenUrl", "title": _fit(label, MAX_LABEL), "url": url}
        for label, url in islice(links_of(message, MAX_URL), MAX_ACTIONS)
    ]


def _error_code(reply: Reply) -> str:
    try:
        return str(json.loads(reply.body)["error"]["code"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
