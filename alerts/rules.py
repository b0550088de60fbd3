"""Pure: which changes concern which channels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

# What a rule may name, in the order shown, and the words for it.
RULE_STATES: Mapping[str, str] = {
    "succeeded": "Succeeded",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "missing": "Missing at the provider",
    "rejected": "Key rejected",
    "unreachable": "Provider unreachable",
    "out_of_quota": "Out of quota",
    "unreadable": "Answers cannot be read",
    "recovered": "Connection recovered",
}
JOB_STATES = frozenset({"succeeded", "failed", "cancelled"})
TROUBLES = frozenset({"rejected", "unreachable", "out_of_quota", "unreadable"})


@dataclass(frozen=True, slots=True)
class Change:
    """A transition as far as rules look at it. `kind`: state, missing or health."""

    kind: str
    from_state: str
    to_state: str
    team_id: int
    connection_id: int
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Target:
    """A channel that may be told."""

    channel_id: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Rule:
    """An enabled rule with its enabled channels. `connection_id` None: of every connection."""

    rule_id: int
    team_id: int
    states: frozenset[str]
    connection_id: int | None
    created_at: datetime
    targets: tuple[Target, ...]


def alert_name(change: Change) -> str | None:
    """The word a rule uses for this change, or None when no rule can name it.

    >>> from datetime import UTC
    >>> at = datetime(2026, 11, 22, tzinfo=UTC)
    >>> alert_name(Change("health", "rejected", "ok", 1, 1, at))
    'recovered'
    """
    if change.kind == "missing":
        return "missing" if change.to_state == "missing" else None
    if change.kind == "health":
        return _health_name(change.from_state, change.to_state)
    return change.to_state if change.to_state in JOB_STATES else None


def _health_name(before: str, after: str) -> str | None:
    if after in TROUBLES:
        return after
    return "recovered" if after == "ok" and before in TROUBLES else None


def concerned(change: Change, rules: Iterable[Rule]) -> dict[int, int]:
    """Channel id -> id of the first rule that wants it told; each channel once.

    A rule or channel made after the change was recorded does not get it.
    """
    name = alert_name(change)
    if name is None:
        return {}
    found: dict[int, int] = {}
    for rule in rules:
        if not _wants(rule, name, change):
            continue
        for target in rule.targets:
            if target.created_at <= change.recorded_at:
                found.setdefault(target.channel_id, rule.rule_id)
    return found


def _wants(rule: Rule, name: str, change: Change) -> bool:
    return (
        rule.team_id == change.team_id
        and name in rule.states
        and rule.connection_id in {None, change.connection_id}
        and rule.created_at <= change.recorded_at
    )
