"""The routes of the API in OpenAI's shape: request and now -> answer. Other shapes are in `fronts`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import unquote

import orjson

from simulator import creation, editing, life, multipart, render
from simulator.exchange import Answer, ApiError, Request, answer_json, read_object
from simulator.ledger import Full, Known, Ledger, Stored, Verbatim

if TYPE_CHECKING:
    from simulator.spec import Spec
    from simulator.story import Beat

PREFIX = re.compile(r"^(?:/openai)?(?:/v1)?(?=/)")
MAX_LIMIT = 100

Route = Callable[[Ledger, Request, float, str], Answer]


Routes = tuple[tuple[str, re.Pattern[str], Route], ...]


def answer(ledger: Ledger, request: Request, now: float, routes: Routes | None = None) -> Answer:
    """What these routes (without any: OpenAI's) say. Raises ApiError."""
    ledger.admit(now)
    path = PREFIX.sub("", request.path)
    return _route(request.method, path, routes or ROUTES)(ledger, request, now, path)


def _route(method: str, path: str, routes: Routes) -> Route:
    allowed = [(verb, route) for verb, pattern, route in routes if pattern.fullmatch(path)]
    for verb, route in allowed:
        if verb == method:
            return route
    if allowed:
        raise ApiError(405, f"Method {method} is not allowed here")
    raise ApiError(404, f"Invalid URL ({method} {path})")


def identity_at(path: str, place: int) -> str:
    return unquote(path.split("/")[place])


def known_job(ledger: Ledger, path: str, place: int = 3) -> Known:
    """The job whose id is the part of the path at this place. Raises ApiError (404)."""
    job_id = identity_at(path, place)
    known = ledger.job(job_id)
    if known is None:
        text = f"Could not find fine tune: {job_id}"
        raise ApiError(404, text, param="fine_tune_id", code="fine_tune_not_found")
    return known


def page_limit(request: Request, otherwise: int) -> int:
    text = request.first("limit")
    if text is None:
        return otherwise
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:9]) <= MAX_LIMIT:
        raise ApiError(400, f"limit must be a whole number from 1 to {MAX_LIMIT}", param="limit")
    return int(text)


def tell(ledger: Ledger, known: Known, now: float, status: int = 200) -> Answer:
    served = ledger.serve(known, now)
    return Answer(status, served.body, jobs=(served.told,))


def list_jobs(ledger: Ledger, request: Request, now: float, _path: str) -> Answer:
    after, limit = request.first("after"), page_limit(request, 20)
    if after and ledger.job(after) is None:
        raise ApiError(400, f"No fine-tuning job with id {after}", param="after")
    found = list(islice(ledger.newest_first(after, _metadata(request)), limit + 1))
    served = [ledger.serve(known, now) for known in found[:limit]]
    has_more = b"true" if len(found) > limit else b"false"
    data = b",".join(each.body for each in served)
    body = b'{"object":"list","data":[' + data + b'],"has_more":' + has_more + b"}"
    return Answer(200, body, jobs=tuple(each.told for each in served))


def _metadata(request: Request) -> Mapping[str, str] | str | None:
    if request.first("metadata") == "null":
        return "null"
    pairs = {key[9:-1]: text for key, text in request.query if re.fullmatch(r"metadata\[.+\]", key)}
    return pairs or None


def create_job(ledger: Ledger, request: Request, now: float, _path: str) -> Answer:
    try:
        return tell(ledger, ledger.create(read_object(request), now), now)
    except creation.Refused as refusal:
        raise ApiError(400, refusal.message, param=refusal.param) from refusal


def retrieve_job(ledger: Ledger, _request: Request, now: float, path: str) -> Answer:
    return tell(ledger, known_job(ledger, path), now)


def act(ledger: Ledger, known: Known, action: str, now: float) -> Spec:
    """The job after cancel, pause or resume. Raises ApiError."""
    if isinstance(known, Verbatim):
        raise ApiError(400, "This job is served as it was written and cannot be changed")
    change = {"cancel": ledger.cancel, "pause": ledger.pause, "resume": ledger.resume}[action]
    try:
        return change(known, now)
    except editing.Refused as refusal:
        status = 400 if action == "cancel" else 409
        raise ApiError(status, str(refusal)) from refusal


def act_on_job(ledger: Ledger, _request: Request, now: float, path: str) -> Answer:
    return tell(ledger, act(ledger, known_job(ledger, path), identity_at(path, 4), now), now)


def list_events(ledger: Ledger, request: Request, now: float, path: str) -> Answer:
    known, limit = known_job(ledger, path), page_limit(request, 20)
    if isinstance(known, Verbatim):
        return _page(known.events, request, limit)
    beats = render.beats(known, now)
    start = _start(request, (render.event_id(known, beat) for beat in beats))
    return _list(_events(known, beats[start : start + limit]), len(beats) > start + limit)


