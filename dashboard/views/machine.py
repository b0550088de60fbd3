"""The edge of the machine face: tokens, methods, errors in the caller's own envelope."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate, ParamSpec, cast

import structlog
from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from accounts.models import ApiToken, Team
from dashboard import cursors
from dashboard.nulls import has_null

P = ParamSpec("P")
READING = ("GET", "HEAD", "OPTIONS")
log = structlog.get_logger(__name__)


class ApiRequest(HttpRequest):
    """A request that came with a valid token: `team` is the token's, whatever any cookie says."""

    team: Team
    token: ApiToken


class ApiError(Exception):
    """The answer is an error. `param`: the parameter or path part that is wrong."""

    def __init__(self, status: int, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.param = status, code, message, param


Envelope = Callable[[HttpRequest, ApiError], dict[str, Any]]
MachineView = Callable[Concatenate[ApiRequest, P], HttpResponseBase]
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def openai_envelope(_request: HttpRequest, error: ApiError) -> dict[str, Any]:
    kind = (
        "server_error"
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        else "invalid_request_error"
    )
    members = {"message": error.message, "type": kind, "param": error.param, "code": error.code}
    return {"error": members}


def own_envelope(request: HttpRequest, error: ApiError) -> dict[str, Any]:
    request_id = vars(request).get("request_id", "")
    return {"error": {"code": error.code, "message": error.message, "request_id": request_id}}


def token_required(envelope: Envelope) -> Callable[[MachineView[P]], View[P]]:
    """Reads the bearer token, and only that: no cookie counts here, so there is no CSRF either."""

    def decorate(view: MachineView[P]) -> View[P]:
        @csrf_exempt
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            try:
                vars(request).update(_identify(request))
                return view(cast("ApiRequest", request), *args, **kwargs)
            except ApiError as error:
                return error_answer(request, error, envelope)
            except Exception:
                log.exception("machine view failed", path=request.path)
                return _failure(request, envelope)

        return cast("View[P]", guarded)

    return decorate


def error_answer(request: HttpRequest, error: ApiError, envelope: Envelope) -> HttpResponse:
    answer = JsonResponse(envelope(request, error), status=error.status)
    if error.status == HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = "Bearer"
    if error.status == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = ", ".join(READING)
    return answer


def _failure(request: HttpRequest, envelope: Envelope) -> HttpResponse:
    got_request_exception.send(sender=None, request=request)
    error = ApiError(500, "server_error", "Something went wrong here.")
    return error_answer(request, error, envelope)


def _identify(request: HttpRequest) -> dict[str, object]:
    if has_null(request):
        raise ApiError(400, "invalid_value", "An address has no NUL in it.")
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    token = ApiToken.objects.matching(secret.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        raise ApiError(
            401,
            "invalid_api_key",
            "Send a token of this TuneBell as 'Authorization: Bearer <token>'.",
        )
    if request.method not in READING:
        raise ApiError(405, "method_not_allowed", "This interface is for reading only.")
    token.note_use(timezone.now())
    return {"team": token.team, "token": token}


def whole_number(request: HttpRequest, name: str, default: int, most: int) -> int:
    """A query parameter from 1 to `most`. Raises ApiError(400)."""
    number = cursors.whole(request.GET.get(name) or str(default))
    if number is None or not 1 <= number <= most:
        says = f"'{name}' must be a whole number from 1 to {most}."
        raise ApiError(400, "invalid_value", says, name)
    return number
