"""The alerts about a job: what was told, to whom, and whether it arrived."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from alerts.models import Delivery
from dashboard.queries.delivery_rows import Digest, digests_of, look_of
from jobs.models import Job


@dataclass(frozen=True, slots=True)
class Sent:
    """One alert: what it told, to whom, and whether it arrived. `reason`: ours, of one held back for good."""

    key: UUID
    word: str
    is_urgent: bool
    channel: str
    kind: str
    look: str
    state: str
    until: datetime | None
    reason: str
    digest: Digest | None
    attempts: int
    status_code: int | None
    answer: str
    at: datetime | None
    can_resend: bool


def sent_about(job: Job, now: datetime) -> tuple[Sent, ...]:
    found = list(
        Delivery.objects.filter(transition__job=job)
        .select_related("channel", "transition")
        .prefetch_related("attempts")
        .order_by("-pk")[:50]
    )
    digests = digests_of(found)
    return tuple(_sent(one, now, digests) for one in found)


def _sent(delivery: Delivery, now: datetime, digests: Mapping[UUID, Digest]) -> Sent:
    attempts = list(delivery.attempts.all())
    last = max(attempts, key=lambda one: one.pk, default=None)
    is_suppressed = delivery.state == Delivery.State.SUPPRESSED
    look, word, until = look_of(delivery, now)
    return Sent(
        key=delivery.key,
        word=delivery.about,
        is_urgent=delivery.is_urgent,
        channel=delivery.channel.name,
        kind=delivery.channel.kind,
        look=look.value,
        state=word,
        until=until,
        reason=delivery.reason if is_suppressed else "",
        digest=digests.get(delivery.digest_key) if delivery.digest_key else None,
        attempts=len(attempts),
        status_code=last.status_code if last else None,
        answer=last.answer if last else "" if is_suppressed else delivery.reason,
        at=delivery.sent_at or (last.started_at if last else delivery.created_at),
        can_resend=delivery.state != Delivery.State.PENDING and delivery.channel.is_enabled,
    )