def _events(spec: Spec, beats: list[Beat]) -> list[dict[str, object]]:
    return [render.event(spec, beat) for beat in beats]


def list_checkpoints(ledger: Ledger, request: Request, now: float, path: str) -> Answer:
    known = known_job(ledger, path)
    if isinstance(known, Verbatim):
        return _page(known.checkpoints, request, page_limit(request, 10), with_ends=True)
    steps = life.checkpoint_steps(known, now)
    return _page(
        [render.checkpoint(known, step) for step in steps],
        request,
        page_limit(request, 10),
        with_ends=True,
    )


def _page(
    items: Iterable[Mapping[str, object]], request: Request, limit: int, *, with_ends: bool = False
) -> Answer:
    several = list(items)
    start = _start(request, (str(each.get("id")) for each in several))
    return _list(several[start : start + limit], len(several) > start + limit, with_ends=with_ends)


def _start(request: Request, ids: Iterable[str]) -> int:
    """Place of the first element after the one that `after` names."""
    after = request.first("after")
    if not after:
        return 0
    for place, identity in enumerate(ids):
        if identity == after:
            return place + 1
    raise ApiError(400, f"Nothing with id {after}", param="after")


def _list(
    several: list[Mapping[str, object]] | list[dict[str, object]],
    has_more: bool,
    *,
    with_ends: bool = False,
) -> Answer:
    body: dict[str, object] = {"object": "list", "data": several, "has_more": has_more}
    if with_ends:
        body["first_id"] = several[0].get("id") if several else None
        body["last_id"] = several[-1].get("id") if several else None
    return answer_json(body)


def upload_file(ledger: Ledger, request: Request, now: float, _path: str) -> Answer:
    parts = multipart.read_parts(request.headers.get("content-type", ""), request.body)
    file, purpose = parts.get("file"), parts.get("purpose")
    if file is None or purpose is None:
        missing = "file" if file is None else "purpose"
        raise ApiError(400, f"'{missing}' is a required property", param=missing)
    try:
        name = file.filename or "upload.jsonl"
        stored = ledger.upload(name, purpose.content.decode("utf-8", "replace"), file.content, now)
    except Full as full:
        raise ApiError(413, "The simulator keeps no more than 64 MiB of files") from full
    return answer_json(stored.about)


def _stored_file(ledger: Ledger, now: float, path: str) -> Stored:
    file_id = identity_at(path, 2)
    stored = ledger.file(file_id, now)
    if stored is None:
        raise ApiError(404, f"No such File object: {file_id}", param="id")
    return stored


def retrieve_file(ledger: Ledger, _request: Request, now: float, path: str) -> Answer:
    return answer_json(_stored_file(ledger, now, path).about)


def file_content(ledger: Ledger, _request: Request, now: float, path: str) -> Answer:
    stored = _stored_file(ledger, now, path)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", str(stored.about.get("filename", "file")))
    disposition = {"content-disposition": f'attachment; filename="{name}"'}
    return Answer(200, stored.content, "application/octet-stream", disposition)


def list_limits(ledger: Ledger, _request: Request, now: float, _path: str) -> Answer:
    """Nobody documents this body; it is one of the shapes that public clients guess."""
    active = ledger.active_jobs(now)
    limits = [
        {"model": name, "max_concurrent_jobs": 3, "max_total_jobs": 200, "active_jobs": count}
        for name, count in sorted(active.items())
    ]
    return answer_json({"object": "list", "data": limits})


def list_models(_ledger: Ledger, _request: Request, _now: float, _path: str) -> Answer:
    return Answer(200, orjson.dumps({"object": "list", "data": creation.base_models()}))


FILE_ROUTES: Routes = (
    ("POST", re.compile("/files"), upload_file),
    ("GET", re.compile("/files/[^/]+"), retrieve_file),
    ("GET", re.compile("/files/[^/]+/content"), file_content),
)
_JOBS = "/fine_tuning/jobs"
ROUTES: Routes = (
    ("GET", re.compile(_JOBS), list_jobs),
    ("POST", re.compile(_JOBS), create_job),
    ("GET", re.compile(_JOBS + "/[^/]+"), retrieve_job),
    ("POST", re.compile(_JOBS + "/[^/]+/(?:cancel|pause|resume)"), act_on_job),
    ("GET", re.compile(_JOBS + "/[^/]+/events"), list_events),
    ("GET", re.compile(_JOBS + "/[^/]+/checkpoints"), list_checkpoints),
    *FILE_ROUTES,
    ("GET", re.compile("/models"), list_models),
    ("GET", re.compile("/fine_tuning/model_limits"), list_limits),
)
