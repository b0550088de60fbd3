"""The cells of our CSV files: numbers bare, text quoted, and no text that a spreadsheet would run.

A text whose first sign after white space is one of `= + - @ '`, a tab, a line break or a full-width
form of these gets an apostrophe in front. As a text that begins with an apostrophe gets one too,
taking one leading apostrophe away gives back every text as it was.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from math import isfinite

import orjson

LINE_END = "\r\n"  # RFC 4180
_BLANK = r"[\s\x00-\x1f\u200b-\u200f\u2060\ufeff]*"  # what a spreadsheet may overlook
_GUARDED = re.compile(rf"{_BLANK}[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b]|'")


def guard(text: str) -> str:
    """The text as it may stand in a cell.

    >>> guard("=1+1"), guard("-v7"), guard("'quoted'"), guard("plain")
    ("'=1+1", "'-v7", "''quoted'", 'plain')
    """
    return f"'{text}" if _GUARDED.match(text) else text


def line(values: Iterable[object]) -> bytes:
    """One line of a CSV file, UTF-8.

    >>> print(line(["=x", 0.5, 3.0, -1, None, True, 'two "words" here']).decode().strip())
    "'=x",0.5,3,-1,,true,"two ""words"" here"
    """
    return (",".join(map(_cell, values)) + LINE_END).encode("utf-8", "replace")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number(value)
    return '"' + guard(_text(value)).replace('"', '""') + '"'


def number(value: float) -> str:
    """The shortest text that reads back to the same number; "" for what is none."""
    if isinstance(value, float) and not isfinite(value):
        return ""
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return str(int(value)) if is_whole else repr(value)


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode()
    return str(value)


def moment(at: datetime) -> str:
    """ISO 8601, UTC, as precise as it is known.

    >>> moment(datetime(2025, 11, 20, 12, 0, tzinfo=UTC))
    '2025-11-20T12:00:00Z'
    """
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
