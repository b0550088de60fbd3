"""Writes down what became of a try. Each write to a delivery is fenced by the token it was held under."""

import random
from datetime import timedelta
from enum import Enum

import structlog
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now

from alerts import claims
from alerts.channels.base import Receipt, SendError
from alerts.claims import Held
from alerts.models import Attempt, Channel, Delivery
from alerts.schedule import (
    DISABLE_AFTER_S,
    OUTAGE_FAILURES,
    SCHEDULE_S,
    Next,
    Refusal,
    after_failure,
)
from alerts.senders import NotBegun, Outcome
from jobs.failpoints import failpoint
from outbound.redact import redact

MAX_TEXT = 300
SWITCHED_OFF = "The channel was switched off."
# Whatever goes wrong with a lease, nobody holds the row afterwards.
FREED = {"lease_until": None, "lease_token": None, "claims": 0}

log = structlog.get_logger(__name__)


class Fate(Enum):
    SENT = "sent"
    FAILED = "failed"  # it will be tried again
    DEAD = "dead"
    STALE = "stale"  # the row was not ours any more: nothing was written


def settle(held: Held, outcome: Outcome) -> Fate:
    """Note the outcome. Raises DatabaseError before anything is written, never after."""
    if isinstance(outcome.error, NotBegun):
        claims.release([held])
        fate = Fate.STALE
    elif outcome.receipt is not None:
        fate = _settle_sent(held, outcome.receipt, outcome.duration_ms)
    else:
        error = outcome.error or SendError("Nothing is known about this try.")
        fate = _settle_failed(held, error, outcome.duration_ms)
    log.info(
        "delivery tried",
        delivery=held.delivery.pk,
        channel=held.delivery.channel_id,
        fate=fate.value,
        duration_ms=outcome.duration_ms,
    )
    return fate


def bury(held: Held, reason: str) -> Fate:
    """Give a delivery up without trying it."""
    died = held.rows().update(
        state=Delivery.State.DEAD, reason=reason[:MAX_TEXT], next_attempt_at=None, **FREED
    )
    return Fate.DEAD if died else Fate.STALE


def suppress_disabled() -> int:
    """What waits for a channel that was switched off will not be sent."""
    waiting = Delivery.objects.filter(
        state=Delivery.State.PENDING, channel__in=Channel.objects.filter(is_enabled=False)
    )
    return waiting.exclude(claims.LIVE_LEASE).update(
        state=Delivery.State.SUPPRESSED, reason=SWITCHED_OFF, next_attempt_at=None, **FREED
    )


def _settle_sent(held: Held, receipt: Receipt, duration_ms: int) -> Fate:
    failpoint("deliver.accepted")
    marked = held.rows().update(
        state=Delivery.State.SENT, reason="", sent_at=Now(), next_attempt_at=None, **FREED
    )
    if not marked:
        return Fate.STALE
    try:
        failpoint("deliver.marked")
        _note_success(held, receipt, duration_ms)
    except Exception:
        # It is sent and marked; nothing that is written about it may undo that.
        log.exception("attempt not noted", delivery=held.delivery.pk)
    return Fate.SENT


def _note_success(held: Held, receipt: Receipt, duration_ms: int) -> None:
    channel = Channel.objects.filter(pk=held.delivery.channel_id)
    with transaction.atomic():
        _note_attempt(held, receipt.status, receipt.answer, duration_ms, is_sent=True)
        ended_outage = channel.filter(failures__gte=OUTAGE_FAILURES).exists()
        channel.update(
            failures=0,
            failing_since=None,
            wait_until=None,
            last_sent_at=Now(),
            last_answer=receipt.answer[:MAX_TEXT],
        )
        if ended_outage:
            claims.wake(Delivery.objects.filter(channel=held.delivery.channel_id))


def _settle_failed(held: Held, error: SendError, duration_ms: int) -> Fate:
    with transaction.atomic():
        rows = Channel.objects.filter(pk=held.delivery.channel_id)
        channel = rows.select_for_update(no_key=True).first()
        if channel is None:
            return Fate.STALE
        failures = held.delivery.failures + 1
        refusal = Refusal(error.permanent, error.gone, error.retry_after)
        jitter = random.uniform(-1, 1)  # noqa: S311  # spreads load, guards nothing
        follows = after_failure(refusal, failures, channel.failures + 1, jitter)
        if not _put_off(held, failures, follows, redact(error.detail)):
            return Fate.STALE
        _note_attempt(held, error.status, error.detail, duration_ms, is_sent=False)
        _back_off(channel, follows, redact(error.detail))
    return Fate.DEAD if follows.delay_s is None else Fate.FAILED


def _put_off(held: Held, failures: int, follows: Next, detail: str) -> int:
    if follows.delay_s is not None:
        next_at = Now() + timedelta(seconds=follows.delay_s)
        return held.rows().update(
            failures=failures, next_attempt_at=next_at, reason=detail[:MAX_TEXT], **FREED
        )
    is_worn_out = failures >= len(SCHEDULE_S)
    reason = f"Given up after {failures} tries: {detail}" if is_worn_out else detail
    return held.rows().update(
        state=Delivery.State.DEAD,
        failures=failures,
        next_attempt_at=None,
        reason=reason[:MAX_TEXT],
        **FREED,
    )


def _back_off(channel: Channel, follows: Next, detail: str) -> None:
    rows = Channel.objects.filter(pk=channel.pk)
    rows.update(
        failures=F("failures") + 1,
        failing_since=Coalesce("failing_since", Now()),
        wait_until=Now() + timedelta(seconds=follows.channel_wait_s),
        last_answer=detail[:MAX_TEXT],
    )
    too_long = rows.filter(failing_since__lt=Now() - timedelta(seconds=DISABLE_AFTER_S))
    if follows.disables_channel or too_long.exists():
        rows.update(is_enabled=False)
        log.warning("channel switched off", channel=channel.pk, reason=detail[:MAX_TEXT])


def _note_attempt(
    held: Held, status: int | None, answer: str, duration_ms: int, *, is_sent: bool
) -> None:
    Attempt.objects.create(
        delivery=held.delivery,
        started_at=Now() - timedelta(milliseconds=duration_ms),
        is_sent=is_sent,
        status_code=status,
        answer=redact(answer)[:MAX_TEXT],
        duration_ms=duration_ms,
    )
