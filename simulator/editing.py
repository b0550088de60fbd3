"""Changes to a life that already began: end it now, or hurry it to its next phase. Pure: spec -> spec."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from simulator import life
from simulator.scenarios import FAILURES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.spec import Spec


class Refused(Exception):
    """The life cannot take this turn; the message says why."""


def finish(spec: Spec, now: float, outcome: str, error: Mapping[str, object] | None = None) -> Spec:
    """The same life until now, ended now. Raises Refused for a job that is over or paused."""
    if life.is_over(spec, now):
        raise Refused(f"Job {spec.id} cannot change any more: it is {spec.outcome}")
    if outcome == "succeeded":
        return replace(spec, outcome=outcome, error=None, hurried_at=now, stopped_at=None)
    error = error or (FAILURES["server_error"].error if outcome == "failed" else None)
    return replace(spec, outcome=outcome, error=error, stopped_at=now)


def advance(spec: Spec, now: float) -> Spec:
    """The next phase begins now. Raises Refused for a job that is over."""
    word = life.status(spec, now)
    if word == "validating_files":
        return replace(spec, validating_s=now - spec.created_at)
    if word == "queued":
        return replace(spec, queued_s=now - life.timeline(spec).validated_at)
    return finish(spec, now, spec.outcome, spec.error)
