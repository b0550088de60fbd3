"""Bytes -> JSON that databases can hold, or a reason."""

import json
import math
import re

import orjson

from providers.values import Invalid

# Every integer this long fits 64 bits; a longer one becomes a float, as orjson reads it.
_MAX_DIGITS = 18
_SURROGATE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


def decode(body: bytes) -> object:
    """The JSON value of a body, or `Invalid`.

    NaN, Infinity and numbers beyond a double become null; NUL and lone surrogates, which
    PostgreSQL refuses, become U+FFFD.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _decode_slowly(body)
    return _clean(value) if b"\\u0000" in body else value


def _decode_slowly(body: bytes) -> object:
    text = body.decode("utf-8-sig", "replace").strip()
    if not text:
        return Invalid("The answer is empty.")
    if text.startswith("<"):
        return Invalid("The answer is an HTML page, not JSON.")
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
    if isinstance(value, str):
        return _SURROGATE.sub(_REPLACEMENT, value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_SURROGATE.sub(_REPLACEMENT, key): _clean(item) for key, item in value.items()}
    return value
