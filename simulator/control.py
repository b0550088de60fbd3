"""The routes under /_control, with which tests and demos steer the simulator. Not part of the imitated API.

POST   /_control/faults   {"match", "times", "method", "key", "share", "fault": {"kind", ...}} -> {"number"}
GET    /_control/faults   -> {"data": [{"number", "match", "times", "hits", "kind"}]}
DELETE /_control/faults[?number=N]
POST   /_control/jobs     members of a Spec, or {"raw": job, "events", "checkpoints", "files"} -> the job
POST   /_control/advance  {"id"} -> the job, in its next phase
POST   /_control/finish   {"id", "outcome", "error"} -> the job, over
POST   /_control/key      {"require": KEY or null}, {"revoke": KEY or null}, {"restore": KEY or null}
GET    /_control/journal[?after=SERIAL&limit=N] -> {"data": [...]}
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator import curves, editing, render
from simulator.exchange import Answer, ApiError, Request, answer_json, read_object
from simulator.faults import Switchboard, WrongRule, read_rule
from simulator.ledger import Ledger, Stored, Verbatim
from simulator.profiles import PROFILES
from simulator.spec import OUTCOMES, Spec, from_json

if TYPE_CHECKING:
    from simulator.access import Doorman
    from simulator.journal import Journal

PREFIX = "/_control/"


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that can be steered."""

    ledger: Ledger
    switchboard: Switchboard
    doorman: Doorman
    journal: Journal


Route = Callable[[Desk, Request, float], Answer]


def answer(desk: Desk, request: Request, now: float) -> Answer:
    try:
        return _route(request)(desk, request, now)
    except ApiError as error:
        return error.answer()
    except (ValueError, TypeError, WrongRule) as trouble:
        return ApiError(400, str(trouble)).answer()


def _route(request: Request) -> Route:
    # A page in somebody's browser can post here; browsers name its origin, programs send none.
    if "origin" in request.headers:
        raise ApiError(403, "Web pages cannot steer the simulator")
    route = ROUTES.get((request.method, request.path.removeprefix(PREFIX)))
    if route is None:
        raise ApiError(404, f"No such control: {request.method} {request.path}")
    return route


def add_fault(desk: Desk, request: Request, _now: float) -> Answer:
    return answer_json({"number": desk.switchboard.add(read_rule(read_object(request)))}, 201)


def list_faults(desk: Desk, _request: Request, _now: float) -> Answer:
    rules = [
        {
            "number": rule.number,
            "match": rule.match,
            "times": rule.times,
            "hits": rule.hits,
            "kind": rule.fault.kind,
        }
        for rule in desk.switchboard.rules()
    ]
    return answer_json({"data": rules})


def remove_faults(desk: Desk, request: Request, _now: float) -> Answer:
    number = request.first("number")
    return answer_json(
        {"removed": desk.switchboard.remove(None if number is None else int(number))}
    )


def add_job(desk: Desk, request: Request, now: float) -> Answer:
    body = read_object(request)
    if "raw" in body:
        return _add_verbatim(desk.ledger, body, now)
    world = desk.ledger.state.world
    # Seconds before now, so that a test needs no clock of its own.
    age = body.pop("age_s", 0)
    if not isinstance(age, int | float):
        raise ApiError(400, "age_s must be a number", param="age_s")
    blank = {
        "id": body.get("id") or desk.ledger.new_id(),
        "created_at": now - age,
        "seed": world.seed,
        "profile": world.profile,
        "training_file": "file-training",
    }
    return answer_json(render.job(desk.ledger.keep(_checked(from_json(blank | body))), now), 201)


def _checked(spec: Spec) -> Spec:
    if spec.profile not in PROFILES:
        raise ApiError(400, f"profile must be one of {', '.join(PROFILES)}", param="profile")
    if spec.curve not in curves.SHAPES:
        raise ApiError(400, f"curve must be one of {', '.join(curves.SHAPES)}", param="curve")
    return spec


