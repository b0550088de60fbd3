"""Pure: what is known of a job -> which conditions begin and which end.

A condition is raised at one threshold and resolved at another, so that a value near the line does
not ring again and again; what was raised once needs twice as much the next time. docs/conditions.md
has the thresholds in words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jobs.conditions import losses, waits
from jobs.conditions.facts import Facts, Finding, Kind, Open, Step, Usual, Verdict
from jobs.conditions.waits import wants_usual

__all__ = [
    "RULES",
    "Facts",
    "Finding",
    "Kind",
    "Open",
    "Step",
    "Usual",
    "Verdict",
    "decide",
    "wants_usual",
]


@dataclass(frozen=True, slots=True)
class Rule:
    """`end`: why it is over, None while it lasts. `tells_later`: what is not news may become it."""

    find: Callable[[Facts], Finding | None]
    end: Callable[[Facts, Open], str | None]
    tells_later: bool = False


RULES: Mapping[Kind, Rule] = {
    Kind.STUCK: Rule(waits.find_stuck, waits.end_stuck, tells_later=True),
    Kind.NO_PROGRESS: Rule(waits.find_no_progress, waits.end_no_progress),
    Kind.DIVERGING: Rule(losses.find_diverging, losses.end_diverging),
    Kind.OVERFITTING: Rule(losses.find_overfitting, losses.end_overfitting),
    Kind.ETA_SLIPPED: Rule(waits.find_eta_slipped, waits.end_eta_slipped),
}


def decide(facts: Facts) -> tuple[Verdict, ...]:
    """What is to be written now, at most one step for each kind; nothing when nothing changed."""
    if not facts.is_watched:
        return _end_all(facts, "not watched any more", is_silent=True)
    if facts.state.is_over:
        return _end_all(facts, f"the job is over: {facts.state.value}")
    if not facts.is_seen:
        return ()
    found = (_verdict(facts, kind, rule) for kind, rule in RULES.items())
    return tuple(verdict for verdict in found if verdict is not None)


def _verdict(facts: Facts, kind: Kind, rule: Rule) -> Verdict | None:
    known = facts.open.get(kind)
    if known is None:
        return _begin(kind, rule.find(facts))
    reason = rule.end(facts, known)
    if reason is not None:
        return _end(facts, kind, known, reason)
    if known.is_told or not rule.tells_later:
        return None
    found = rule.find(facts)
    if found is None or not found.is_news:
        return None
    return Verdict(kind, Step.TELL, found.reason, found.facts, known.since)


def _begin(kind: Kind, found: Finding | None) -> Verdict | None:
    if found is None:
        return None
    return Verdict(kind, Step.RAISE, found.reason, found.facts, found.since, found.is_news)


def _end_all(facts: Facts, reason: str, *, is_silent: bool = False) -> tuple[Verdict, ...]:
    ends = (_end(facts, kind, known, reason) for kind, known in facts.open.items())
    if not is_silent:
        return tuple(ends)
    return tuple(
        Verdict(end.kind, end.step, end.reason, end.facts, end.since, rings=False) for end in ends
    )


def _end(facts: Facts, kind: Kind, known: Open, reason: str) -> Verdict:
    """Rings only where the beginning did. `lasted_s`: from what began it to our last look."""
    lasted_s = (facts.seen_at - known.since).total_seconds() if known.since else None
    told = {"was": kind.value, "state": facts.state.value, "lasted_s": lasted_s}
    return Verdict(kind, Step.RESOLVE, reason, told, known.since, rings=known.is_told)
