"""Signed webhook: JSON by POST, with the headers of Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import json
import secrets as randomness
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms
from standardwebhooks import Webhook as Signer

from alerts.channels.base import ChannelForm, Kind, Receipt, Stored, Values
from alerts.channels.http import clean_url, host_of, post, receipt_of, secrets_in
from alerts.message import Message
from outbound.redact import remember

PREFIX = "whsec_"
SECRET_BYTES = 32
# The specification asks for 24 to 64 bytes.
FEWEST_SECRET_BYTES, MOST_SECRET_BYTES = 24, 64
MAX_BODY_BYTES = 20_000


class WebhookForm(ChannelForm):
    secret_fields = ("url", "secret")

    url = forms.CharField(
        label="URL",
        max_length=2000,
        help_text="Gets a POST with JSON. Everything after the host is kept secret.",
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off"}),
    )
    secret = forms.CharField(
        label="Signing secret",
        required=False,
        max_length=120,
        help_text="Starts with whsec_. Leave empty to have one made; it is shown once.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    def clean_url(self) -> str:
        return clean_url(self.cleaned_data["url"])

    def clean_secret(self) -> str:
        secret = str(self.cleaned_data["secret"]).strip()
        if secret and not is_secret(secret):
            raise forms.ValidationError("Use whsec_ and the base64 text of 24 to 64 bytes.")
        return secret


class Webhook(Kind):
    name = "webhook"
    label = "Signed webhook"
    help = "Sends JSON to your own service, signed as Standard Webhooks describes."
    form_class = WebhookForm
    has_digests = False

    def store(self, cleaned: Values, known_config: Values, known_secrets: Values) -> Stored:
        """Another host never gets the old signing secret: a new one is made unless one is given."""
        url = cleaned.get("url") or known_secrets.get("url", "")
        host = host_of(url)
        is_same_host = host == known_config.get("host")
        given = cleaned.get("secret") or (known_secrets.get("secret", "") if is_same_host else "")
        made = "" if given else new_secret()
        return Stored({"host": host}, {"url": url, "secret": given or made}, made)

    def show(self, config: Values) -> str:
        return str(config.get("host", ""))

    def preview(self, message: Message, key: str) -> str:
        content = json.dumps(json.loads(payload(message)), indent=2, ensure_ascii=False)
        return f"webhook-id: {key}\nwebhook-timestamp: ...\nwebhook-signature: v1,...\n\n{content}"

    def send(self, config: Values, secrets: Values, message: Message, key: str) -> Receipt:
        del config
        body = payload(message)
        headers = signed_headers(secrets["secret"], key, body)
        for secret in secrets.values():
            remember(secret)
        hidden = secrets_in(secrets["url"])
        return receipt_of(post(secrets["url"], body, headers, hidden=hidden), hidden)


KIND = Webhook()


def payload(message: Message) -> bytes:
    """The JSON body, at most 20 kB; the facts are left out of one that would be longer."""
    content: dict[str, Any] = {"type": message.type, "timestamp": message.at}
    body = _json({**content, "data": message.data})
    if len(body) <= MAX_BODY_BYTES:
        return body
    job = message.data.get("job") or {}
    core = {name: job.get(name) for name in ("id", "name", "status") if name in job}
    return _json({**content, "data": {"job": core, "state": message.data.get("state")}})


def signed_headers(secret: str, key: str, body: bytes) -> dict[str, str]:
    """The headers that make a delivery verifiable; `key` is the id of every try."""
    now = datetime.now(UTC)
    return {
        "content-type": "application/json",
        "webhook-id": key,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(secret).sign(key, now, body.decode()),
    }


def new_secret() -> str:
    return PREFIX + base64.b64encode(randomness.token_bytes(SECRET_BYTES)).decode()


def is_secret(text: str) -> bool:
    try:
        raw = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return FEWEST_SECRET_BYTES <= len(raw) <= MOST_SECRET_BYTES


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()
