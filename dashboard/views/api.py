"""/api: the history of one job as JSON, and the description of both interfaces for programs."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from dashboard import schema
from dashboard.queries import api
from dashboard.views.machine import (
    ApiError,
    ApiRequest,
    error_answer,
    own_envelope,
    token_required,
    whole_number,
)
from dashboard.views.mirror import job_or_error

USUAL = {"points": 1000}
MOST = {"points": 10_000}
authorized = token_required(own_envelope)


@authorized
def job_history(request: ApiRequest, job_id: str, kind: str) -> HttpResponseBase:
    reader = api.READERS.get(kind)
    if reader is None:
        raise ApiError(
            404, "unknown_url", f"A job has no '{kind[:80]}'; there are: {', '.join(api.READERS)}."
        )
    limit = whole_number(request, "limit", USUAL.get(kind, 100), MOST.get(kind, 1000))
    job = job_or_error(request, job_id)
    try:
        part = reader(job, limit, request.GET.get("after", ""))
    except api.BadCursor:
        raise ApiError(
            400, "invalid_value", "'after' is not a cursor of this list.", "after"
        ) from None
    return _with_next(
        request, JsonResponse({"data": part.data, "has_more": part.has_more}), part.next
    )


def _with_next(request: HttpRequest, answer: JsonResponse, cursor: str) -> JsonResponse:
    if cursor:
        query: dict[str, Any] = {**request.GET.dict(), "after": cursor}
        answer.headers["Link"] = f'<{request.path}?{urlencode(query)}>; rel="next"'
    return answer


@require_safe
def describe(_request: HttpRequest) -> JsonResponse:
    return JsonResponse(schema.openapi())


@csrf_exempt
def unknown(request: HttpRequest, rest: str) -> HttpResponseBase:
    error = ApiError(
        404, "unknown_url", f"There is no /api/{rest[:200]}; /api/schema lists what there is."
    )
    return error_answer(request, error, own_envelope)
