"""A server that copied OpenAI's path and little else: a job with five members, at an address to be known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.profiles.base import Body, Profile, plain, unchanged

if TYPE_CHECKING:
    from simulator.spec import Spec

MEMBERS = ("id", "status", "model", "created_at", "training_file")


def job(_spec: Spec, _now: float, body: Body) -> Body:
    few = {name: body[name] for name in MEMBERS}
    # Such a server says what went wrong in a text.
    return few | {"error": error["message"]} if isinstance(error := body["error"], dict) else few


PROFILE = Profile("generic", job, unchanged, unchanged, plain)
