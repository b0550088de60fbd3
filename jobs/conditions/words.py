"""Pure: spans and moments in words, for the reason of a condition."""

from datetime import UTC, datetime

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400


def span(seconds: float) -> str:
    """One unit, or two where the first is small.

    >>> span(42), span(22 * 60), span(5 * 3600), span(5400), span(3 * 86400)
    ('42 s', '22 min', '5 h', '1 h 30 min', '3 d')
    """
    whole = max(int(seconds), 0)
    for size, unit, part, part_unit in (
        (DAY_S, "d", HOUR_S, "h"),
        (HOUR_S, "h", MINUTE_S, "min"),
        (MINUTE_S, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // part
            is_told = rest and whole < 5 * size and part > 1
            return f"{whole // size} {unit}" + (f" {rest} {part_unit}" if is_told else "")
    return f"{whole} s"


def moment(at: datetime) -> str:
    """2026-11-22 14:02 UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
