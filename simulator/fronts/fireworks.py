"""Fireworks' routes: below /accounts/acme, paged by a token, actions after a colon, errors with a code."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from typing import TYPE_CHECKING

from simulator import api, creation, render
from simulator.exchange import Answer, ApiError, answer_json
from simulator.fronts.mistral import body
from simulator.ledger import Verbatim
from simulator.profiles.fireworks import PARENT

if TYPE_CHECKING:
    from simulator.exchange import Request
    from simulator.ledger import Ledger

# Place of the id in /accounts/acme/supervisedFineTuningJobs/{id}.
PLACE = 4
# Codes of gRPC, which its gateway puts into the body.
CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 10, 429: 8}
INTERNAL = 13


def list_jobs(ledger: Ledger, request: Request, now: float, _path: str) -> Answer:
    size = min(int(request.first("pageSize") or 50), 200)
    offset = _offset(request.first("pageToken"))
    found, total = ledger.newest(offset, size)
    following = offset + size
    token = urlsafe_b64encode(str(following).encode()).decode() if following < total else ""
    bodies = [body(known, now) for known in found]
    return answer_json(
        {"supervisedFineTuningJobs": bodies, "nextPageToken": token, "totalSize": total}
    )


def _offset(token: str | None) -> int:
    try:
        return int(urlsafe_b64decode(token)) if token else 0
    except (ValueError, NotBase64) as trouble:
        raise ApiError(400, "invalid page token") from trouble


def retrieve_job(ledger: Ledger, _request: Request, now: float, path: str) -> Answer:
    known = api.known_job(ledger, path, PLACE)
    return answer_json(dict(known.job) if isinstance(known, Verbatim) else render.job(known, now))


def act_on_job(ledger: Ledger, _request: Request, now: float, path: str) -> Answer:
    """Answers an empty object to a cancel, the job to a resume."""
    whole, _, action = path.rpartition(":")
    spec = api.act(ledger, api.known_job(ledger, whole, PLACE), action, now)
    return answer_json({} if action == "cancel" else render.job(spec, now))


def list_models(_ledger: Ledger, _request: Request, _now: float, _path: str) -> Answer:
    names = [f"accounts/fireworks/models/{each['id']}" for each in creation.base_models()]
    return answer_json({"models": [{"name": name} for name in names], "nextPageToken": ""})


def refusal(error: ApiError) -> Answer:
    code = CODES.get(error.status, INTERNAL)
    return answer_json({"code": code, "message": error.message, "details": []}, error.status)


_JOBS = f"/{PARENT}/supervisedFineTuningJobs"
ROUTES: api.Routes = (
    ("GET", re.compile(_JOBS), list_jobs),
    ("GET", re.compile(_JOBS + "/[^/:]+"), retrieve_job),
    ("POST", re.compile(_JOBS + "/[^/:]+:(?:cancel|resume)"), act_on_job),
    ("GET", re.compile(f"/{PARENT}/models"), list_models),
)
