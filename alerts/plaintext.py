"""Pure: makes foreign text harmless and numbers readable for messages."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta

from outbound.redact import redact

# Bidirectional overrides and isolates can make a line read as another one.
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")
_SPACES = re.compile(r"\s+")
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400


def clean(text: object, limit: int) -> str:
    """One line of at most `limit` characters without controls, lone surrogates or direction tricks."""
    raw = "" if text is None else str(text)[: 20 * limit]
    raw = _SPACES.sub(" ", _INVISIBLE.sub("", raw)).strip()
    raw = "".join(sign for sign in raw if unicodedata.category(sign) not in {"Cc", "Cs"})
    return raw if len(raw) <= limit else raw[: limit - 1].rstrip() + "…"


def safe(text: object, limit: int) -> str:
    """`clean` text without anything that is, or looks like, a secret."""
    return clean(redact(clean(text, 4 * limit)), limit)


def duration_s(seconds: float | None) -> str:
    """`duration` of a number of seconds; "" when there is none."""
    return "" if seconds is None else duration(timedelta(seconds=seconds))


def duration(span: timedelta) -> str:
    """The two largest units, rounded down.

    >>> duration(timedelta(minutes=72, seconds=5))
    '1 h 12 min'
    """
    seconds = max(int(span.total_seconds()), 0)
    if seconds < MINUTE_S:
        return f"{seconds} s"
    if seconds < HOUR_S:
        return f"{seconds // MINUTE_S} min"
    if seconds < DAY_S:
        return f"{seconds // HOUR_S} h {seconds % HOUR_S // MINUTE_S} min"
    return f"{seconds // DAY_S} d {seconds % DAY_S // HOUR_S} h"


def count(number: int) -> str:
    """Thousands apart by a space: 1 204 331."""
    return f"{number:,}".replace(",", " ")


def clock(at: datetime) -> str:
    """22 Nov 14:02 UTC."""
    local = at.astimezone(UTC)
    return f"{local.day} {local:%b %H:%M} UTC"


def iso(at: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the millisecond."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
