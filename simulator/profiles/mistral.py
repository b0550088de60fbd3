"""Mistral: upper-case words, lists of files, events and checkpoints inside the job, no error and no end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator import life, metrics
from simulator.profiles.base import Body, Profile, plain, unchanged

if TYPE_CHECKING:
    from simulator.spec import Spec

WORDS = {
    "validating_files": "VALIDATING",
    "queued": "QUEUED",
    "running": "RUNNING",
    "succeeded": "SUCCESS",
    "failed": "FAILED",
    "cancelled": "CANCELLED",
    # Nothing pauses a job there.
    "paused": "RUNNING",
}
CHECKPOINTS = 10
METRICS = ("train_loss", "valid_loss", "valid_mean_token_accuracy")


def job(spec: Spec, now: float, body: Body) -> Body:
    """The job as a list has it."""
    files = [spec.validation_file] if spec.validation_file else []
    return {
        "id": spec.id,
        "object": "job",
        "auto_start": True,
        "job_type": "completion",
        "model": spec.model,
        "status": word(spec, now),
        "created_at": int(spec.created_at),
        "modified_at": int(changes(spec, now)[-1][0]),
        "training_files": [spec.training_file],
        "validation_files": files,
        "fine_tuned_model": body["fine_tuned_model"],
        "suffix": spec.suffix,
        "integrations": [],
        "trained_tokens": body["trained_tokens"],
        "metadata": {"expected_duration_seconds": int(spec.running_s), "cost": 10.5},
        "hyperparameters": {
            "training_steps": life.plan(spec).total_steps,
            "learning_rate": 0.0001,
            "weight_decay": 0.1,
            "warmup_fraction": 0.05,
            "epochs": life.plan(spec).n_epochs,
        },
        "repositories": [],
    }


def word(spec: Spec, now: float) -> str:
    common = life.status(spec, now)
    if common == "failed" and spec.ends_in == "validating":
        return "FAILED_VALIDATION"
    return WORDS[common]


def changes(spec: Spec, now: float) -> list[tuple[float, str]]:
    """When the status changed so far, and to what; oldest first."""
    times = life.timeline(spec)
    ways = (
        (spec.created_at, "VALIDATING"),
        (times.validated_at, "QUEUED"),
        (times.started_at, "RUNNING"),
    )
    passed = [(at, name) for at, name in ways if at <= now and at < times.ended_at]
    passed = passed or [(spec.created_at, "VALIDATING")]
    if now >= times.ended_at and spec.outcome != "paused":
        passed.append((times.ended_at, word(spec, now)))
    return passed


def events(spec: Spec, now: float) -> list[Body]:
    """Newest first; the reason of a failure is in the last one only."""
    told: list[Body] = []
    for at, name in reversed(changes(spec, now)):
        about: Body = {"status": name}
        if name.startswith("FAILED"):
            about["error"] = (spec.error or {}).get("message", "The job failed.")
        told.append({"name": "status-updated", "data": about, "created_at": int(at)})
    return told


def checkpoints(spec: Spec, now: float) -> list[Body]:
    """Newest first, all of them."""
    apart = max(life.plan(spec).total_steps // CHECKPOINTS, 1)
    steps = range(apart, life.steps_done(spec, now) + 1, apart)
    return [_checkpoint(spec, step) for step in reversed(steps)]


def _checkpoint(spec: Spec, step: int) -> Body:
    numbers = metrics.at_step(spec, step)
    return {
        "metrics": {name: numbers.get(name) for name in METRICS},
        "step_number": step,
        "created_at": int(life.step_at(spec, step)),
    }


PROFILE = Profile("mistral", job, unchanged, unchanged, plain)
