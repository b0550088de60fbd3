"""Bytes -> JSON that databases can hold, or a reason."""

import json
import math
import re

import orjson

from providers.values import Invalid

# Every integer this long fits 64 bits; a longer one becomes a float, as orjson reads it.
_MAX_DIGITS = 18
# What a document may hold: the densest one of these costs 24 MiB, a page of 100 jobs some 5,000 commas.
MAX_COMMAS = 120_000
MAX_OPENERS = 60_000
_SURROGATE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"
_HEAD = 1000
_HTML = Invalid("The answer is an HTML page, not JSON.")


def decode(body: bytes) -> object:
    """The JSON value of a body, or `Invalid`.

    NaN, Infinity and numbers beyond a double become null; NUL and lone surrogates, which
    PostgreSQL refuses, become U+FFFD. A document of more values than any API sends is refused
    unread: a few MiB of `{},` would become a hundred.
    """
    if body.count(b",") > MAX_COMMAS or body.count(b"{") + body.count(b"[") > MAX_OPENERS:
        return _decode_too_much(body)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _decode_slowly(body)
    return _clean(value) if b"\\u0000" in body else value


def _decode_too_much(body: bytes) -> Invalid:
    if body[:_HEAD].lstrip().startswith(b"<"):
        return _HTML
    return Invalid("The answer holds too many values.")


def _decode_slowly(body: bytes) -> object:
    text = body.decode("utf-8-sig", "replace").strip()
    if not text:
        return Invalid("The answer is empty.")
    if text.startswith("<"):
        return _HTML
    try:
        loaded = json.loads(
            text, parse_constant=lambda _: None, parse_float=_finite, parse_int=_whole
        )
        return _clean(loaded)
    except RecursionError:
        return Invalid("The answer is nested too deeply.")
    except ValueError:
        return Invalid("The answer is not JSON.")


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _whole(text: str) -> int | float | None:
    # float() takes thousands of digits in its stride; int() of them is what Python refuses.
    return int(text) if len(text) <= _MAX_DIGITS else _finite(text)


def _clean(value: object) -> object:
    """The value with its strings cleaned, in place.

    With a stack of its own: what orjson takes is nested deeper than Python's reaches.
    """
    root = [value]
    left: list[list[object] | dict[str, object]] = [root]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            _clean_names(part)
            part.update({name: _cleaned(item) for name, item in part.items()})
            left.extend(item for item in part.values() if isinstance(item, list | dict))
        else:
            part[:] = map(_cleaned, part)
            left.extend(item for item in part if isinstance(item, list | dict))
    return root[0]


def _cleaned(item: object) -> object:
    return _SURROGATE.sub(_REPLACEMENT, item) if isinstance(item, str) else item


def _clean_names(part: dict[str, object]) -> None:
    if any(_SURROGATE.search(name) for name in part):
        renamed = {_SURROGATE.sub(_REPLACEMENT, name): item for name, item in part.items()}
        part.clear()
        part.update(renamed)
