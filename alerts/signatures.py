"""Pure: whether a request is the provider's own. Standard Webhooks, as OpenAI signs them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
The library makes the signature; everything around it is stricter here. Its own check raises a bare
ValueError on a part without a comma, takes "123.0" for a time and asks the clock of the machine.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from standardwebhooks import Webhook

from outbound.secret import Secret

TOLERANCE_S = 300
PREFIX = "whsec_"
# OpenAI does not say how long its secrets are.
FEWEST_SECRET_BYTES, MOST_SECRET_BYTES = 16, 128
VERSION = "v1"
ID = re.compile(r"[\x21-\x7e]{1,256}")
SECONDS = re.compile(r"[1-9][0-9]{0,10}")
SIGNATURES = re.compile(r"[\x20-\x7e]{1,2048}")


class Refused(Exception):
    """The request is not one that the provider signed just now."""


@dataclass(frozen=True, slots=True)
class Headers:
    """What the three headers say. `sent_at`: unix seconds; `signatures`: those of our version, one at least."""

    webhook_id: str
    sent_at: int
    signatures: tuple[bytes, ...]


def read_headers(webhook_id: str, timestamp: str, signatures: str) -> Headers:
    """The headers as they came, "" for one that is missing. Raises Refused for what no provider sends."""
    if not (ID.fullmatch(webhook_id) and SECONDS.fullmatch(timestamp)):
        raise Refused("no id or no time")
    if not SIGNATURES.fullmatch(signatures):
        raise Refused("no list of signatures")
    parts = signatures.split(" ")
    if not all("," in part for part in parts):  # some readers take one without its version
        raise Refused("a signature without its version")
    ours = tuple(part.encode() for part in parts if part.partition(",")[0] == VERSION)
    if not ours:
        raise Refused("no signature of our version")
    return Headers(webhook_id, int(timestamp), ours)


def verify(headers: Headers, body: bytes, secrets: Iterable[Secret], now: datetime) -> None:
    """Returns when one of `secrets` signed exactly these bytes within five minutes of `now`.

    Raises Refused, whatever the bytes are.
    """
    if abs(now.timestamp() - headers.sent_at) > TOLERANCE_S:
        raise Refused("not now")
    try:
        wanted = [_sign(secret, headers, body) for secret in secrets]
    except Exception as error:
        raise Refused("not readable") from error
    if not any(hmac.compare_digest(mine, one) for mine in wanted for one in headers.signatures):
        raise Refused("not signed")


def _sign(secret: Secret, headers: Headers, body: bytes) -> bytes:
    """What the provider would have put into its header."""
    sent_at = datetime.fromtimestamp(headers.sent_at, UTC)
    return Webhook(secret.reveal()).sign(headers.webhook_id, sent_at, body.decode()).encode()


def is_secret(text: str) -> bool:
    """Whether it can be a provider's signing secret: whsec_ and base64, with or without padding."""
    if not text.startswith(PREFIX) or not text.isascii():
        return False
    encoded = text.removeprefix(PREFIX)
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return FEWEST_SECRET_BYTES <= len(raw) <= MOST_SECRET_BYTES
