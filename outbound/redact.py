"""Takes secrets out of text: by their shape, and by value for those in use."""

import json
import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any
from urllib.parse import quote

from outbound.secret import Secret

MASK = "[redacted]"
MIN_CHARS = 8
MAX_REMEMBERED = 2000

# Masked keys count too: a provider's 401 echoes the first and last characters.
_SHAPES = re.compile(
    r"\b(?:sk-|whsec_|tb_)[A-Za-z0-9_*.+/=-]{6,512}"
    r"|(?i:(?<=\bbearer )[A-Za-z0-9._~+/=*-]{8,4096})"
    r"|(?i:(?<=\bapi-key: )\S{6,512})"
    r"|(?<=://)[^\s/]{1,1024}@"
    r"|(?<=/feeds/)[A-Za-z0-9_-]{20,512}"  # the address of a feed is its secret
)
_WORDY = re.compile(r"[-_A-Za-z0-9]")


class _Live:
    lock = threading.Lock()
    values: "OrderedDict[str, None]" = OrderedDict()
    pattern: re.Pattern[str] | None = None


def redact(text: str) -> str:
    """The text with every known secret and everything shaped like one replaced."""
    if _Live.pattern is not None:
        text = _Live.pattern.sub(MASK, text)
    return _SHAPES.sub(_mask, text)


def hide(text: str, secrets: Iterable[str]) -> str:
    """The text without these secrets, also percent- or JSON-escaped, where they are whole words.

    For what is in use for one request only: what `remember` knows is blanked in the texts of every
    team, so a secret that people choose, and that may be a word, must not come there.
    """
    forms = sorted({form for one in secrets if one for form in _forms(one)}, key=len, reverse=True)
    for form in forms:
        text = re.sub(_whole_word(form), MASK, text)
    return text


def _whole_word(form: str) -> str:
    """A pattern: next to a letter or digit of the form's own, none follows or goes before."""
    before = "(?<![-_A-Za-z0-9])" if _WORDY.match(form[0]) else ""
    after = "(?![-_A-Za-z0-9])" if _WORDY.match(form[-1]) else ""
    return f"{before}{re.escape(form)}{after}"


def _forms(value: str) -> tuple[str, ...]:
    return value, quote(value, safe=""), json.dumps(value)[1:-1]


def _mask(match: re.Match[str]) -> str:
    return f"{MASK}@" if match[0].endswith("@") else MASK


def remember(secret: Secret | str) -> None:
    """Have this live secret replaced wherever it shows up, also percent- or JSON-escaped.

    Values under 8 characters are left out: they would blank ordinary words.
    """
    value = secret.reveal() if isinstance(secret, Secret) else secret
    if len(value) < MIN_CHARS or value in _Live.values:
        return
    with _Live.lock:
        for form in _forms(value):
            _Live.values[form] = None
        while len(_Live.values) > MAX_REMEMBERED:
            _Live.values.popitem(last=False)
        longest_first = sorted(_Live.values, key=len, reverse=True)
        _Live.pattern = re.compile("|".join(map(re.escape, longest_first)))


def redact_event(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor: secrets out of every value, and no line breaks but in tracebacks."""
    for key, value in event.items():
        event[key] = _clean(value) if key in {"exception", "stack"} else _flat(_clean(value))
    return event


def _clean(value: object) -> object:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value))


def _flat(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\r", "\\r").replace("\n", "\\n")
    return value


class RedactFilter(logging.Filter):
    """For the root handler: secrets out of the records of libraries."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the message in place; every record passes."""
        record.msg = _flat(redact(record.getMessage()))
        record.args = ()
        return True
