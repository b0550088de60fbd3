"""Deliveries as a page lists them: what became of each, its tries, and the digest that carried it."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count
from django.urls import reverse

from alerts.message import Message
from alerts.models import Delivery
from dashboard import words
from providers.states import State

LOOKS = {
    Delivery.State.PENDING: State.QUEUED,
    Delivery.State.SENT: State.SUCCEEDED,
    Delivery.State.DEAD: State.FAILED,
    Delivery.State.SUPPRESSED: State.CANCELLED,
}
EMAIL = "email"  # the channel that is told codes of SMTP


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """`protocol`: whose `status_code` it is."""

    at: datetime
    is_sent: bool
    status_code: int | None
    duration_ms: int
    answer: str
    protocol: str

    @property
    def words(self) -> str:
        """HTTP 503 in 31 ms."""
        verdict = "accepted" if self.is_sent else "refused"
        code = f"{self.protocol} {self.status_code}" if self.status_code else verdict
        return f"{code} in {words.thin(self.duration_ms)} ms"


@dataclass(frozen=True, slots=True)
class Digest:
    """The message that carried a delivery together with others."""

    key: str
    size: int

    @property
    def url(self) -> str:
        return f"{reverse('deliveries')}?digest={self.key}"


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """`until`: the next try of one that waits; the end of the quiet hours of one that is held."""

    key: uuid.UUID
    look: str
    word: str
    until: datetime | None
    headline: str
    url: str
    channel: str
    rule: str
    reason: str
    is_urgent: bool
    digest: Digest | None
    created_at: datetime
    sent_at: datetime | None
    attempts: tuple[AttemptRow, ...]
    can_resend: bool
    dismissed_at: datetime | None

    @property
    def last(self) -> AttemptRow | None:
        return self.attempts[-1] if self.attempts else None


def delivery_rows(
    found: Iterable[Delivery], now: datetime, *, with_answers: bool
) -> tuple[DeliveryRow, ...]:
    """Of rows read `with_attempts`."""
    rows = list(found)
    digests = digests_of(rows)
    return tuple(_row(row, now, digests, with_answers=with_answers) for row in rows)


def digests_of(rows: Iterable[Delivery]) -> dict[uuid.UUID, Digest]:
    """The digests that carried these, by key, in one query; none when there are none."""
    keys = {row.digest_key for row in rows if row.digest_key}
    if not keys:
        return {}
    carried = Delivery.objects.filter(digest_key__in=keys).order_by()
    sizes = carried.values_list("digest_key").annotate(Count("pk"))
    return {key: Digest(str(key), size) for key, size in sizes}


def _row(
    row: Delivery, now: datetime, digests: Mapping[uuid.UUID, Digest], *, with_answers: bool
) -> DeliveryRow:
    look, word, until = look_of(row, now)
    # Of one that was refused, the reason quotes the receiver.
    is_ours = row.state == Delivery.State.SUPPRESSED
    return DeliveryRow(
        key=row.key,
        look=look.value,
        word=word,
        until=until,
        headline=_headline(row),
        url=_url_of(row),
        channel=row.channel.name,
        rule=str(row.rule) if row.rule else "",
        reason=row.reason if with_answers or is_ours else "",
        is_urgent=row.is_urgent,
        digest=digests.get(row.digest_key) if row.digest_key else None,
        created_at=row.created_at,
        sent_at=row.sent_at,
        attempts=_attempts(row, with_answers=with_answers),
        can_resend=row.state != Delivery.State.PENDING and row.channel.is_enabled,
        dismissed_at=row.dismissed_at,
    )


def _attempts(row: Delivery, *, with_answers: bool) -> tuple[AttemptRow, ...]:
    return tuple(
        AttemptRow(
            at=one.started_at,
            is_sent=one.is_sent,
            status_code=one.status_code,
            duration_ms=one.duration_ms,
            answer=one.answer if with_answers else "",
            protocol="SMTP" if row.channel.kind == EMAIL else "HTTP",
        )
        for one in row.attempts.all()
    )


def look_of(row: Delivery, now: datetime) -> tuple[State, str, datetime | None]:
    """Shape and colour, the word, and the moment that ends the waiting (of one that waits)."""
    if row.state != Delivery.State.PENDING:
        state = Delivery.State(row.state)
        return LOOKS[state], str(state.label), None
    if row.is_sending(now):
        return State.RUNNING, "Sending", None
    if row.quiet_until and row.quiet_until > now:
        return State.PAUSED, "Held back", row.quiet_until
    if row.failures:
        return State.QUEUED, "Retrying", row.next_attempt_at
    return State.QUEUED, str(Delivery.State.PENDING.label), None


def _headline(row: Delivery) -> str:
    """Of the message as sent; of the row where an older version wrote a message that says less."""
    try:
        told = " ".join(Message.from_json(row.message).headline.split()).strip(" ·")
    except (AttributeError, KeyError, TypeError, ValueError):
        told = ""
    happened = row.transition
    about = happened.job or happened.connection if happened else row.channel
    return told or f"{row.about.upper()} {about}"


def _url_of(row: Delivery) -> str:
    if row.transition is None:
        return reverse("alerts")
    connection, job = row.transition.connection, row.transition.job
    if job is None:
        return reverse("connection", args=[connection.slug])
    return reverse("job", args=[connection.slug, job.provider_id])
