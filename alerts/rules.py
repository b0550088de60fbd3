"""Pure: which changes concern which channels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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
    "stuck": "Stuck in a state",
    "no_progress": "No progress",
    "diverging": "Loss diverges",
    "overfitting": "Overfitting",
    "eta_slipped": "Finish time slipped",
    "retiring": "Base model retires",
    "recovered": "Recovered: a trouble is over",
}
JOB_STATES = frozenset({"succeeded", "failed", "cancelled"})
TROUBLES = frozenset({"rejected", "unreachable", "out_of_quota", "unreadable"})
CONDITIONS = frozenset(
    {"stuck", "no_progress", "diverging", "overfitting", "eta_slipped", "retiring"}
)


@dataclass(frozen=True, slots=True)
class Change:
    """A transition as far as rules look at it. `kind`: state, missing, health or condition."""

    kind: str
    from_state: str
    to_state: str
    team_id: int
    connection_id: int
    recorded_at: datetime
    base_model: str = ""  # of the job, or the one that retires
    metadata: Mapping[str, str] = field(default_factory=dict)  # of the job


@dataclass(frozen=True, slots=True)
class Target:
    """A channel that may be told."""

    channel_id: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Rule:
    """An enabled rule with its enabled channels. No `connection_ids`: of every connection."""

    rule_id: int
    team_id: int
    states: frozenset[str]
    connection_ids: frozenset[int]
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
    if change.kind == "condition":
        return change.to_state if change.to_state in CONDITIONS | {"recovered"} else None
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
        and (not rule.connection_ids or change.connection_id in rule.connection_ids)
        and rule.created_at <= change.recorded_at
    )
