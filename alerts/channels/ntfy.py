"""ntfy: a push message to everybody who listens to a topic, published as JSON.

https://docs.ntfy.sh/publish/#publish-as-json: fields; https://docs.ntfy.sh/publish/#limitations:
4,096 bytes, beyond which a message becomes an attachment. The server reads at most twice that of
JSON (server.go, transformBodyJSON), and 200 characters of title.
https://docs.ntfy.sh/publish/#updating-deleting-notifications: a sequence_id (from 2.16 on; older
servers ignore it) makes a second try replace the first instead of ringing twice.
The topic is a password: whoever knows it reads along. It is stored like one.
"""

import re
from http import HTTPStatus
from typing import Any

from django import forms

from alerts.channels.base import Cap, ChannelForm, Kind, Receipt, SendError, Stored, Values
from alerts.channels.http import host_of, never_at, post
from alerts.channels.layout import Gravity, fitting, gravity, harmless, tail
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
from alerts.plaintext import clean
from outbound.redact import hide

SERVER = "https://ntfy.sh"
MAX_MESSAGE_BYTES = 4000  # 4,096 exactly is an attachment already
MAX_JSON_BYTES = 8192
MAX_TITLE = 200
MAX_ACTIONS = 3
URGENT, HIGH, USUAL = 5, 4, 3
JUDGES = never_at(HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
# https://docs.ntfy.sh/emojis/
TAGS = {
    "succeeded": "white_check_mark",
    "recovered": "green_circle",
    "failed": "x",
    "cancelled": "no_entry_sign",
    "test": "bell",
    "digest": "bell",
}
USUAL_TAGS = {Gravity.TROUBLE: "rotating_light", Gravity.WARNING: "warning"}
_TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}\Z")
_TOKEN = re.compile(r"[\x21-\x7e]{8,200}\Z")
_SEQUENCE = re.compile(r"[-_A-Za-z0-9]{1,64}\Z")


class NtfyForm(ChannelForm):
    secret_fields = ("topic", "token")

    topic = forms.CharField(
        label="Topic",
        max_length=64,
        help_text="Choose one that nobody guesses: whoever knows it reads along.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    server = forms.CharField(
        label="Server",
        required=False,
        max_length=500,
        initial=SERVER,
        help_text="Topic and token are asked for again when it changes.",
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off"}),
    )
    token = forms.CharField(
        label="Access token",
        required=False,
        max_length=200,
        help_text="Only where the topic is protected. Starts with tk_.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    without_token = forms.BooleanField(label="Forget the stored access token", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # Django's own
        super().__init__(*args, **kwargs)
        if not self.is_edit:
            del self.fields["without_token"]

    def clean_topic(self) -> str:
        topic = str(self.cleaned_data["topic"]).strip()
        if topic and not _TOPIC.match(topic):
            raise forms.ValidationError("A topic is 1 to 64 letters, digits, - and _.")
        return topic

    def clean_token(self) -> str:
        token = str(self.cleaned_data["token"]).strip()
        if token and not _TOKEN.match(token):
            raise forms.ValidationError("A token is 8 characters or more, without spaces.")
        return token

    def clean_server(self) -> str:
        return clean_server(self.cleaned_data["server"] or SERVER)


class Ntfy(Kind):
    name = "ntfy"
    label = "ntfy"
    help = "Sends a push message to phones and desktops that listen to a topic."
    form_class = NtfyForm
    cap = Cap(12, 60)  # ntfy.sh gives a visitor one request every 5 s after a burst of 60

    def store(self, cleaned: Values, known_config: Values, known_secrets: Values) -> Stored:
        server = str(cleaned.get("server") or SERVER)
        is_same = is_same_server(server, known_config.get("server", ""))
        secrets = {"topic": kept_secret("topic", cleaned, known_secrets, is_same=is_same)}
        known = known_secrets if is_same and not cleaned.get("without_token") else {}
        token = str(cleaned.get("token") or known.get("token", ""))
        return Stored({"server": server}, {**secrets, "token": token} if token else secrets)

    def show(self, config: Values) -> str:
        return host_of(str(config.get("server") or SERVER))

    def preview(self, message: Message, key: str) -> str:
        return f"POST /\n\n{shown_json(content_of(message, '…', key))}"

    def send(self, config: Values, secrets: Values, message: Message, key: str) -> Receipt:
        topic, token = secrets["topic"], secrets.get("token", "")
        headers = dict(JSON_HEADERS)
        if token:
            headers["authorization"] = f"Bearer {token}"
        body = to_json(content_of(message, topic, key))
        url = f"{config.get('server') or SERVER}/"
        # Not by `remember`: both can be words, and would be blanked everywhere.
        hidden = (topic, token)
        reply = post(url, body, headers, judges=JUDGES, hidden=hidden)
        number = answer_of(reply).get("id")
        if not isinstance(number, str):
            raise SendError("What answered is no ntfy server.", status=reply.status)
        taken = hide(f"ntfy took it as {number}.", hidden)
        return Receipt(reply.status, clean(taken, 200))


KIND = Ntfy()


def content_of(message: Message, topic: str, key: str) -> dict[str, Any]:
    """What is published: its text is cut by whole lines until all of it fits."""
    content = _content(harmless(message), topic, key, MAX_MESSAGE_BYTES)
    for room in (3000, 2000, 1000):
        # Quotes and line breaks take two bytes each in JSON, so a short text can be a long body.
        if len(to_json(content)) <= MAX_JSON_BYTES:
            break
        content = _content(harmless(message), topic, key, room)
    return content


def priority_of(message: Message) -> int:
    if message.is_urgent:
        return URGENT
    return HIGH if gravity(message) is Gravity.TROUBLE else USUAL


def _content(safe: Message, topic: str, key: str, room: int) -> dict[str, Any]:
    content = {
        "topic": topic,
        "title": clean(safe.headline, MAX_TITLE),
        "message": _text(safe, room) or safe.word or "TuneBell",
        "priority": priority_of(safe),
        "tags": [TAGS.get(safe.name) or USUAL_TAGS.get(gravity(safe), "bell")],
        "markdown": False,
        "click": safe.url,
        "actions": _actions(safe),
        "sequence_id": key if _SEQUENCE.match(key) else "",
    }
    return {name: value for name, value in content.items() if value not in ("", [])}


def _text(safe: Message, room: int) -> str:
    """The lines below the title, as far as they fit; addresses are buttons."""
    told = (("Why", safe.reason), ("Do", safe.next_step), *safe.facts)
    lines = [entry.headline for entry in safe.entries]
    lines += [f"{label}: {text}" for label, text in told if text]
    kept = fitting([len(line.encode()) for line in lines], room)
    return "\n".join([*lines[:kept], *tail(len(lines) - kept)])


def _actions(safe: Message) -> list[dict[str, str]]:
    told = (("Open", safe.url), *safe.links) if safe.url else safe.links
    return [{"action": "view", "label": label, "url": url} for label, url in told[:MAX_ACTIONS]]
