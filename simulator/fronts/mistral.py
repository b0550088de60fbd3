"""Mistral's routes: OpenAI's path, paged by number and total; a retrieve has the events and checkpoints."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from simulator import api, render
from simulator.exchange import Answer, ApiError, answer_json
from simulator.ledger import Verbatim
from simulator.profiles import mistral

if TYPE_CHECKING:
    from simulator.exchange import Request
    from simulator.ledger import Known, Ledger
    from simulator.profiles.base import Body

MOST_PAGES = 10**6


def list_jobs(ledger: Ledger, request: Request, now: float, _path: str) -> Answer:
    number, size = _number(request, "page", 0), _number(request, "page_size", 100)
    if size > api.MAX_LIMIT:
        raise ApiError(422, "page_size must be at most 100", param="page_size")
    found, total = ledger.newest(number * size, size)
    bodies = [body(known, now) for known in found]
    return answer_json({"object": "list", "data": bodies, "total": total})


def _number(request: Request, name: str, otherwise: int) -> int:
    text = request.first(name)
    if text is None:
        return otherwise
    if not text.isascii() or not text.isdecimal() or int(text[:9]) > MOST_PAGES:
        raise ApiError(422, "Input should be a valid integer", param=name)
    return int(text)


def body(known: Known, now: float) -> Body:
    return dict(known.job) if isinstance(known, Verbatim) else render.job(known, now)


def retrieve_job(ledger: Ledger, _request: Request, now: float, path: str) -> Answer:
    return _detailed(api.known_job(ledger, path), now)


def _detailed(known: Known, now: float) -> Answer:
    if isinstance(known, Verbatim):
        inside = {"events": known.events, "checkpoints": known.checkpoints}
        return answer_json(inside | dict(known.job))
    events, checkpoints = mistral.events(known, now), mistral.checkpoints(known, now)
    told = render.job(known, now) | {"events": events, "checkpoints": checkpoints}
    return answer_json(told)


def cancel_job(ledger: Ledger, _request: Request, now: float, path: str) -> Answer:
    return _detailed(api.act(ledger, api.known_job(ledger, path), "cancel", now), now)


def refusal(error: ApiError) -> Answer:
    """A message alone for a wrong key, a list of places for a wrong request, else a detail."""
    if error.status == HTTPStatus.UNAUTHORIZED:
        return answer_json({"message": "Unauthorized", "request_id": "sim"}, error.status)
    if error.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        place = {"type": "value_error", "loc": ["query", error.param], "msg": error.message}
        return answer_json({"detail": [place]}, error.status)
    return answer_json({"detail": error.message}, error.status)


_JOBS = "/fine_tuning/jobs"
ROUTES: api.Routes = (
    ("GET", re.compile(_JOBS), list_jobs),
    ("GET", re.compile(_JOBS + "/[^/]+"), retrieve_job),
    ("POST", re.compile(_JOBS + "/[^/]+/cancel"), cancel_job),
    *api.FILE_ROUTES,
    ("GET", re.compile("/models"), api.list_models),
)
