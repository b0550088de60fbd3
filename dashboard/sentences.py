"""Pure: rules, and what they would have done, in words."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from alerts.quiet_hours import QuietHours
from alerts.rules import ANY, RULE_STATES, TROUBLES
from dashboard import words

# As they follow "becomes", and a number: "5 failed".
OF_JOBS: Mapping[str, str] = {
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
    "missing": "missing",
    "stuck": "stuck",
    "no_progress": "motionless",
    "diverging": "diverging",
    "overfitting": "overfitting",
    "eta_slipped": "late",
}
COUNTED: Mapping[str, str] = {
    **OF_JOBS,
    **{name: RULE_STATES[name].lower() for name in TROUBLES},
    "retiring": "base model retiring",
    "recovered": "recovered",
}
NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Part:
    text: str
    is_strong: bool = False


@dataclass(frozen=True, slots=True)
class RuleWords:
    """A rule by names. `states`: in the order of RULE_STATES; what is empty asks for nothing."""

    states: Sequence[str]
    channels: Sequence[str]
    connections: Sequence[str] = ()
    base_models: Sequence[str] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    is_urgent: bool = False
    quiet: QuietHours | None = None


def rule_sentence(rule: RuleWords) -> tuple[Part, ...]:
    """The whole rule as one sentence; joined, its parts have all the spaces they need."""
    parts = [Part("When ")]
    for number, clause in enumerate(_clauses(rule)):
        parts += [Part(", or ")] if number else []
        parts += clause
    parts += [Part(", tell "), Part(", ".join(rule.channels) or NOBODY, is_strong=True)]
    return (*parts, *_loudness(rule), Part("."))


def plain(parts: Iterable[Part]) -> str:
    return "".join(part.text for part in parts)


def listed(names: Collection[str], joint: str) -> str:
    """The names as a sentence lists them.

    >>> listed(["a", "b", "c"], "or")
    'a, b or c'
    """
    *first, last = names or [""]
    return f"{', '.join(first)} {joint} {last}" if first else last


def _clauses(rule: RuleWords) -> Iterator[list[Part]]:
    where = listed(rule.connections, "or")
    on_it = [Part(" on "), Part(where, is_strong=True)] if where else []
    if jobs := [OF_JOBS[name] for name in rule.states if name in OF_JOBS]:
        yield [Part("any job"), *on_it, *_which(rule), *_said("becomes", jobs)]
    if troubles := [RULE_STATES[name].lower() for name in rule.states if name in TROUBLES]:
        yield [Part(where or "any connection", is_strong=bool(where)), *_said("reports", troubles)]
    if "retiring" in rule.states:
        like = [Part(" like "), *_base_models(rule)] if rule.base_models else []
        yield [Part("a base model"), *like, *on_it, *_said("is about to", ["retire"])]
    if "recovered" in rule.states:
        yield [Part("a trouble"), *on_it, *_said("is", ["over"])]


def _said(verb: str, names: Collection[str]) -> list[Part]:
    return [Part(f" {verb} "), Part(listed(names, "or"), is_strong=True)]


def _which(rule: RuleWords) -> list[Part]:
    trained = [Part(" trained from "), *_base_models(rule)] if rule.base_models else []
    if not rule.metadata:
        return trained
    pairs = [
        f"any {key}" if value == ANY else f"{key}={value}"
        for key, value in sorted(rule.metadata.items())  # PostgreSQL keeps no order
    ]
    return [*trained, Part(" with "), Part(listed(pairs, "and"), is_strong=True)]


def _base_models(rule: RuleWords) -> list[Part]:
    return [Part(listed(rule.base_models, "or"), is_strong=True)]


def _loudness(rule: RuleWords) -> list[Part]:
    urgently = [Part(", "), Part("urgently", is_strong=True)] if rule.is_urgent else []
    if rule.quiet is None:
        return urgently
    hours = Part(str(rule.quiet), is_strong=True)
    return [*urgently, Part("; also in its quiet hours " if urgently else "; quiet "), hours]


def would_have_rung(total: int, by_name: Iterable[tuple[str, int]], days: int) -> str:
    """How often a rule would have rung, and for what."""
    if not total:
        return f"It would not have rung in the last {days} days."
    counts = ", ".join(
        f"{words.thin(number)} {COUNTED.get(name, name)}" for name, number in by_name
    )
    return f"It would have rung {times(total)} in the last {days} days: {counts}."


def has_rung(number: int, days: int) -> str:
    return (
        f"Rang {times(number)} in the last {days} days"
        if number
        else f"Has not rung in the last {days} days"
    )


def times(number: int) -> str:
    return "once" if number == 1 else words.counted(number, "time")
