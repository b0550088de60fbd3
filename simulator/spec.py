"""What is decided about a job before it lives. Everything the API says follows from (spec, now)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator import dice

if TYPE_CHECKING:
    from collections.abc import Mapping

METHODS = ("supervised", "dpo", "reinforcement")
OUTCOMES = ("succeeded", "failed", "cancelled", "paused")
PHASES = ("validating", "queued", "running")

Break = tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Spec:
    """One job. Times are unix seconds, durations real seconds (already divided by the speed).

    `outcome` strikes at the share `ends_at` of the phase `ends_in`, or at the moment `stopped_at`.
    From `hurried_at` on, all that is left of a life happens at once. `breaks`: for each pause that is over, when
    it began, when the job was queued again and when it ran on. `stalls_at`: the share of the training after which
    nothing happens any more, while the job says it runs. `intended`: of a paused job, what a resume brings
    back. Compared by identity, so caches can hold it.
    """

    id: str
    created_at: float
    seed: int
    model: str = "gpt-4o-mini-2024-07-18"
    method: str = "supervised"
    profile: str = "openai"
    suffix: str | None = None
    requested: Mapping[str, object] = field(default_factory=dict)
    n_examples: int = 240
    tokens_per_example: int = 310
    training_file: str = ""
    validation_file: str | None = None
    curve: str = "steady"
    grader: Mapping[str, object] | None = None
    integrations: tuple[Mapping[str, object], ...] = ()
    metadata: Mapping[str, str] | None = None
    validating_s: float = 20.0
    queued_s: float = 30.0
    running_s: float = 300.0
    late_s: float = 36.0
    outcome: str = "succeeded"
    error: Mapping[str, object] | None = None
    ends_in: str = "running"
    ends_at: float = 1.0
    stopped_at: float | None = None
    hurried_at: float | None = None
    breaks: tuple[Break, ...] = ()
    stalls_at: float | None = None
    intended: Mapping[str, object] | None = None

    @property
    def result_file(self) -> str:
        return result_file_id(self.id)


FIELDS = frozenset(spec_field.name for spec_field in dataclasses.fields(Spec))
NUMBERS = ("created_at", "validating_s", "queued_s", "running_s", "late_s", "ends_at")
MOMENTS = ("stopped_at", "hurried_at", "stalls_at")
WHOLE_NUMBERS = ("seed", "n_examples", "tokens_per_example")
OBJECTS = ("requested", "error", "grader", "metadata", "intended")


def job_id(*parts: object) -> str:
    return "ftjob-" + dice.code(24, "job", *parts)


def result_file_id(job: str) -> str:
    return "file-" + dice.code(22, "result", job)


def to_json(spec: Spec) -> dict[str, object]:
    return dataclasses.asdict(spec)


def from_json(fields: Mapping[str, object]) -> Spec:
    """The spec these members describe. Raises ValueError naming the first member that is unknown or out of range."""
    unknown = sorted(set(fields) - FIELDS)
    if unknown:
        raise ValueError(f"unknown member: {unknown[0]}")
    known = {name: _checked(name, value) for name, value in fields.items()}
    return Spec(**known)  # type: ignore[arg-type]  # each member was checked just above


def _checked(name: str, value: object) -> object:
    if name in NUMBERS and not _is_number(value):
        raise ValueError(f"{name} must be a number >= 0")
    if name in MOMENTS and value is not None and not _is_number(value):
        raise ValueError(f"{name} must be a number >= 0 or null")
    if name in WHOLE_NUMBERS and (isinstance(value, bool) or not isinstance(value, int)):
        raise ValueError(f"{name} must be a whole number")
    if name in _CHOICES and value not in _CHOICES[name]:
        raise ValueError(f"{name} must be one of {', '.join(_CHOICES[name])}")
    if name in OBJECTS and not isinstance(value, dict | None):
        raise ValueError(f"{name} must be an object")
    if name == "breaks":
        return _breaks(value)
    if name == "integrations":
        return _integrations(value)
    return _text(name, value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _breaks(value: object) -> tuple[Break, ...]:
    several = value if isinstance(value, list | tuple) else [None]
    found = []
    for each in several:
        if not isinstance(each, list | tuple) or not all(map(_is_number, each)):
            raise ValueError("breaks must be a list of three moments each")
        began_at, queued_at, running_at = each
        found.append((began_at, queued_at, running_at))
    return tuple(found)


def _integrations(value: object) -> tuple[object, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(each, dict) for each in value):
        raise ValueError("integrations must be a list of objects")
    return tuple(value)


def _text(name: str, value: object) -> object:
    texts = ("id", "model", "training_file", "curve", "profile")
    if name in texts and not isinstance(value, str):
        raise ValueError(f"{name} must be a string")
    return value


_CHOICES: dict[str, tuple[str, ...]] = {"method": METHODS, "outcome": OUTCOMES, "ends_in": PHASES}
