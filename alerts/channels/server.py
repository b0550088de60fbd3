"""What kinds share whose form names a server: its secrets belong to it, and its answers are JSON."""

import json
from collections.abc import Mapping
from typing import Any

from django import forms

from alerts.channels.base import Values
from alerts.channels.http import clean_url
from outbound.client import Reply
from outbound.errors import Blocked
from outbound.policy import split_url

JSON_HEADERS: Mapping[str, str] = {"content-type": "application/json"}


def clean_server(url: object) -> str:
    """The base address of a form's field, without the slash at its end. Raises ValidationError."""
    text = clean_url(url)
    if "?" in text:
        raise forms.ValidationError("Give the server's address only, without a question mark.")
    return text.rstrip("/")


def is_same_server(url: str, known: str) -> bool:
    """Whether both have one scheme, host and port."""
    try:
        return split_url(url) == split_url(known)
    except Blocked:
        return False


def kept_secret(name: str, cleaned: Values, known_secrets: Values, *, is_same: bool) -> str:
    """What was entered, else what is stored, which another server never gets. Raises ValueError."""
    secret = str(cleaned.get(name) or (known_secrets.get(name, "") if is_same else ""))
    if not secret:
        raise ValueError(
            f"The server changed: enter the {name.replace('_', ' ')} again. "
            "It is only sent to the server it was entered for."
        )
    return secret


def to_json(content: Mapping[str, Any]) -> bytes:
    """As UTF-8: limits that count bytes count what is sent. Raises UnicodeEncodeError."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def shown_json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2)


def answer_of(reply: Reply) -> Mapping[str, Any]:
    """The JSON object that was answered; empty for anything else."""
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
