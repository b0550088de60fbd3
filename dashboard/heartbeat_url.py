"""The dead man's switch: a URL that is called only while the audit finds nothing.

Whoever receives it (healthchecks.io, a push monitor of Uptime Kuma) alarms when no call comes. The
call is made by a thread of its own, so that a receiver that hangs holds back no alert.
"""

import threading
from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models.functions import Now

from alerts.channels.base import short_answer
from alerts.channels.http import host_of, secrets_in
from dashboard.models import AuditReport
from outbound.client import Limits, Reply, close_clients, send
from outbound.errors import OutboundError
from outbound.redact import redact

LIMITS = Limits(max_bytes=20_000, deadline_s=10.0)
# healthchecks.io says it with 200 when the URL names no check.
NOT_KNOWN = b"OK (not found)"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """`text`: what the receiver said, or why nothing came back; cut and redacted."""

    is_taken: bool
    text: str


def shown_host() -> str:
    """All that may be shown of the URL: its path may be a secret. "" where none is set."""
    if not settings.HEARTBEAT_URL:
        return ""
    try:
        return host_of(settings.HEARTBEAT_URL)
    except ValueError as error:
        return f"not called: {error}"


def call_aside() -> threading.Thread:
    """Calls in another thread, which notes the answer. One that dies with its process is not made again."""
    thread = threading.Thread(target=_call_and_note, name="heartbeat-url", daemon=True)
    thread.start()
    return thread


def _call_and_note() -> None:
    try:
        note(call(settings.HEARTBEAT_URL))
    except DatabaseError as error:
        log.warning("heartbeat answer not noted", error=str(error))
    finally:
        close_clients()
        connection.close()


def call(url: str) -> Answer:
    """One GET within the deadline, through the guard; redirects are refused."""
    try:
        return _judged(send("GET", url, limits=LIMITS), secrets_in(url))
    except OutboundError as error:
        return Answer(is_taken=False, text=redact(error.message))


def _judged(reply: Reply, hidden: Collection[str]) -> Answer:
    text = f"{reply.status} {short_answer(reply.body, hidden)}".strip()
    is_good = HTTPStatus(200) <= reply.status < HTTPStatus(300)
    return Answer(is_good and not reply.body.startswith(NOT_KNOWN), text)


def note(answer: Answer) -> None:
    """In the report row; a receiver in trouble is shown, and is no finding."""
    facts = {"called_at": Now(), "call_failed": not answer.is_taken, "answer": answer.text[:300]}
    if answer.is_taken:
        facts["taken_at"] = Now()
    AuditReport.objects.filter(pk=AuditReport.ONLY).update(**facts)
    if not answer.is_taken:
        log.warning("heartbeat not taken", host=shown_host(), answer=answer.text)
