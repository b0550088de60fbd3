"""Pure: when a rule holds back what is not urgent, on the clock of one place."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

# The days around now whose evenings and mornings can matter, wherever the place is.
_NEAR = tuple(timedelta(days=number) for number in range(-2, 3))


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `begins` until `ends` on the clocks of `zone`, over midnight when `ends` comes first.

    `zone`: an IANA name. Equal times are no quiet hours.
    """

    begins: time
    ends: time
    zone: str = "UTC"

    def __str__(self) -> str:
        return f"{self.begins:%H:%M}–{self.ends:%H:%M} {self.zone}"

    def until(self, now: datetime) -> datetime | None:
        """When the quiet that holds at `now` ends, aware and in UTC; None while nothing is held.

        The last thing that happened decides, falling asleep or waking up. So an hour that the
        clocks go through twice neither wakes nor puts to sleep a second time, an hour that they
        leave out still wakes, and no quiet is longer than the 25 hours of the longest day.
        A zone that is not known here holds nothing: better too loud than lost.
        """
        zone = known_zone(self.zone)
        if zone is None or self.begins == self.ends:
            return None
        today = now.astimezone(zone).date()
        sleeps = [_instant(today + days, self.begins, zone) for days in _NEAR]
        wakes = [_instant(today + days, self.ends, zone) for days in _NEAR]
        if max(at for at in wakes if at <= now) >= max(at for at in sleeps if at <= now):
            return None
        return min(at for at in wakes if at > now)


def _instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The first time that clocks show it; where they leave it out, as far after the leap."""
    return datetime.combine(day, wall.replace(fold=0), tzinfo=zone).astimezone(UTC)


@cache
def known_zone(name: str) -> ZoneInfo | None:
    """The zone of this IANA name, or None. Any text may come."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; a path; a folder of zones
        return None


@cache
def zone_names() -> tuple[str, ...]:
    """The names to offer: UTC, then one place after the other, without old spellings."""
    found = sorted(name for name in available_timezones() if name.split("/")[0] in _CONTINENTS)
    return ("UTC", *found)


_CONTINENTS = frozenset(
    {
        *("Africa", "America", "Antarctica", "Asia", "Atlantic"),
        *("Australia", "Europe", "Indian", "Pacific"),
    }
)


def spelled(name: str) -> str | None:
    """The name of a zone as IANA writes it, however it was typed; None when there is none.

    >>> spelled(" europe/berlin ")
    'Europe/Berlin'
    """
    return _by_lower_case().get("_".join(name.split()).lower())


@cache
def _by_lower_case() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}
