"""Spec and now -> the objects of the API, in the dialect of the job's profile."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from simulator import dice, life, metrics, story
from simulator.profiles import PROFILES

if TYPE_CHECKING:
    from simulator.profiles.base import Body, Profile
    from simulator.spec import Spec

ORGANIZATION = "org-4vKq8TunedSimulator"
ACCOUNT_NAME = "acme"


def profile_of(spec: Spec) -> Profile:
    return PROFILES[spec.profile]


def job(spec: Spec, now: float) -> Body:
    """The job object as a retrieve answers it."""
    word = life.status(spec, now)
    succeeded = word == "succeeded"
    numbers = hyperparameters(spec, now)
    body: Body = {
        "object": "fine_tuning.job",
        "id": spec.id,
        "model": spec.model,
        "created_at": int(spec.created_at),
        "finished_at": int(life.timeline(spec).ended_at)
        if word in ("succeeded", "cancelled")
        else None,
        "fine_tuned_model": model_name(spec) if succeeded else None,
        "organization_id": ORGANIZATION,
        "result_files": [spec.result_file] if succeeded else [],
        "status": word,
        "validation_file": spec.validation_file,
        "training_file": spec.training_file,
        # Seen on DPO jobs: the top level says nothing, the numbers are under `method`.
        "hyperparameters": numbers if spec.method == "supervised" else None,
        "trained_tokens": life.tokens(spec, now) if succeeded else None,
        "error": _error(spec) if word == "failed" else None,
        "user_provided_suffix": spec.suffix,
        "seed": spec.seed,
        "estimated_finish": life.estimated_finish(spec, now),
        "integrations": list(spec.integrations),
        "metadata": spec.metadata,
        "usage_metrics": None,
        "shared_with_openai": False,
        "eval_id": None,
        "method": _method(spec, numbers),
    }
    return profile_of(spec).job(spec, now, body)


def hyperparameters(spec: Spec, now: float) -> dict[str, object]:
    """As asked until the files are validated, with numbers from then on."""
    times = life.timeline(spec)
    decided = times.validated_at <= now and times.validated_at < times.ended_at
    return dict(life.resolved(spec)) if decided else life.requested(spec)


def _method(spec: Spec, numbers: dict[str, object]) -> Body:
    block: Body = {"hyperparameters": numbers}
    if spec.method == "reinforcement":
        block["grader"] = spec.grader
    return {"type": spec.method, spec.method: block}


def _error(spec: Spec) -> Body:
    blank: Body = {"code": "server_error", "message": "The job failed.", "param": None}
    return blank | dict(spec.error or {})


def model_name(spec: Spec) -> str:
    """Name of the fine-tuned model: ft:base:account:suffix:code."""
    return ":".join(
        ("ft", spec.model, ACCOUNT_NAME, spec.suffix or "", dice.code(8, "model", spec.id))
    )


def event_id(spec: Spec, beat: story.Beat) -> str:
    return profile_of(spec).event_id(story.event_id(spec, beat))


def event(spec: Spec, beat: story.Beat) -> Body:
    return profile_of(spec).event(spec, story.event(spec, beat))


def beats(spec: Spec, now: float) -> list[story.Beat]:
    """Events so far, newest first."""
    told = story.told(spec, now, late=profile_of(spec).has_late_events)
    return list(reversed(told))


def checkpoint(spec: Spec, step: int) -> Body:
    is_last = step == life.plan(spec).total_steps
    numbers = metrics.at_step(spec, step)
    kept = {
        name: value
        for name, value in numbers.items()
        if isinstance(value, int | float) and name != "total_steps"
    }
    body: Body = {
        "object": "fine_tuning.job.checkpoint",
        "id": "",
        "created_at": int(life.step_at(spec, step)),
        "fine_tuned_model_checkpoint": model_name(spec) + ("" if is_last else f":ckpt-step-{step}"),
        "metrics": kept,
        "fine_tuning_job_id": spec.id,
        "step_number": step,
    }
    return profile_of(spec).checkpoint(spec, body)


@lru_cache(maxsize=256)
def result_content(spec: Spec) -> bytes:
    """The bytes of the result file."""
    profile = profile_of(spec)
    return profile.encode(metrics.result_csv(spec, profile.columns, profile.missing_cell))


def file(identity: str, content: bytes, *, created_at: float, filename: str, purpose: str) -> Body:
    """A file object."""
    return {
        "object": "file",
        "id": identity,
        "purpose": purpose,
        "filename": filename,
        "bytes": len(content),
        "created_at": int(created_at),
        "status": "processed",
        "status_details": None,
    }
