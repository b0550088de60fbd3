"""/v1: what was observed, read-only, in the OpenAI wire format. The official client reads it unmodified."""

import re
from collections.abc import Callable
from io import BytesIO
from typing import TypeVar

from django.http import FileResponse, HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from dashboard.queries import mirror
from dashboard.views.machine import (
    ApiError,
    ApiRequest,
    error_answer,
    openai_envelope,
    token_required,
    whole_number,
)
from jobs.models import File, Job

T = TypeVar("T")
MOST = 100
METADATA = re.compile(r"^metadata\[(.{0,64})\]$", re.DOTALL)
authorized = token_required(openai_envelope)


@authorized
def job_list(request: ApiRequest) -> HttpResponseBase:
    wanted = mirror.Wanted(
        limit=whole_number(request, "limit", 20, MOST),
        after=request.GET.get("after", ""),
        connection=request.GET.get("connection", ""),
        metadata=_metadata(request),
    )
    return _list_answer(lambda: mirror.list_jobs(request.team, wanted))


@authorized
def job(request: ApiRequest, job_id: str) -> HttpResponseBase:
    return JsonResponse(mirror.wire_of(job_or_error(request, job_id)))


@authorized
def job_events(request: ApiRequest, job_id: str) -> HttpResponseBase:
    found, limit = job_or_error(request, job_id), whole_number(request, "limit", 20, MOST)
    return _list_answer(lambda: mirror.list_events(found, limit, request.GET.get("after", "")))


@authorized
def job_checkpoints(request: ApiRequest, job_id: str) -> HttpResponseBase:
    found, limit = job_or_error(request, job_id), whole_number(request, "limit", 10, MOST)
    page = _page(lambda: mirror.list_checkpoints(found, limit, request.GET.get("after", "")))
    ids = [element["id"] for element in page.data] or [None]
    return _envelope(page, first_id=ids[0], last_id=ids[-1])


@authorized
def file(request: ApiRequest, file_id: str) -> HttpResponseBase:
    return JsonResponse(mirror.wire_file(_file_or_error(request, file_id)))


@authorized
def file_content(request: ApiRequest, file_id: str) -> HttpResponseBase:
    found = _file_or_error(request, file_id)
    content = found.received()
    if content is None:
        is_wanted = found.fetch == File.Fetch.WANTED  # for ever, where it could not be read
        why = "not read so far" if is_wanted else found.get_fetch_display().lower()
        reason = f"The content of '{file_id}' is not kept here: {why}."
        raise ApiError(404, "content_not_kept", reason, "file_id")
    name = re.sub(r"[^A-Za-z0-9._-]", "_", found.filename or found.provider_id)
    # Never as a page: an attachment of no type that a browser would show.
    return FileResponse(
        BytesIO(content), as_attachment=True, filename=name, content_type="application/octet-stream"
    )


@csrf_exempt
def unknown(request: HttpRequest, rest: str) -> HttpResponseBase:
    error = ApiError(404, "unknown_url", f"Unknown request URL: {request.method} /v1/{rest[:200]}.")
    return error_answer(request, error, openai_envelope)


def job_or_error(request: ApiRequest, job_id: str) -> Job:
    """The team's job with the provider's id. Raises ApiError: 404, or 409 when two connections have it."""
    return _found(
        "fine-tuning job", job_id, lambda slug: mirror.find_job(request.team, job_id, slug), request
    )


def _file_or_error(request: ApiRequest, file_id: str) -> File:
    return _found(
        "file", file_id, lambda slug: mirror.find_file(request.team, file_id, slug), request
    )


def _found(noun: str, wanted: str, find: Callable[[str], T], request: ApiRequest) -> T:
    try:
        return find(request.GET.get("connection", ""))
    except mirror.NotFound:
        raise ApiError(
            404, "not_found", f"No {noun} here has the id '{wanted[:200]}'.", "id"
        ) from None
    except mirror.Ambiguous as several:
        hint = (
            f"'{wanted}' was seen on several connections; add ?connection= with one of: {several}."
        )
        raise ApiError(409, "ambiguous_id", hint, "connection") from None


def _list_answer(read: Callable[[], mirror.WirePage]) -> JsonResponse:
    return _envelope(_page(read))


def _page(read: Callable[[], mirror.WirePage]) -> mirror.WirePage:
    try:
        return read()
    except mirror.NotFound as missing:
        raise ApiError(
            404, "not_found", f"'after' names '{missing}', which is not in this list.", "after"
        ) from None


def _envelope(page: mirror.WirePage, **more: str | None) -> JsonResponse:
    return JsonResponse({"object": "list", "data": page.data, "has_more": page.has_more, **more})


def _metadata(request: ApiRequest) -> dict[str, str] | None:
    if request.GET.get("metadata") == "null":
        return {}
    pairs = {found[1]: request.GET[name] for name in request.GET if (found := METADATA.match(name))}
    return pairs or None
