"""What the headers say about limits and about when to come back."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from providers.fields import number

MAX_WAIT_S = 3600.0
_PIECE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|us|µs|ns|h|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The provider's own count; None for what it did not say. Resets are in seconds."""

    limit_requests: int | None = None
    remaining_requests: int | None = None
    reset_requests_s: float | None = None
    limit_tokens: int | None = None
    remaining_tokens: int | None = None
    reset_tokens_s: float | None = None


def read_rate_limits(headers: Mapping[str, str]) -> RateLimits:
    """The `x-ratelimit-*` headers; what cannot be read, or is below 0 as at Azure, is None."""
    return RateLimits(
        _count(headers.get("x-ratelimit-limit-requests")),
        _count(headers.get("x-ratelimit-remaining-requests")),
        read_duration(headers.get("x-ratelimit-reset-requests", "")),
        _count(headers.get("x-ratelimit-limit-tokens")),
        _count(headers.get("x-ratelimit-remaining-tokens")),
        read_duration(headers.get("x-ratelimit-reset-tokens", "")),
    )


def _count(text: str | None) -> int | None:
    found = number(text)
    return int(found) if found is not None and found >= 0 else None


def read_duration(text: str) -> float | None:
    """Seconds of a Go duration.

    >>> read_duration("6m0.5s")
    360.5
    """
    pieces = _PIECE.findall(text.strip())
    if not pieces or "".join(amount + unit for amount, unit in pieces) != text.strip():
        return None
    return sum(float(amount) * _SECONDS[unit] for amount, unit in pieces)


def read_retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds the server asks to wait, at most an hour; None when it does not say or makes no sense.

    `retry-after-ms` is finer and wins; a date is read against the server's own clock if it sent one.
    """
    milliseconds = _decimal(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return _bounded(milliseconds / 1000)
    text = headers.get("retry-after", "")
    seconds = _decimal(text)
    if seconds is not None:
        return _bounded(seconds)
    then = _http_date(text)
    return (
        _bounded((then - (_http_date(headers.get("date", "")) or now)).total_seconds())
        if then
        else None
    )


def _decimal(text: str) -> float | None:
    try:
        found = float(text) if len(text) < 40 else math.nan  # noqa: PLR2004  # no sane number is longer
    except ValueError:
        return None
    return found


def _bounded(seconds: float) -> float | None:
    if not math.isfinite(seconds) or seconds < 0:
        return None
    return min(seconds, MAX_WAIT_S)


def _http_date(text: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def read_should_retry(headers: Mapping[str, str]) -> bool | None:
    """`x-should-retry`: the server's own verdict, or None."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())
