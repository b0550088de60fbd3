"""Together's routes: /fine-tunes, unpaged; events, checkpoints and curves each on a route of their own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from simulator import api, creation, render
from simulator.exchange import Answer, ApiError, answer_json
from simulator.fronts.mistral import body
from simulator.ledger import Verbatim
from simulator.profiles import together

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.exchange import Request
    from simulator.ledger import Known, Ledger
    from simulator.profiles.base import Body
    from simulator.spec import Spec

MOST_JOBS = 1000
# Place of the id in /fine-tunes/{id}.
PLACE = 2


def list_jobs(ledger: Ledger, _request: Request, now: float, _path: str) -> Answer:
    found, _ = ledger.newest(0, MOST_JOBS)
    return answer_json({"data": [body(known, now) for known in found]})


def retrieve_job(ledger: Ledger, _request: Request, now: float, path: str) -> Answer:
    known = _known(ledger, path)
    if isinstance(known, Verbatim):
        return answer_json(dict(known.job))
    return answer_json(render.job(known, now) | {"events": together.events(known, now)})


def _known(ledger: Ledger, path: str) -> Known:
    try:
        return api.known_job(ledger, path, PLACE)
    except ApiError as error:
        raise ApiError(404, error.message, code="not_found") from error


def cancel_job(ledger: Ledger, _request: Request, now: float, path: str) -> Answer:
    """Answers a part of the job only."""
    spec = api.act(ledger, _known(ledger, path), "cancel", now)
    return answer_json({"data": {"status": render.job(spec, now)["status"]}})


def list_events(ledger: Ledger, _request: Request, now: float, path: str) -> Answer:
    known = _known(ledger, path)
    several = known.events if isinstance(known, Verbatim) else together.events(known, now)
    return answer_json({"data": several})


def list_checkpoints(ledger: Ledger, _request: Request, now: float, path: str) -> Answer:
    known = _known(ledger, path)
    if isinstance(known, Verbatim):
        return answer_json({"data": known.checkpoints})
    return answer_json({"data": together.checkpoints(known, now)})


def list_curves(ledger: Ledger, _request: Request, now: float, path: str) -> Answer:
    return answer_json({"metrics": _of(_known(ledger, path), now, together.curves)})


def _of(known: Known, now: float, make: Callable[[Spec, float], list[Body]]) -> list[Body]:
    return [] if isinstance(known, Verbatim) else make(known, now)


def list_models(_ledger: Ledger, _request: Request, _now: float, _path: str) -> Answer:
    """A bare list."""
    return answer_json([{"id": each["id"], "type": "chat"} for each in creation.base_models()])


_JOB = "/fine-tunes/[^/]+"
ROUTES: api.Routes = (
    ("GET", re.compile("/fine-tunes"), list_jobs),
    ("GET", re.compile(_JOB), retrieve_job),
    ("POST", re.compile(_JOB + "/cancel"), cancel_job),
    ("GET", re.compile(_JOB + "/events"), list_events),
    ("GET", re.compile(_JOB + "/checkpoints"), list_checkpoints),
    ("GET", re.compile(_JOB + "/metrics"), list_curves),
    *api.FILE_ROUTES,
    ("GET", re.compile("/models"), list_models),
)
