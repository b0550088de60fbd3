"""When things happen in a job's life. Pure: (spec, now) -> state, step, tokens."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.spec import Spec

# The rest of the running phase goes to writing results and to safety checks, as the providers do.
TRAINING_SHARE = 0.96
# OpenAI keeps the checkpoints of the last three epochs.
KEPT_CHECKPOINTS = 3
# A job that stalls would go on after this.
STALL_S = 10 * 365 * 86400.0

AUTO: dict[str, dict[str, object]] = {
    "supervised": {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"},
    "dpo": {
        "n_epochs": "auto",
        "batch_size": "auto",
        "learning_rate_multiplier": "auto",
        "beta": "auto",
    },
    "reinforcement": {
        "n_epochs": "auto",
        "batch_size": "auto",
        "learning_rate_multiplier": "auto",
        "reasoning_effort": "default",
        "compute_multiplier": "auto",
        "eval_interval": "auto",
        "eval_samples": "auto",
    },
}


@dataclass(frozen=True, slots=True)
class Timeline:
    """Unix seconds. A phase that the outcome forestalls begins after `ended_at` and never comes."""

    validated_at: float
    started_at: float
    trained_at: float
    ended_at: float


@dataclass(frozen=True, slots=True)
class Plan:
    """Numbers of the training run once "auto" is decided."""

    n_epochs: int
    batch_size: int
    steps_per_epoch: int
    total_steps: int
    eval_interval: int
    log_interval: int


@lru_cache(maxsize=16384)
def timeline(spec: Spec) -> Timeline:
    validated_at = spec.created_at + spec.validating_s
    started_at = validated_at + spec.queued_s
    trained_at = delayed(spec, started_at + spec.running_s * TRAINING_SHARE) + _stall(spec, 1.0)
    limit = math.inf if spec.hurried_at is None else spec.hurried_at
    ended_at = min(delayed(spec, _natural_end(spec, validated_at, started_at)), limit)
    if spec.stopped_at is not None:
        ended_at = spec.stopped_at
    return Timeline(
        min(validated_at, limit), min(started_at, limit), min(trained_at, limit), ended_at
    )


def delayed(spec: Spec, moment: float) -> float:
    """When something really happens that would happen at this moment if the job had never been paused."""
    for began_at, _, running_at in spec.breaks:
        if moment > began_at:
            moment += running_at - began_at
    return moment


def undelayed(spec: Spec, moment: float) -> float:
    """The other way round; during a pause the time stands still."""
    for began_at, _, running_at in reversed(spec.breaks):
        if moment > began_at:
            moment = max(began_at, moment - (running_at - began_at))
    return moment


def _natural_end(spec: Spec, validated_at: float, started_at: float) -> float:
    if spec.outcome != "succeeded" and spec.ends_in == "validating":
        return validated_at
    if spec.outcome != "succeeded" and spec.ends_in == "queued":
        return started_at
    share = 1.0 if spec.outcome == "succeeded" else spec.ends_at
    return started_at + spec.running_s * share + _stall(spec, share)


def _stall(spec: Spec, share: float) -> float:
    """How much later than planned that share of the training is reached."""
    return STALL_S if spec.stalls_at is not None and share > spec.stalls_at else 0.0


def status(spec: Spec, now: float) -> str:
    """OpenAI's word for the state; `paused` for a job that was paused."""
    times = timeline(spec)
    if now >= times.ended_at:
        return spec.outcome
    if now < times.validated_at:
        return "validating_files"
    for began_at, queued_at, running_at in spec.breaks:
        if began_at <= now < running_at:
            return "paused" if now < queued_at else "queued"
    return "queued" if now < times.started_at else "running"


def is_over(spec: Spec, now: float) -> bool:
    """True from the moment on at which nothing in the job object changes any more."""
    return now >= timeline(spec).ended_at


def requested(spec: Spec) -> dict[str, object]:
    """Hyperparameters as they were asked for, "auto" where nothing was."""
    return AUTO[spec.method] | dict(spec.requested)


