"""Together: own words, times as text, events without ids, curves apart from the events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from simulator import life, metrics, story
from simulator.profiles.base import Body, Profile, plain, unchanged

if TYPE_CHECKING:
    from simulator.spec import Spec

WORDS = {
    "validating_files": "pending",
    "queued": "queued",
    "running": "running",
    "succeeded": "completed",
    "failed": "error",
    "cancelled": "cancelled",
    # Nothing pauses a job there.
    "paused": "running",
}
TYPES = {
    "created": "job_pending",
    "validating": "training_data_downloading",
    "validated": "training_data_download_complete",
    "started": "training_start",
    "checkpoint": "checkpoint_save",
    "diverging": "warning",
    "moderation": "model_uploading",
    "model": "model_upload_complete",
    "succeeded": "job_complete",
    "failed": "job_error",
    "cancelled": "cancel_requested",
}
LEVELS = {"failed": "Error", "diverging": "Warning"}
METHODS = {"supervised": "sft"}
NANOSECONDS = 10**9


def job(spec: Spec, now: float, body: Body) -> Body:
    """The job as a list has it: without its events."""
    run, done = life.plan(spec), life.steps_done(spec, now)
    return {
        "id": spec.id,
        "status": word(spec, now),
        "training_file": spec.training_file,
        "validation_file": spec.validation_file or "",
        "model": spec.model,
        # Decided at the start, long before there is a model.
        "model_output_name": f"acme/{spec.model.rpartition('/')[2]}-{spec.suffix}",
        "created_at": iso(spec.created_at),
        "updated_at": iso(changed_at(spec, now)),
        "n_epochs": run.n_epochs,
        "n_checkpoints": run.n_epochs,
        "batch_size": spec.requested.get("batch_size", "max"),
        "learning_rate": 0.00001,
        "warmup_ratio": 0,
        "training_method": {"method": METHODS.get(spec.method, spec.method)},
        "training_type": {"type": "Lora", "lora_r": 8, "lora_alpha": 16},
        "suffix": spec.suffix,
        "token_count": life.tokens(spec, now),
        "total_price": 1500 if body["fine_tuned_model"] else 0,
        "epochs_completed": done // run.steps_per_epoch,
        "from_checkpoint": (spec.metadata or {}).get("from_checkpoint", ""),
        "wandb_project_name": "",
        "wandb_url": "",
        "progress": progress(spec, now),
        "events": [],
    }


def word(spec: Spec, now: float) -> str:
    common = life.status(spec, now)
    if common == "failed" and spec.ends_in == "validating":
        return "user_error"
    if common == "running" and now >= life.timeline(spec).trained_at:
        return "uploading"
    return WORDS[common]


def changed_at(spec: Spec, now: float) -> float:
    times = life.timeline(spec)
    moments = (times.validated_at, times.started_at, times.trained_at, times.ended_at)
    ended_at = times.ended_at
    return max([at for at in moments if at <= min(now, ended_at)], default=spec.created_at)


def progress(spec: Spec, now: float) -> Body:
    """Counts down with every look."""
    is_known = life.status(spec, now) == "running"
    left = max(life.timeline(spec).ended_at - now, 0) if is_known else 0
    return {"estimate_available": is_known, "seconds_remaining": int(left)}


def events(spec: Spec, now: float) -> list[Body]:
    """Oldest first, without the steps."""
    beats = story.told(spec, now, late=False)
    return [_event(spec, beat) for beat in beats if beat.name in TYPES]


def _event(spec: Spec, beat: story.Beat) -> Body:
    common = story.event(spec, beat)
    return {
        "object": "fine-tune-event",
        "created_at": iso(beat.at),
        "level": LEVELS.get(beat.name),
        "message": common["message"],
        "type": TYPES[beat.name],
        "step": beat.step,
        "total_steps": life.plan(spec).total_steps,
        "token_count": 0,
        "param_count": 0,
        "checkpoint_path": "",
        "hash": "",
    }


def curves(spec: Spec, now: float) -> list[Body]:
    """Rows of training and, at evaluations, rows of evaluation; in the order of time."""
    rows: list[Body] = []
    for step in range(1, life.steps_done(spec, now) + 1):
        if life.is_logged(spec, step):
            rows += _rows(spec, step)
    return rows


def _rows(spec: Spec, step: int) -> list[Body]:
    numbers, at = metrics.losses(spec, step), int(life.step_at(spec, step) * NANOSECONDS)
    epoch = step / life.plan(spec).steps_per_epoch
    train: Body = {
        "timestamp": at,
        "train/global_step": step,
        "train/epoch": epoch,
        "train/loss": numbers["train_loss"],
        "train/learning_rate": 0.00001,
    }
    if "valid_loss" not in numbers:
        return [train]
    return [
        train,
        {"timestamp": at, "eval/global_step": step, "eval/loss": numbers["valid_loss"]},
    ]


def checkpoints(spec: Spec, now: float) -> list[Body]:
    """Newest first."""
    last = life.plan(spec).total_steps
    return [
        {
            "step": step,
            "created_at": iso(life.step_at(spec, step)),
            "path": f"s3://tuned/{spec.id}/{step}",
            "checkpoint_type": "Final" if step == last else "Intermediate",
        }
        for step in life.checkpoint_steps(spec, now)
    ]


def iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


PROFILE = Profile("together", job, unchanged, unchanged, plain)
