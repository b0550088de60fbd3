"""/webhooks/openai/<connection>/: providers' signed events. Neither cookies nor tokens count here, a signature does.

Whatever is wrong with a request, the answer is the same 400; an address that takes no webhooks is a
404, whether it names a connection or not. The body is cut before anybody reads it, and headers that
no provider sends cost no query.
"""

from http import HTTPStatus
from typing import Any

import structlog
from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from accounts.cipher import CannotOpen
from alerts import endpoint, inbound
from alerts.signatures import Headers, Refused, read_headers, verify
from jobs.claims import database_now
from jobs.models import Connection

MOST_BODY_BYTES = 256 * 1024
SAYS = {
    HTTPStatus.BAD_REQUEST: "This is no webhook of the provider's.",
    HTTPStatus.NOT_FOUND: "No webhooks are taken here.",
    HTTPStatus.METHOD_NOT_ALLOWED: "Webhooks come by POST.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "A webhook has at most 256 KiB.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not now. Send it again.",
}
log = structlog.get_logger(__name__)


@csrf_exempt
def receive(request: HttpRequest, connection: str) -> HttpResponse:
    if request.method != "POST":
        return _refusal(HTTPStatus.METHOD_NOT_ALLOWED, Allow="POST")
    try:
        body = _read(request)
        if body is None:
            return _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return _answer(_headers(request), connection, body)
    except Refused:
        return _refusal(HTTPStatus.BAD_REQUEST)
    except (Error, CannotOpen) as error:  # ours to mend, so the provider tries again
        log.warning("webhook_not_taken", error=type(error).__name__)
        return _refusal(HTTPStatus.SERVICE_UNAVAILABLE, **{"Retry-After": "30"})


def _answer(headers: Headers, address: str, body: bytes) -> HttpResponse:
    found = endpoint.find_connection(address)
    secrets = endpoint.active_secrets(found) if found else ()
    if found is None or not secrets:
        return _refusal(HTTPStatus.NOT_FOUND)
    now = database_now()
    try:
        verify(headers, body, secrets, now)
        event = inbound.read_event(body)
    except Refused:
        inbound.note_refusal(found, now)
        raise
    is_new = inbound.accept(found, headers.webhook_id, event)
    _log(found, event, is_new=is_new)
    return JsonResponse({"received": True})


def _read(request: HttpRequest) -> bytes | None:
    """The raw body, None when it is too long, whatever the request says of its length. Raises Refused."""
    # Django takes a chunked body for an empty one; a server that knows where it ends says so.
    is_bounded = request.META.get("wsgi.input_terminated")
    stream: Any = request.META["wsgi.input"] if is_bounded else request
    try:
        body: bytes = stream.read(MOST_BODY_BYTES + 1)
    except Exception as error:  # it broke off, or its chunks are none
        raise Refused("cut short") from error
    return body if len(body) <= MOST_BODY_BYTES else None


def _headers(request: HttpRequest) -> Headers:
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    return read_headers(*(request.headers.get(name, "") for name in names))


def _log(connection: Connection, event: inbound.Event, *, is_new: bool) -> None:
    facts = {"type": event.type, "provider_job": event.job_id, "is_new": is_new}
    log.info("webhook_taken", connection=connection.pk, **facts)


def _refusal(status: HTTPStatus, **headers: str) -> HttpResponse:
    return JsonResponse({"error": SAYS[status]}, status=status, headers=headers)