@lru_cache(maxsize=4096)
def resolved(spec: Spec) -> dict[str, object]:
    """Hyperparameters with a number in the place of each "auto"."""
    run = plan(spec)
    numbers: dict[str, object] = {
        "n_epochs": run.n_epochs,
        "batch_size": run.batch_size,
        "learning_rate_multiplier": 1.8,
        "beta": 0.1,
        "compute_multiplier": 1.0,
        "eval_interval": run.eval_interval,
        "eval_samples": 3,
    }
    return {
        name: numbers[name] if value == "auto" else "medium" if value == "default" else value
        for name, value in requested(spec).items()
    }


@lru_cache(maxsize=16384)
def plan(spec: Spec) -> Plan:
    n_epochs = _number(spec, "n_epochs", 3)
    batch_size = _number(spec, "batch_size", max(1, min(spec.n_examples // 100, 64)))
    steps_per_epoch = max(1, math.ceil(spec.n_examples / batch_size))
    total = steps_per_epoch * n_epochs
    return Plan(
        n_epochs,
        batch_size,
        steps_per_epoch,
        total,
        _number(spec, "eval_interval", max(1, total // 20)),
        max(1, total // 100),
    )


def _number(spec: Spec, name: str, otherwise: int) -> int:
    value = spec.requested.get(name)
    return value if isinstance(value, int) and value > 0 else otherwise


def step_at(spec: Spec, step: int) -> float:
    """The moment at which this step is done."""
    times = timeline(spec)
    share = step / plan(spec).total_steps
    moment = delayed(spec, times.started_at + spec.running_s * TRAINING_SHARE * share)
    moment += _stall(spec, share)
    return (
        moment if spec.hurried_at is None else min(moment, max(spec.hurried_at, times.started_at))
    )


def steps_done(spec: Spec, now: float) -> int:
    """Number of steps done, 0 up to all; never falls as time goes on."""
    times, total = timeline(spec), plan(spec).total_steps
    until = min(now, times.ended_at)
    if until < times.started_at:
        return 0
    if until >= times.trained_at:
        return total
    worked_s = undelayed(spec, until) - times.started_at
    done = int(worked_s / (spec.running_s * TRAINING_SHARE) * total)
    if spec.stalls_at is not None:
        done = min(done, int(spec.stalls_at * total))
    # Division may land one off the moment that step_at names; the events follow step_at, so this does too.
    if done < total and step_at(spec, done + 1) <= until:
        return done + 1
    return done if step_at(spec, done) <= until else done - 1


def tokens(spec: Spec, now: float) -> int:
    """Billable tokens trained so far, epochs included."""
    run = plan(spec)
    return (
        spec.n_examples
        * spec.tokens_per_example
        * run.n_epochs
        * steps_done(spec, now)
        // run.total_steps
    )


def estimated_finish(spec: Spec, now: float) -> int | None:
    """Drifts by a few seconds every 20 s, as real estimates do; None when the job is not running."""
    if status(spec, now) != "running":
        return None
    drift = int(now / 20 + spec.seed) % 5 - 2
    return int(delayed(spec, timeline(spec).started_at + spec.running_s) + drift)


def checkpoint_steps(spec: Spec, now: float) -> tuple[int, ...]:
    """Steps of the epoch ends reached so far, newest first, the last three only."""
    run, done = plan(spec), steps_done(spec, now)
    ends = range(run.steps_per_epoch, done + 1, run.steps_per_epoch)
    return tuple(reversed(ends[-KEPT_CHECKPOINTS:]))


def is_logged(spec: Spec, step: int) -> bool:
    """True for steps that get a metrics event of their own; the result file has them all."""
    run = plan(spec)
    return step % run.log_interval == 0 or is_evaluated(spec, step) or step in (1, run.total_steps)


def is_evaluated(spec: Spec, step: int) -> bool:
    run = plan(spec)
    return step % run.eval_interval == 0 or step == run.total_steps


def is_epoch_end(spec: Spec, step: int) -> bool:
    return step % plan(spec).steps_per_epoch == 0
