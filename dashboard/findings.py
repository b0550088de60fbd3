"""Pure: what an audit can find, how grave it is, and what explains it.

A finding is about the whole installation and names nobody, so every team may see it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

STALE_AFTER = timedelta(minutes=3)  # an audit comes every minute


class Code(StrEnum):
    """Gravest first: what contradicts itself, then causes before their effects."""

    UNKNOWN_STATE = "delivery_state_unknown"
    NEVER_DUE = "delivery_never_due"
    SENT_WITHOUT_TIME = "sent_without_time"
    NO_REASON = "unsent_without_reason"
    HALF_ANNOUNCED = "announced_by_half"
    DIGEST_TWICE = "digest_held_twice"
    DISK_LOW = "disk_low"
    PART_SILENT = "part_silent"
    SWEEP_LATE = "sweep_late"
    POLL_OVERDUE = "poll_overdue"
    UNANNOUNCED = "transition_unannounced"
    ALERT_OVERDUE = "alert_overdue"
    LEASE_EXPIRED = "lease_expired"


# What follows from it that nobody of a part is at work, by the name of the part.
_OF_POLLING = frozenset({Code.SWEEP_LATE, Code.POLL_OVERDUE})
_OF_ALERTING = frozenset({Code.UNANNOUNCED, Code.ALERT_OVERDUE})
EFFECTS: Mapping[str, frozenset[Code]] = {
    "poll": _OF_POLLING | {Code.LEASE_EXPIRED},
    "alerts": _OF_ALERTING | {Code.LEASE_EXPIRED},
    "beat": _OF_POLLING | _OF_ALERTING | {Code.LEASE_EXPIRED},
}
AUDITING_PARTS = frozenset({"alerts", "beat"})


@dataclass(frozen=True, slots=True)
class Finding:
    """`sentence`: for people, with its full stop. `count`: how many rows or parts it is about."""

    code: Code
    sentence: str
    count: int

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> Self:
        return cls(Code(members["code"]), str(members["sentence"]), int(members["count"]))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def known(members: Iterable[Mapping[str, Any]]) -> tuple[Finding, ...]:
    """Stored findings; one that another version wrote and this one does not know is left out."""
    codes = {code.value for code in Code}
    return tuple(Finding.from_json(one) for one in members if one.get("code") in codes)


def is_stale(at: datetime, now: datetime) -> bool:
    return now - at > STALE_AFTER


def unexplained(found: Iterable[Finding], idle_parts: Collection[str]) -> tuple[Finding, ...]:
    """What is left to say beside "nobody of these parts is at work", which others say live."""
    effects = frozenset[Code]().union(*(EFFECTS[part] for part in idle_parts if part in EFFECTS))
    said = effects | {Code.PART_SILENT}
    return tuple(one for one in found if one.code not in said)
