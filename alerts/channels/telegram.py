"""Telegram: a bot's message to one chat, by the Bot API's sendMessage.

https://core.telegram.org/bots/api#sendmessage: 1 to 4,096 characters after the markup is parsed.
https://core.telegram.org/bots/api#html-style: every < > & outside of tags is written as an entity.
https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this: the cap.
There is no idempotency key: a try that was cut off after it was taken can come twice.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any

from django import forms

from alerts.channels.base import Cap, ChannelForm, Kind, Receipt, SendError, Stored, Values
from alerts.channels.http import host_of, never_at, post, wait_of
from alerts.channels.layout import (
    Gravity,
    fitting,
    gravity,
    harmless,
    is_reachable_from_outside,
    tail,
)
from alerts.channels.server import (
    JSON_HEADERS,
    answer_of,
    clean_server,
    is_same_server,
    kept_secret,
    shown_json,
    to_json,
)
from alerts.message import Message
from outbound.client import Reply
from outbound.redact import remember

SERVER = "https://api.telegram.org"
MAX_UNITS = 4096
BUTTONS_PER_ROW = 3
# The message or the chat is wrong, or the bot was put out of it. A wrong token (401, 404) is mended
# in the form, and then the alert still comes.
JUDGES = never_at(400, 403)
_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{20,100}\Z")
_CHAT = re.compile(r"(?:-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,31})\Z")
_MENTION = re.compile(r"(?<!\w)@(?=\w)")


class TelegramForm(ChannelForm):
    secret_fields = ("token",)

    token = forms.CharField(
        label="Bot token",
        max_length=130,
        help_text="From @BotFather. Looks like 123456:ABC-DEF1234.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    chat_id = forms.CharField(
        label="Chat id",
        max_length=33,
        help_text="A number, negative for groups, or @channelname. The bot must be in that chat.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    server = forms.CharField(
        label="Bot API server",
        required=False,
        max_length=500,
        initial=SERVER,
        help_text="Change it only for a Bot API server of your own; the token is asked for again.",
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off"}),
    )

    def clean_token(self) -> str:
        token = str(self.cleaned_data["token"]).strip()
        if token and not _TOKEN.match(token):
            raise forms.ValidationError("A bot token is a number, a colon and 35 characters.")
        return token

    def clean_chat_id(self) -> str:
        chat_id = str(self.cleaned_data["chat_id"]).strip()
        if not _CHAT.match(chat_id):
            raise forms.ValidationError("Use a number like -1001234567890, or @channelname.")
        return chat_id

    def clean_server(self) -> str:
        return clean_server(self.cleaned_data["server"] or SERVER)


class Telegram(Kind):
    name = "telegram"
    label = "Telegram"
    help = "Sends a message from your bot to one chat, group or channel."
    form_class = TelegramForm
    cap = Cap(20, 60)  # to one group; a single chat takes one a second, with short bursts

    def store(self, cleaned: Values, known_config: Values, known_secrets: Values) -> Stored:
        server = str(cleaned.get("server") or SERVER)
        is_same = is_same_server(server, known_config.get("server", ""))
        token = kept_secret("token", cleaned, known_secrets, is_same=is_same)
        return Stored({"server": server, "chat_id": cleaned["chat_id"]}, {"token": token})

    def show(self, config: Values) -> str:
        chat, server = str(config.get("chat_id", "")), str(config.get("server") or SERVER)
        return chat if is_same_server(server, SERVER) else f"{chat} at {host_of(server)}"

    def preview(self, message: Message, key: str) -> str:
        del key
        read = _lines(harmless(message))
        sent = shown_json(content_of(message, "…"))
        return f"{_joined(line.text for line in read)}\n\nPOST /bot…/sendMessage\n\n{sent}"

    def send(self, config: Values, secrets: Values, message: Message, key: str) -> Receipt:
        del key
        token = secrets["token"]
        remember(token)
        body = to_json(content_of(message, str(config["chat_id"])))
        url = f"{config.get('server') or SERVER}/bot{token}/sendMessage"
        reply = post(url, body, JSON_HEADERS, reads_wait=_wait_of, judges=JUDGES)
        return _receipt_of(reply)


KIND = Telegram()


def content_of(message: Message, chat_id: str) -> dict[str, Any]:
    """The parameters of sendMessage. Success is told without a sound."""
    safe = harmless(message)
    content: dict[str, Any] = {
        "chat_id": chat_id,
        "text": _joined(line.html for line in _lines(safe)),
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
        "disable_notification": gravity(safe) is Gravity.GOOD and not safe.is_urgent,
    }
    buttons = [{"text": label, "url": url} for label, url in _addresses(safe, as_buttons=True)]
    if buttons:
        rows = [
            buttons[start : start + BUTTONS_PER_ROW]
            for start in range(0, len(buttons), BUTTONS_PER_ROW)
        ]
        content["reply_markup"] = {"inline_keyboard": rows}
    return content


@dataclass(frozen=True, slots=True)
class _Line:
    """One line as it is read, and as it is written."""

    text: str
    html: str

    @property
    def units(self) -> int:
        """Telegram counts in UTF-16: an emoji is two."""
        return len(self.text.encode("utf-16-le")) // 2


def _lines(safe: Message) -> list[_Line]:
    """Headline, what fits of entries and facts, and addresses that no button can hold."""
    head = _tame(safe.headline)
    first = [_Line(head, f"<b>{escape(head, quote=False)}</b>")]
    addresses = [_address(label, url) for label, url in _addresses(safe, as_buttons=False)]
    last, others = addresses[:1], addresses[1:]
    told = (("Why", safe.reason), ("Do", safe.next_step), *safe.facts)
    body = [_linked(entry.headline, entry.url) for entry in safe.entries]
    body += [_plain(f"{label}: {text}") for label, text in told if text] + others
    room = MAX_UNITS - sum(line.units + 1 for line in (*first, *last))
    kept = fitting([line.units for line in body], room)
    return [*first, *body[:kept], *map(_plain, tail(len(body) - kept)), *last]


def _plain(text: str) -> _Line:
    tame = _tame(text)
    return _Line(tame, escape(tame, quote=False))


def _address(label: str, url: str) -> _Line:
    return _Line(f"{label}: {url}", escape(f"{label}: {url}", quote=False))


def _linked(text: str, url: str) -> _Line:
    line = _plain(text)
    if not is_reachable_from_outside(url):
        return line
    return _Line(line.text, f'<a href="{escape(url)}">{line.html}</a>')


def _tame(text: str) -> str:
    """Somebody else's text calls nobody: a word joiner keeps @name from being a mention."""
    return _MENTION.sub("@\u2060", text)


def _joined(lines: Iterable[str]) -> str:
    return "\n".join(lines)


def _addresses(safe: Message, *, as_buttons: bool) -> list[tuple[str, str]]:
    """The whole message is refused for a button to a private or loopback address."""
    told = (("Open", safe.url), *safe.links) if safe.url else safe.links
    return [one for one in told if is_reachable_from_outside(one[1]) is as_buttons]


def _wait_of(reply: Reply) -> float | None:
    parameters = answer_of(reply).get("parameters")
    asked = parameters.get("retry_after") if isinstance(parameters, dict) else None
    if isinstance(asked, int) and asked > 0:
        return float(min(asked, 10**9))
    return wait_of(reply)


def _receipt_of(reply: Reply) -> Receipt:
    """Its whole answer repeats the message and names the chat's people: the number is enough."""
    answer = answer_of(reply)
    if answer.get("ok") is not True:
        raise SendError("What answered is no Bot API server.", status=reply.status)
    result = answer.get("result")
    number = result.get("message_id") if isinstance(result, dict) else None
    which = f" as message {number}" if isinstance(number, int) else ""
    return Receipt(reply.status, f"Telegram took it{which}.")
