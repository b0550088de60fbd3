"""Pure: when the end of a base model is told: 90, 30 and 7 days before."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

LEVELS = (7, 30, 90)  # days left, the nearest first


class Verb(StrEnum):
    BEGIN = "begin"
    TELL = "tell"
    END = "end"


@dataclass(frozen=True, slots=True)
class Known:
    """The newest condition about a model. `told`: the "date:level" pairs that rang so far."""

    is_open: bool = False
    is_told: bool = False
    level: int = 0
    told: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be written. Not `rings`: nobody hears of it. `told`: now, with this one."""

    verb: Verb
    reason: str
    level: int = 0
    rings: bool = True
    told: frozenset[str] = frozenset()


def level_of(days_left: int) -> int:
    """The nearest bound that is reached; 0 while there is time, and after the day.

    >>> [level_of(days) for days in (91, 90, 30, 8, 7, 0, -1)]
    [0, 90, 30, 30, 7, 7, 0]
    """
    return next((level for level in LEVELS if 0 <= days_left <= level), 0)


def notice(known: Known, day: date | None, today: date) -> Notice | None:
    """Each level of each date rings once, so a date that jumps to and fro does not ring each time.

    Not whether anybody uses the model: the caller knows. What is seen first rings for the level
    that holds now, not for those before it.
    """
    if day is None:
        return _end(known, "the provider withdrew the date") if known.is_open else None
    days = (day - today).days
    level = level_of(days)
    if level == 0:
        return _too_late_or_early(known, day, days) if known.is_open else None
    if known.is_open and level == known.level:
        return None
    mark = f"{day.isoformat()}:{level}"
    is_farther = known.is_open and level > known.level  # good news, and told again when it nears
    rings = mark not in known.told and not is_farther
    told = known.told | {mark} if rings else known.told
    verb = Verb.TELL if known.is_open else Verb.BEGIN
    return Notice(verb, f"retires on {day.isoformat()}, {_left(days)}", level, rings, told)


def _too_late_or_early(known: Known, day: date, days: int) -> Notice:
    if days < 0:  # it was said up to three times
        return Notice(Verb.END, f"retired on {day.isoformat()}", rings=False, told=known.told)
    return _end(known, f"retires on {day.isoformat()} now, {_left(days)}")


def _end(known: Known, reason: str) -> Notice:
    return Notice(Verb.END, reason, rings=known.is_told, told=known.told)


def _left(days: int) -> str:
    return "today" if days == 0 else "in 1 day" if days == 1 else f"in {days} days"
