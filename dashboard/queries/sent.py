"""The alerts about a job: what was told, to whom, and whether it arrived."""

from dataclasses import dataclass
from datetime import datetime

from alerts.models import Delivery
from jobs.models import Job


@dataclass(frozen=True, slots=True)
class Sent:
    """One alert: what it told, to whom, and whether it arrived."""

    word: str
    raw_state: str
    channel: str
    kind: str
    state: str
    attempts: int
    answer: str
    at: datetime | None
    next_at: datetime | None


def sent_about(job: Job) -> tuple[Sent, ...]:
    found = (
        Delivery.objects.filter(transition__job=job)
        .select_related("channel", "transition")
        .prefetch_related("attempts")
        .order_by("-pk")[:50]
    )
    return tuple(_sent(one) for one in found)


def _sent(delivery: Delivery) -> Sent:
    attempts = list(delivery.attempts.all())
    last = max(attempts, key=lambda one: one.pk, default=None)
    answer = str(last) if last and str(last) != "-" else delivery.reason
    return Sent(
        word=delivery.about,
        raw_state=delivery.state,
        channel=delivery.channel.name,
        kind=delivery.channel.kind,
        state=delivery.get_state_display(),
        attempts=len(attempts),
        answer=answer,
        at=delivery.sent_at or (last.started_at if last else delivery.created_at),
        next_at=delivery.next_attempt_at if delivery.state == Delivery.State.PENDING else None,
    )
