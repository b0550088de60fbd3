"""The events of a job's life, told in the words of OpenAI. Pure: (spec, now) -> beats; a beat -> an event."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from simulator import curves, dice, life, metrics

if TYPE_CHECKING:
    from simulator.spec import Spec


class Beat(NamedTuple):
    """One event to come: when, which, and for which step (0 = none). Its text is made when somebody asks."""

    at: float
    name: str
    step: int = 0


MESSAGES = {
    "created": "Created fine-tuning job: {id}",
    "validating": "Validating training file: {training_file}",
    "validated": "Files validated, moving job to queued state",
    "started": "Fine-tuning job started",
    "checkpoint": "Checkpoint created at step {step}",
    "moderation": "Evaluating model against our usage policies before enabling",
    "model": "New fine-tuned model created",
    "succeeded": "The job has successfully completed",
    "cancelled": "Fine-tuning job cancelled",
    "paused": "Fine-tuning job paused",
    "resumed": "Fine-tuning job resumed, moving job to queued state",
    "continued": "Fine-tuning job running again",
    "failed": "{error}",
    "results": "Completed results file: {result_file}",
    "postprocessing": "Postprocessing started.",
    "billed": "Training hours billed: {hours:.3f}",
    "diverging": "Training loss is rising; consider a smaller learning rate multiplier",
}
LEVELS = {"failed": "error", "diverging": "warn"}
LATE = ("postprocessing", "results", "billed")


@lru_cache(maxsize=4096)
def script(spec: Spec, late: bool) -> tuple[Beat, ...]:
    """All events the life will have, oldest first."""
    times = life.timeline(spec)
    beats = [
        Beat(spec.created_at, "created"),
        Beat(spec.created_at, "validating"),
        Beat(times.validated_at, "validated"),
        Beat(times.started_at, "started"),
        *_training(spec),
        *_breaks(spec),
        Beat(times.trained_at, "moderation"),
    ]
    happened = [beat for beat in beats if _happens(spec, beat, times.ended_at)]
    if spec.breaks:
        happened.sort(key=lambda beat: beat.at)
    return tuple(happened + _ending(spec, times.ended_at, late))


def _breaks(spec: Spec) -> list[Beat]:
    beats = []
    ended_at = life.timeline(spec).ended_at
    for number, (began_at, queued_at, running_at) in enumerate(spec.breaks):
        beats.append(Beat(began_at, "paused", number))
        if queued_at >= ended_at:
            continue  # cancelled while it was paused
        beats.append(Beat(queued_at, "resumed", number))
        beats.append(Beat(running_at, "continued", number))
    return beats


def _happens(spec: Spec, beat: Beat, ended_at: float) -> bool:
    # A failure in validation ends the job at the very moment at which it would have been validated.
    if spec.outcome == "succeeded" or beat.step:
        return beat.at <= ended_at
    return beat.at < ended_at


def _training(spec: Spec) -> list[Beat]:
    beats = []
    for step in range(1, life.plan(spec).total_steps + 1):
        if life.is_logged(spec, step):
            beats.append(Beat(life.step_at(spec, step), "step", step))
        if life.is_epoch_end(spec, step):
            beats.append(Beat(life.step_at(spec, step), "checkpoint", step))
    diverging = curves.SHAPES[spec.curve].diverges_at
    if diverging is not None and spec.method != "reinforcement":
        step = max(1, round(life.plan(spec).total_steps * (diverging + 0.15)))
        beats.append(Beat(life.step_at(spec, step), "diverging", step))
    return sorted(beats, key=lambda beat: (beat.at, beat.step))


def _ending(spec: Spec, ended_at: float, late: bool) -> list[Beat]:
    if spec.outcome == "paused":
        # Numbered, so that this event is still the same one after the job went on.
        return [Beat(ended_at, "paused", len(spec.breaks))]
    if spec.outcome != "succeeded":
        return [Beat(ended_at, spec.outcome)]
    ending = [Beat(ended_at, "model"), Beat(ended_at, "succeeded")]
    if late:
        return ending + [Beat(ended_at + spec.late_s, name) for name in LATE]
    return ending


def told(spec: Spec, now: float, *, late: bool) -> tuple[Beat, ...]:
    """The events so far, oldest first."""
    beats = script(spec, late)
    return beats[: bisect_right(beats, now, key=lambda beat: beat.at)]


def event_id(spec: Spec, beat: Beat) -> str:
    return "ftevent-" + dice.code(24, "event", spec.id, beat.name, beat.step)


def event(spec: Spec, beat: Beat) -> dict[str, object]:
    """The event as OpenAI writes it."""
    numbers = metrics.at_step(spec, beat.step) if beat.name == "step" else {}
    return {
        "object": "fine_tuning.job.event",
        "id": event_id(spec, beat),
        "created_at": int(beat.at),
        "level": LEVELS.get(beat.name, "info"),
        "message": _step_message(numbers) if numbers else _message(spec, beat),
        "data": numbers,
        "type": "metrics" if numbers else "message",
    }


def _message(spec: Spec, beat: Beat) -> str:
    times = life.timeline(spec)
    text = MESSAGES[beat.name]
    if beat.name == "validating" and spec.validation_file:
        text += f" and validation file: {spec.validation_file}"
    return text.format(
        id=spec.id,
        training_file=spec.training_file,
        result_file=spec.result_file,
        step=beat.step,
        error=(spec.error or {}).get("message", "The job failed"),
        hours=max(times.ended_at - times.started_at, 0.0) / 3600
        if spec.outcome == "succeeded"
        else 0,
    )


def _step_message(numbers: dict[str, object]) -> str:
    start = f"Step {numbers['step']}/{numbers['total_steps']}: "
    if "train_mean_reward" in numbers:
        return f"{start}mean train reward={numbers['train_mean_reward']:.3f}"
    parts = [f"training loss={numbers['train_loss']:.2f}"]
    if "valid_loss" in numbers:
        parts.append(f"validation loss={numbers['valid_loss']:.2f}")
    if "full_valid_loss" in numbers:
        parts.append(f"full validation loss={numbers['full_valid_loss']:.2f}")
    return start + ", ".join(parts)
