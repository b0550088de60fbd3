"""When a person last looked at the jobs list, as a cookie remembers it. Pure: `now` is an argument."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime

COOKIE = "visit"
FIRST_VISIT_S, VISIT_S = 86_400, 1800
_TIMES = re.compile(r"([0-9]{1,11})\.([0-9]{1,11})\.([0-9]{1,11})")


@dataclass(frozen=True, slots=True)
class Visit:
    """Unix times. `began_after`: the end of the visit before this one; `seen`: the list in any form;
    `looked`: the list with its strip of failures, which is what a count of failures begins at.
    """

    began_after: int
    seen: int
    looked: int

    @property
    def since(self) -> datetime:
        return datetime.fromtimestamp(self.began_after, UTC)

    @property
    def looked_at(self) -> datetime:
        return datetime.fromtimestamp(self.looked, UTC)

    @property
    def cookie(self) -> str:
        return f"{self.began_after}.{self.seen}.{self.looked}"


def read(cookie: str, now: datetime) -> Visit:
    """The visit that goes on at `now`. It ends after half an hour without the list; a first one
    looks back a day, and a cookie that cannot be read is a first visit.
    """
    present = int(now.timestamp())
    found = _TIMES.fullmatch(cookie)
    visit = Visit(*(int(text) for text in found.groups())) if found else None
    if visit is None or not (
        visit.began_after <= visit.seen <= present and visit.looked <= visit.seen
    ):
        return Visit(present - FIRST_VISIT_S, present, present - FIRST_VISIT_S)
    return replace(visit, began_after=visit.seen) if present - visit.seen > VISIT_S else visit


def go_on(visit: Visit, now: datetime, *, has_strip: bool) -> Visit:
    """The visit after the list was shown. `has_strip`: the failures were there to be seen."""
    present = int(now.timestamp())
    return replace(visit, seen=present, looked=present if has_strip else visit.looked)
