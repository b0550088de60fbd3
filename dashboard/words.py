"""How numbers, sizes and times are written for people. Pure: `now` is an argument."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

ABSENT = "–"
THIN_SPACE = "\u2009"
_DAY_S = 86_400
_NOW_S = 5  # younger than a poll of the page
_DATED_DAYS = 7
_KILO = 1000
_SECONDS = re.compile(r"\d{9,10}(?:\.\d+)?", re.ASCII)  # from 1973 to 2286
_SMALL, _PLAIN, _LARGE = 1e-3, 1e4, 1e6
_ROUNDS_UP = 0.9995  # of a unit: with three digits it is a whole one


def ago(moment: datetime, now: datetime) -> str:
    """An age in one number: "now", "40 s ago", "12 min ago", "in 20 min"; beyond seven days the date,
    in the zone of `moment`.

    `static/js/time-ago.js` writes the same words in the browser.
    """
    seconds = (now - moment).total_seconds()
    if abs(seconds) > _DATED_DAYS * _DAY_S:
        return moment.strftime("%Y-%m-%d")
    if abs(seconds) < _NOW_S:
        return "now"
    span = rough(abs(seconds))
    return f"{span} ago" if seconds > 0 else f"in {span}"


def rough(seconds: float) -> str:
    """One number and one unit: 40 s, 12 min, 3 h, 2 d."""
    for size, unit in ((_DAY_S, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def unix_time(path: str, text: str, zone: tzinfo = UTC) -> str:
    """The moment that a number of seconds in a provider's answer stands for; "" where it is none.

    >>> unix_time("estimated_finish", "1795815200"), unix_time("seed", "1795815200")
    ('2026-11-27 21:33:20 UTC', '')
    """
    name = path.rsplit(".", 1)[-1]
    if not (name.endswith("_at") or name == "estimated_finish") or not _SECONDS.fullmatch(text):
        return ""
    return f"{datetime.fromtimestamp(float(text), zone):%Y-%m-%d %H:%M:%S %Z}"


def clock(span: timedelta) -> str:
    """An elapsed time as minutes and seconds, with hours when there are any.

    >>> clock(timedelta(minutes=12, seconds=4)), clock(timedelta(hours=30))
    ('12:04', '30:00:00')
    """
    total = max(int(span.total_seconds()), 0)
    hours, rest = divmod(total, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def thin(number: float) -> str:
    """Thousands apart by a thin space, decimals only where there are some."""
    whole = f"{int(number):,}" if float(number).is_integer() else f"{number:,}"
    return whole.replace(",", THIN_SPACE)


def short_count(number: float) -> str:
    """A count for a narrow column, with three digits: 950, 12.4 k, 1.2 M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size * _ROUNDS_UP:
            return f"{number / size:.3g}{THIN_SPACE}{unit}"
    return thin(number)


def figure(value: float) -> str:
    """A metric with four significant digits, never in a form that hides its size."""
    if value == 0 or _SMALL <= abs(value) < _LARGE:
        return f"{value:.4g}" if round(abs(value)) < _PLAIN else thin(round(value))
    return f"{value:.3g}"


def size(count: int) -> str:
    """Bytes in decimal units.

    >>> size(999), size(1_250_000)
    ('999 B', '1.2 MB')
    """
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < _KILO:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= _KILO
    return f"{amount:.1f} GB"


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """The number with its noun: "1 job", "2 jobs"."""
    return f"{thin(number)} {singular if number == 1 else plural or singular + 's'}"
