"""Reads single members of a JSON object tolerantly, and remembers which it could not read."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime

MAX_TEXT = 8 * 1024
# 2242: no job ends later, and every database and formatter can hold it.
MAX_EPOCH_S = 2**33
_MAX_WHOLE = 2**63 - 1
_DIGITS = re.compile(r"-?\d{1,18}(?:\.0*)?\Z", re.ASCII)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def number(value: object) -> float | None:
    """A finite number, also from a digit string; None for anything else and for booleans."""
    if isinstance(value, str) and _DIGITS.match(value.strip()):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return float(value) if abs(value) <= _MAX_WHOLE else None
    return value if math.isfinite(value) else None


def moment(value: object) -> datetime | None:
    """An aware UTC time from unix seconds or an ISO string; None for 0, nonsense and the absurd."""
    if value is None:
        return None
    if isinstance(value, str) and not _DIGITS.match(value.strip()):
        return _iso_moment(value.strip())
    seconds = number(value)
    if seconds is None or not 0 < seconds < MAX_EPOCH_S:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def _iso_moment(text: str) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(text[:40])
        aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        return moment(aware.timestamp())
    except (ValueError, OverflowError):
        return None


def clean_text(value: str, cap: int = MAX_TEXT) -> str:
    """The text, cut, without what databases refuse."""
    return _UNSTORABLE.sub("\ufffd", value[:cap])


class Fields:
    """The members of one object. `unreadable` collects names whose value made no sense."""

    def __init__(self, raw: Mapping[str, object]) -> None:
        self.raw = raw
        self._unreadable: dict[str, None] = {}

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Names that were there but could not be read, each once."""
        return tuple(self._unreadable)

    def refuse(self, name: str) -> None:
        """Note that this member could not be read."""
        self._unreadable[name] = None

    def text(self, name: str) -> str | None:
        """A string; None when absent, null, empty or no string."""
        value = self.raw.get(name)
        if isinstance(value, str):
            return clean_text(value) or None
        if value is not None:
            self.refuse(name)
        return None

    def whole(self, name: str, minimum: int = 0, maximum: int = _MAX_WHOLE) -> int | None:
        """A whole number from `minimum` to `maximum`."""
        value = self.raw.get(name)
        if value is None:
            return None
        found = number(value)
        if found is None or found != int(found) or not minimum <= found <= maximum:
            self.refuse(name)
            return None
        return value if isinstance(value, int) else int(found)

    def when(self, name: str) -> datetime | None:
        """A time; 0 and "" mean none."""
        value = self.raw.get(name)
        found = moment(value)
        if found is None and value not in (None, 0, ""):
            self.refuse(name)
        return found

    def mapping(self, name: str) -> Mapping[str, object]:
        """An object; empty when absent, null or something else."""
        value = self.raw.get(name)
        if isinstance(value, Mapping):
            return value
        if value is not None:
            self.refuse(name)
        return {}

    def items(self, name: str) -> list[object]:
        """A list; empty when absent, null or something else."""
        value = self.raw.get(name)
        if isinstance(value, list | tuple):
            return list(value)
        if value is not None:
            self.refuse(name)
        return []
