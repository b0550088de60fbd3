"""A provider of open models, like Nebius: live token and step counts, more hyperparameters, plain result files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator import life
from simulator.profiles import openai
from simulator.profiles.base import Body, Profile, plain, unchanged

if TYPE_CHECKING:
    from simulator.spec import Spec

MORE_HYPERPARAMETERS: Body = {
    "learning_rate": 0.00001,
    "warmup_ratio": 0.03,
    "weight_decay": 0.01,
    "max_grad_norm": 1.0,
    "lora": True,
    "lora_r": 16,
    "lora_alpha": 32,
    "lora_dropout": 0.05,
    "packing": True,
    "context_length": 8192,
}


def job(spec: Spec, now: float, body: Body) -> Body:
    asked = body["hyperparameters"]
    body["hyperparameters"] = MORE_HYPERPARAMETERS | (asked if isinstance(asked, dict) else {})
    body["organization_id"] = ""
    body["trained_tokens"] = life.tokens(spec, now)
    body["trained_steps"] = life.steps_done(spec, now)
    body["total_steps"] = life.plan(spec).total_steps
    body["suffix"] = body.pop("user_provided_suffix")
    if life.is_over(spec, now) and spec.outcome != "paused":
        body["finished_at"] = int(life.timeline(spec).ended_at)
    for name in ("usage_metrics", "shared_with_openai", "eval_id"):
        body.pop(name)
    return body


PROFILE = Profile("nebius", job, unchanged, openai.checkpoint, plain)