def _add_verbatim(ledger: Ledger, body: Mapping[str, object], now: float) -> Answer:
    raw = body["raw"]
    if not isinstance(raw, dict) or not isinstance(raw.get("id"), str):
        raise ApiError(400, "raw must be a job object with an id", param="raw")
    created_at = raw.get("created_at")
    known = Verbatim(
        raw["id"],
        float(created_at) if isinstance(created_at, int | float) else now,
        raw,
        _objects(body, "events"),
        _objects(body, "checkpoints"),
    )
    ledger.show_verbatim(known, dict(_file(each) for each in _objects(body, "files")))
    return answer_json(raw, 201)


def _objects(body: Mapping[str, object], name: str) -> tuple[Mapping[str, object], ...]:
    several = body.get(name) or []
    if not isinstance(several, list) or not all(isinstance(each, dict) for each in several):
        raise ApiError(400, f"{name} must be a list of objects", param=name)
    return tuple(several)


def _file(members: Mapping[str, object]) -> tuple[str, Stored]:
    """A file from its object and `content` (text) or `content_base64`."""
    about = {
        name: value for name, value in members.items() if name not in ("content", "content_base64")
    }
    try:
        content = base64.b64decode(str(members.get("content_base64") or ""), validate=True)
    except binascii.Error as trouble:
        raise ApiError(400, "content_base64 is not base64", param="files") from trouble
    if "content" in members:
        content = str(members["content"]).encode()
    return str(about.get("id")), Stored(about, content)


def advance_job(desk: Desk, request: Request, now: float) -> Answer:
    return _change(desk, request, now, editing.advance)


def finish_job(desk: Desk, request: Request, now: float) -> Answer:
    body = read_object(request)
    outcome, error = body.get("outcome", "succeeded"), body.get("error")
    if outcome not in OUTCOMES or not isinstance(outcome, str):
        raise ApiError(400, f"outcome must be one of {', '.join(OUTCOMES)}", param="outcome")
    if not isinstance(error, dict | None):
        raise ApiError(400, "error must be an object", param="error")
    return _change(desk, request, now, lambda spec, at: editing.finish(spec, at, outcome, error))


def _change(
    desk: Desk, request: Request, now: float, change: Callable[[Spec, float], Spec]
) -> Answer:
    known = desk.ledger.job(str(read_object(request).get("id")))
    if not isinstance(known, Spec):
        raise ApiError(404, "No such simulated job", param="id")
    try:
        spec = change(known, now)
    except editing.Refused as refusal:
        raise ApiError(409, str(refusal)) from refusal
    return answer_json(render.job(desk.ledger.keep(spec), now))


def change_key(desk: Desk, request: Request, _now: float) -> Answer:
    body, doorman = read_object(request), desk.doorman
    for name, value in body.items():
        if name not in ("require", "revoke", "restore") or not isinstance(value, str | None):
            raise ApiError(400, "one of require, revoke, restore, with a key or null", param=name)
    if "require" in body:
        doorman.required = _key(body["require"])
    if "revoke" in body:
        doorman.revoked.add(_key(body["revoke"]))
    if "restore" in body:
        doorman.revoked.discard(_key(body["restore"]))
    return answer_json({"required": doorman.required is not None, "revoked": len(doorman.revoked)})


def _key(value: object) -> str | None:
    return value if isinstance(value, str) else None


def read_journal(desk: Desk, request: Request, _now: float) -> Answer:
    after, limit = int(request.first("after") or 0), int(request.first("limit") or 1000)
    return answer_json({"data": desk.journal.since(after, limit)})


ROUTES: dict[tuple[str, str], Route] = {
    ("POST", "faults"): add_fault,
    ("GET", "faults"): list_faults,
    ("DELETE", "faults"): remove_faults,
    ("POST", "jobs"): add_job,
    ("POST", "advance"): advance_job,
    ("POST", "finish"): finish_job,
    ("POST", "key"): change_key,
    ("GET", "journal"): read_journal,
}
