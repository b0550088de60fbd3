"""Days as an address names them. Pure."""

from datetime import UTC, date, datetime, time

FIRST_YEAR, LAST_YEAR = 2000, 2100  # of a day that is worth asking for


def read_day(text: str) -> date | None:
    """The day of 2026-11-27, or None for anything else.

    >>> read_day("2026-11-27"), read_day("2026-02-31"), read_day("0001-01-01")
    (datetime.date(2026, 11, 27), None, None)
    """
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None


def midnight_utc(day: date) -> datetime:
    """When the day begins, in UTC, as invoices have it."""
    return datetime.combine(day, time.min, UTC)
