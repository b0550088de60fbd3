"""Pure: which changes concern which channels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from alerts.quiet_hours import QuietHours

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


# What a snooze holds back: troubles of a job that begin. That one is over, and the end of the job,
# are told all the same; who switched it on waits for just that.
SNOOZED = CONDITIONS | {"missing"}
ANY = "*"


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
    """An enabled rule with its enabled channels. What is empty asks for nothing in particular.

    `base_models`: patterns, one of which must fit. `metadata`: all of it must be there, "*" for any
    value. Both speak of jobs: a connection in trouble has neither and is told of all the same.
    """

    rule_id: int
    team_id: int
    states: frozenset[str]
    connection_ids: frozenset[int]
    created_at: datetime
    targets: tuple[Target, ...]
    base_models: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    is_urgent: bool = False
    quiet: QuietHours | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A channel that a rule tells. `quiet_until`: held back until then, in UTC; None: told now."""

    channel_id: int
    rule_id: int
    is_urgent: bool = False
    quiet_until: datetime | None = None

    @property
    def haste(self) -> tuple[bool, bool, float]:
        """The smaller, the sooner: urgent, then at once, then what is held the shortest."""
        held_until = self.quiet_until.timestamp() if self.quiet_until else 0.0
        return not self.is_urgent, self.quiet_until is not None, held_until


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


def concerned(change: Change, rules: Iterable[Rule], now: datetime) -> tuple[Told, ...]:
    """Each channel that is to be told, once: by the most hasty rule, of equal ones by the first.

    A rule or channel made after the change was recorded does not get it. `now`: the database's.
    """
    name = alert_name(change)
    if name is None:
        return ()
    found: dict[int, Told] = {}
    for rule in rules:
        if not wants(rule, name, change):
            continue
        quiet_until = None if rule.is_urgent or not rule.quiet else rule.quiet.until(now)
        for target in rule.targets:
            if target.created_at > change.recorded_at:
                continue
            told = Told(target.channel_id, rule.rule_id, rule.is_urgent, quiet_until)
            known = found.setdefault(told.channel_id, told)
            if told.haste < known.haste:
                found[told.channel_id] = told
    return tuple(found.values())


def wants(rule: Rule, name: str, change: Change) -> bool:
    """Whether a rule asks for this change, which is called `name`."""
    return (
        rule.team_id == change.team_id
        and name in rule.states
        and (not rule.connection_ids or change.connection_id in rule.connection_ids)
        and rule.created_at <= change.recorded_at
        and _is_trained_from(rule, change)
        and _has_metadata(rule, change)
    )


def _is_trained_from(rule: Rule, change: Change) -> bool:
    if not rule.base_models or change.kind == "health":
        return True
    return any(fits(pattern, change.base_model) for pattern in rule.base_models)


def _has_metadata(rule: Rule, change: Change) -> bool:
    """A base model that retires concerns no single job, so it has no metadata either."""
    if change.kind == "health" or "retiring" in {change.from_state, change.to_state}:
        return True
    return all(
        key in change.metadata and value in {ANY, str(change.metadata[key])}
        for key, value in rule.metadata
    )


def fits(pattern: str, text: str) -> bool:
    """Whether all of `text` is as the pattern says; "*" stands for anything, case for nothing.

    Its parts are looked for one after the other, so no pattern takes longer than reading the text
    once a part.

    >>> fits("GPT-4o*mini*", "gpt-4o-mini-2024-07-18"), fits("mini", "gpt-4o-mini")
    (True, False)
    """
    text = text.casefold()
    first, *others = pattern.casefold().split(ANY)
    if not others:
        return text == first
    *middle, last = others
    if not text.startswith(first):
        return False
    at = len(first)
    for part in middle:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return text.endswith(last) and at <= len(text) - len(last)
