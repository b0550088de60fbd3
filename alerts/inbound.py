"""Providers' webhooks in: an event is kept once, and asks for a look at the job it names.

It never changes a state: it is a hint with a signature, and the look is the truth. The row and the
due time are committed together before the provider gets its 2xx, so an event that was acknowledged
is never lost, and one that comes again has no second effect. The wake-up of the poll worker may be
lost; then the next tick looks.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from django.db import transaction
from django.db.models import Q

from alerts import pollbell
from alerts.endpoint import endpoint_of
from alerts.models import InboundEndpoint, InboundEvent
from alerts.signatures import Refused
from jobs.claims import database_now
from jobs.failpoints import failpoint
from jobs.looks import list_soon, look_at_once
from jobs.models import Connection, Job
from jobs.tracking import PROVIDER_ID

# All that OpenAI sends about fine-tuning. A job that starts or pauses is told by no event.
ABOUT_JOBS = frozenset(f"fine_tuning.job.{end}" for end in ("succeeded", "failed", "cancelled"))
# Requests that are not the provider's may come in any number: one write a minute says so.
REFUSALS_APART = timedelta(minutes=1)
# A provider tries for three days under one id; what is older can come again only as a replay, and
# those are refused by their time.
KEPT_FOR = timedelta(days=30)
FORGOTTEN_AT_ONCE = 50
_NOT_IN_A_TYPE = re.compile(r"[^A-Za-z0-9_.:-]")
_TYPE_CHARS = 80


@dataclass(frozen=True, slots=True)
class Event:
    """What we read of an event. `job_id` "": it names none that could be one."""

    type: str
    job_id: str

    @property
    def is_about_job(self) -> bool:
        return self.type in ABOUT_JOBS and self.job_id != ""


def read_event(body: bytes) -> Event:
    """Raises Refused for what is no event: no JSON object with a type."""
    try:
        content = orjson.loads(body)
    except ValueError as error:
        raise Refused("not JSON") from error
    kind = content.get("type") if isinstance(content, dict) else None
    if not isinstance(kind, str):
        raise Refused("not an event")
    subject = content.get("data")
    job_id = subject.get("id") if isinstance(subject, dict) else None
    if not (isinstance(job_id, str) and PROVIDER_ID.fullmatch(job_id)):
        job_id = ""
    return Event(_NOT_IN_A_TYPE.sub("", kind)[:_TYPE_CHARS], job_id)


def accept(connection: Connection, webhook_id: str, event: Event) -> bool:
    """Whether it is new. What it means is committed when this returns."""
    failpoint("hook.verified")
    with transaction.atomic():
        is_new = _take(connection, webhook_id, event)
    failpoint("hook.committed")
    return is_new


def _take(connection: Connection, webhook_id: str, event: Event) -> bool:
    jobs = Job.objects.filter(connection=connection, provider_id=event.job_id)
    is_known = event.is_about_job and jobs.exists()
    facts = {"type": event.type, "provider_job_id": event.job_id, "is_known_job": is_known}
    _, is_new = InboundEvent.objects.get_or_create(
        connection=connection, webhook_id=webhook_id, defaults=facts
    )
    if is_new and event.is_about_job and _is_watched(connection):
        now = database_now()
        if is_known:
            look_at_once(jobs.filter(is_paused=False, archived_at=None), now)
        else:
            list_soon(connection, now)
        transaction.on_commit(pollbell.ring)
    if is_new:
        _forget_old(connection)
    return is_new


def _is_watched(connection: Connection) -> bool:
    return not connection.is_paused and connection.archived_at is None


def _forget_old(connection: Connection) -> None:
    """A few of the oldest, with each new one: the table grows no longer than `KEPT_FOR`."""
    oldest = InboundEvent.objects.filter(connection=connection).order_by("id")
    limit = database_now() - KEPT_FOR
    found = oldest.values_list("pk", "received_at")[:FORGOTTEN_AT_ONCE]
    old = [pk for pk, received_at in found if received_at < limit]
    if old:
        InboundEvent.objects.filter(pk__in=old).delete()


def note_refusal(connection: Connection, now: datetime) -> None:
    """The page of the connection says when somebody came with a wrong signature last.

    What was read is asked first: anybody may come a thousand times a second, and on SQLite also an
    update of no row waits for its turn to write.
    """
    known = endpoint_of(connection)
    if known is None or (known.refused_at and now - known.refused_at < REFUSALS_APART):
        return
    long_ago = Q(refused_at=None) | Q(refused_at__lt=now - REFUSALS_APART)
    InboundEndpoint.objects.filter(long_ago, connection=connection).update(refused_at=now)
