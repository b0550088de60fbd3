"""How the text of a variable becomes its value. Each raises ValueError with what it must be instead."""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from outbound.policy import parse_allowances

ROOT = Path(__file__).resolve().parent.parent
KEY_ID = re.compile(r"^[A-Za-z0-9_-]{1,32}$")
KEY_BYTES = 32
SECRET_KEY_CHARS = 32
FIRST_PRINTABLE = 32
EMAIL_SCHEMES = {
    "smtp",
    "smtp+tls",
    "smtps",
    "smtp+ssl",
    "consolemail",
    "filemail",
    "memorymail",
    "dummymail",
}


def text(value: str) -> str:
    return value


def secret_text(value: str) -> str:
    if any(mark.isspace() or ord(mark) < FIRST_PRINTABLE for mark in value):
        raise ValueError("must not contain spaces or line breaks")
    return value


def secret_key(value: str) -> str:
    if value and len(value) < SECRET_KEY_CHARS:
        raise ValueError("must have at least 32 characters")
    return value


def flag(value: str) -> bool:
    if value.lower() in {"1", "true", "yes", "on"}:
        return True
    if value.lower() in {"0", "false", "no", "off"}:
        return False
    raise ValueError("must be 0 or 1")


def maybe_flag(value: str) -> bool | None:
    return flag(value) if value else None


def whole_number(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", value) or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(value)

    return read


def word_list(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def hosts(value: str) -> tuple[str, ...]:
    names = word_list(value)
    for name in names:
        if not re.fullmatch(r"\.?[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]", name):
            raise ValueError(
                f"holds {name!r}, which is no host name (write names without scheme and port)"
            )
    return names


def web_url(value: str) -> str:
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError("must be a URL such as https://example.com") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_fine:
        raise ValueError("must be a URL such as https://example.com")
    if parts.username or parts.password or parts.fragment or re.search(r"[\s\\]", value):
        raise ValueError("must be a URL without user name, fragment, spaces or backslash")
    return value.rstrip("/")


def whole_url(value: str) -> str:
    """Kept to the last slash, which is part of a receiver's secret path."""
    web_url(value)
    return value


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def site_url(value: str) -> str:
    url = web_url(value)
    parts = urlsplit(url)
    if parts.path or parts.query:
        raise ValueError("must be a URL without a path, such as https://tunebell.example.com")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("must start with https:// (plain http is accepted on this machine only)")
    return url


def origins(value: str) -> tuple[str, ...]:
    parts = word_list(value)
    for part in parts:
        if not re.fullmatch(r"https?://(\*\.)?[A-Za-z0-9.\[\]:_-]+", part):
            raise ValueError(f"holds {part!r}, which is no origin such as https://example.com")
    return parts


def broker_url(value: str) -> str:
    if not value:
        return ""
    parts = urlsplit(value)
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        raise ValueError("must start with redis:// or rediss:// and name a host")
    # A name without a dot is one of the same machine or compose network.
    is_far = "." in parts.hostname and not is_loopback(parts.hostname)
    if is_far and parts.scheme == "redis" and not parts.password:
        raise ValueError(
            "needs a password (redis://:password@host) or rediss:// on another machine"
        )
    return value


def database_url(value: str) -> str:
    scheme = urlsplit(value).scheme
    if value and scheme not in {"postgres", "postgresql", "sqlite"}:
        raise ValueError("must start with postgres:// or sqlite:///")
    return value


def email_url(value: str) -> str:
    schemes = {
        "smtp",
        "smtp+tls",
        "smtps",
        "smtp+ssl",
        "consolemail",
        "filemail",
        "memorymail",
        "dummymail",
    }
    if urlsplit(value).scheme not in schemes:
        raise ValueError("must start with smtp://, smtp+tls://, smtp+ssl:// or consolemail://")
    return value


def encryption_keys(value: str) -> tuple[tuple[str, bytes], ...]:
    """Pairs of key id and 32 bytes, the first of which encrypts. Text form: `id:base64,id:base64`."""
    keys: dict[str, bytes] = {}
    for part in word_list(value):
        key_id, _, encoded = part.partition(":")
        try:
            key = base64.b64decode(
                encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True
            )
        except (binascii.Error, ValueError):
            key = b""
        if not KEY_ID.match(key_id) or len(key) != KEY_BYTES:
            raise ValueError(
                "must look like id:base64 with 32 bytes of key each, separated by commas"
            )
        if key_id in keys:
            raise ValueError(f"names the key id {key_id!r} twice")
        keys[key_id] = key
    return tuple(keys.items())


def webhook_secret(value: str) -> str:
    try:
        base64.b64decode(value.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be whsec_ and base64, as in the Standard Webhooks scheme") from None
    return value


def allowances(value: str) -> str:
    parse_allowances(value)
    return value


def folder(value: str) -> Path:
    path = Path(value).expanduser()
    return path if path.is_absolute() else ROOT / path
