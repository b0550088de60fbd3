"""When a person last looked at the jobs list, as a cookie remembers it. Pure: `now` is an argument."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime

COOKIE = "visit"
FIRST_VISIT_MS, VISIT_MS = 86_400_000, 1_800_000
_TIMES = re.compile(r"([0-9]{1,14})\.([0-9]{1,14})\.([0-9]{1,14})")


@dataclass(frozen=True, slots=True)
class Visit:
    """Unix times in milliseconds. `began_after`: the end of the visit before this one, 0 without one;
    `seen`: the list in any form; `looked`: a first page of it, which tells of the failures whatever is
    filtered. There a count of them begins.
    """

    began_after: int
    seen: int
    looked: int

    @property
    def is_first(self) -> bool:
        return not self.began_after

    @property
    def since(self) -> datetime:
        """When the visit before this one ended; a first one looks back a day."""
        return _moment(self.began_after or self.seen - FIRST_VISIT_MS)

    @property
    def span(self) -> str:
        """The time since then, in words."""
        return "in the last 24 hours" if self.is_first else "since your last visit"

    @property
    def looked_at(self) -> datetime:
        return _moment(self.looked)

    @property
    def cookie(self) -> str:
        return f"{self.began_after}.{self.seen}.{self.looked}"


def read(cookie: str, now: datetime) -> Visit:
    """The visit that goes on at `now`. It ends after half an hour without the list, and a
    cookie that cannot be read is a first visit.
    """
    present = _milliseconds(now)
    found = _TIMES.fullmatch(cookie)
    visit = Visit(*(int(text) for text in found.groups())) if found else None
    if visit is None or not (
        visit.began_after <= visit.seen <= present and visit.looked <= visit.seen
    ):
        return Visit(0, present, present - FIRST_VISIT_MS)
    return replace(visit, began_after=visit.seen) if present - visit.seen > VISIT_MS else visit


def go_on(visit: Visit, now: datetime, *, was_told: bool) -> Visit:
    """The visit after the list was shown. `was_told`: it said which jobs failed, or how many."""
    present = _milliseconds(now)
    return replace(visit, seen=present, looked=present if was_told else visit.looked)


def _milliseconds(now: datetime) -> int:
    return int(now.timestamp() * 1000)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
