"""OpenAI itself: trained tokens only at the end, no end time on failed jobs, result files as base64."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from simulator import dice
from simulator.profiles.base import Body, Profile

if TYPE_CHECKING:
    from simulator.spec import Spec


def job(spec: Spec, _now: float, body: Body) -> Body:
    # `error: {}` and `error: null` were both seen on healthy jobs, so both are served.
    if body["error"] is None and dice.digest(spec.id, "error") % 2:
        body["error"] = {}
    return body


def event(spec: Spec, body: Body) -> Body:
    if not body["data"] and dice.digest(spec.id, body["id"], "null") % 2:
        body["data"] = None
    return body


def checkpoint(spec: Spec, body: Body) -> Body:
    body["id"] = "ftckpt_" + dice.code(24, "checkpoint", spec.id, body["step_number"])
    return body


def encode(text: str) -> bytes:
    return b64encode(text.encode())


PROFILE = Profile("openai", job, event, checkpoint, encode)
