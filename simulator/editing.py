"""Changes to a life that already began: end, pause, resume or hurry it. Pure: spec -> spec."""

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


def cancel(spec: Spec, now: float) -> Spec:
    """The same life, cancelled now, also while it is paused. Raises Refused for a job that is over."""
    if not is_paused(spec, now):
        return finish(spec, now, "cancelled")
    began_at = life.timeline(spec).ended_at
    return replace(
        spec,
        outcome="cancelled",
        stopped_at=now,
        breaks=(*spec.breaks, (began_at, now, now)),
        intended=None,
    )


def pause(spec: Spec, now: float) -> Spec:
    """The same life, paused now. Raises Refused for a job that is not running."""
    word = life.status(spec, now)
    if word != "running":
        raise Refused(f"Job {spec.id} cannot be paused: it is {word}")
    intended = {"outcome": spec.outcome, "error": spec.error, "ends_at": spec.ends_at}
    return replace(spec, outcome="paused", error=None, stopped_at=now, intended=intended)


def resume(spec: Spec, now: float) -> Spec:
    """The same life, queued again now and running on from where it stood. Raises Refused unless it is paused."""
    if not is_paused(spec, now):
        raise Refused(f"Job {spec.id} cannot be resumed: it is {life.status(spec, now)}")
    began_at = life.timeline(spec).ended_at
    again = (began_at, now, now + spec.queued_s)
    plan = spec.intended or {"outcome": "succeeded", "error": None, "ends_at": 1.0}
    changed = replace(spec, stopped_at=None, breaks=(*spec.breaks, again), intended=None)
    return replace(changed, **plan)  # type: ignore[arg-type]  # written by pause, above


def is_paused(spec: Spec, now: float) -> bool:
    return spec.outcome == "paused" and life.is_over(spec, now)


def advance(spec: Spec, now: float) -> Spec:
    """The next phase begins now. Raises Refused for a job that is over."""
    word = life.status(spec, now)
    if word == "validating_files":
        return replace(spec, validating_s=now - spec.created_at)
    if word == "queued":
        return replace(spec, queued_s=now - life.timeline(spec).validated_at)
    return finish(spec, now, spec.outcome, spec.error)
