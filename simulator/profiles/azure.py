"""Azure OpenAI: its own words, -1 for auto, null and absent members, events after the end, plain CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator import dice, life
from simulator.profiles.base import Body, Profile, plain

if TYPE_CHECKING:
    from simulator.spec import Spec

WORDS = {"validating_files": "pending", "queued": "pending"}
MESSAGES = {"The job has successfully completed": "Job succeeded."}
COLUMNS = {
    "train_loss": "train_loss",
    "train_mean_token_accuracy": "train_mean_token_accuracy",
    "valid_loss": "valid_loss",
    "validation_mean_token_accuracy": "valid_mean_token_accuracy",
    "full_valid_loss": "full_valid_loss",
    "full_valid_mean_token_accuracy": "full_valid_mean_token_accuracy",
}
ABSENT = ("user_provided_suffix", "usage_metrics", "shared_with_openai", "eval_id")


def job(spec: Spec, now: float, body: Body) -> Body:
    body["status"] = WORDS.get(str(body["status"]), body["status"])
    asked = body["hyperparameters"]
    if isinstance(asked, dict):
        body["hyperparameters"] = {
            name: -1 if value == "auto" else value for name, value in asked.items()
        }
    for name in ("organization_id", "integrations", "metadata", "method"):
        body[name] = body[name] if name == "method" and spec.method != "supervised" else None
    body["result_files"] = body["result_files"] or None
    if body["fine_tuned_model"]:
        body["fine_tuned_model"] = model_name(spec)
    if life.is_over(spec, now) and spec.outcome != "paused":
        body["finished_at"] = int(life.timeline(spec).ended_at)
    if body["status"] == "cancelled":
        body.pop("fine_tuned_model")
    return {name: value for name, value in body.items() if name not in ABSENT}


def event(_spec: Spec, body: Body) -> Body:
    body["id"] = event_id(str(body["id"]))
    body["level"] = "warning" if body["level"] == "warn" else body["level"]
    body["message"] = MESSAGES.get(str(body["message"]), body["message"])
    numbers = body.pop("data")
    if isinstance(numbers, dict) and numbers:
        numbers.pop("total_steps", None)
        body["data"] = numbers
        if "train_loss" in numbers:
            body["message"] = f"Step {numbers['step']}: training loss={numbers['train_loss']}"
    return body


def event_id(common: str) -> str:
    return "ftevent-" + dice.hexcode(common)


def checkpoint(spec: Spec, body: Body) -> Body:
    step, is_last = body["step_number"], body["step_number"] == life.plan(spec).total_steps
    body["id"] = "ftchkpt-" + dice.hexcode("checkpoint", spec.id, step)
    body["fine_tuned_model_checkpoint"] = model_name(spec) + (
        "" if is_last else f":ckpt-step-{step}"
    )
    numbers = body["metrics"]
    if isinstance(numbers, dict):
        numbers["step"] = float(numbers["step"])
    return body


def model_name(spec: Spec) -> str:
    return f"{spec.model}.ft-{dice.hexcode('model', spec.id)}"


PROFILE = Profile(
    "azure",
    job,
    event,
    checkpoint,
    plain,
    columns=COLUMNS,
    missing_cell="-1",
    has_late_events=True,
    event_id=event_id,
)
