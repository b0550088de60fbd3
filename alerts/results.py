"""Writes down what became of a try. Each write to a delivery is fenced by the token it was held under."""

import random
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import structlog
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Now

from alerts import claims, trouble
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
from alerts.trouble import Trouble
from jobs.failpoints import failpoint
from outbound.redact import redact

if TYPE_CHECKING:
    from uuid import UUID

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


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that its receiver took."""

    held: Held
    receipt: Receipt
    duration_ms: int


def settle(held: Held, outcome: Outcome) -> Fate:
    """Note the outcome. Raises DatabaseError before anything is written, never after."""
    if isinstance(outcome.error, NotBegun):
        claims.release([held])
        return _logged(held, Fate.STALE, outcome.duration_ms)
    if outcome.receipt is not None:
        (fate,) = settle_taken([Taken(held, outcome.receipt, outcome.duration_ms)])
        return fate
    error = outcome.error or SendError("Nothing is known about this try.")
    fate = _settle_failed(held, error, outcome.duration_ms)
    return _logged(held, fate, outcome.duration_ms)


def settle_taken(taken: Sequence[Taken]) -> list[Fate]:
    """Note many that were taken with the statements of one; the fate of each.

    Raises DatabaseError before anything is written, never after.
    """
    failpoint("deliver.accepted")
    marked = _mark_sent([one.held for one in taken])
    failpoint("deliver.marked")
    kept = [one for one in taken if marked.intersection(one.held.ids)]
    if not _is_noted(kept, marked):
        for one in kept:
            _is_noted([one], marked)
    fates = [Fate.SENT if one in kept else Fate.STALE for one in taken]
    return [
        _logged(one.held, fate, one.duration_ms) for one, fate in zip(taken, fates, strict=True)
    ]


def bury(held: Held, reason: str) -> Fate:
    """Give a message up without trying it."""
    with transaction.atomic():
        channel = _locked_channel(held)
        died = held.rows().update(
            state=Delivery.State.DEAD, reason=reason[:MAX_TEXT], next_attempt_at=None, **FREED
        )
        if channel and died:
            _tell(channel, held, Trouble.GIVEN_UP, reason)
    return Fate.DEAD if died else Fate.STALE


def suppress_disabled() -> int:
    """What waits for a channel that was switched off will not be sent."""
    waiting = Delivery.objects.filter(
        state=Delivery.State.PENDING, channel__in=Channel.objects.filter(is_enabled=False)
    )
    return waiting.exclude(claims.LIVE_LEASE).update(
        state=Delivery.State.SUPPRESSED, reason=SWITCHED_OFF, next_attempt_at=None, **FREED
    )


def _logged(held: Held, fate: Fate, duration_ms: int) -> Fate:
    log.info(
        "delivery tried",
        delivery=held.first.pk,
        digest=str(held.first.digest_key or "") or None,
        rows=len(held.deliveries),
        channel=held.channel_id,
        fate=fate.value,
        duration_ms=duration_ms,
    )
    return fate


def _mark_sent(helds: Sequence[Held]) -> set[int]:
    """Keys of the rows that were still ours; they are sent now."""
    rows, ids = _ours(helds), {pk for held in helds for pk in held.ids}
    with transaction.atomic():
        if rows.update(**_sent()) == len(ids):
            return ids
        # Some are somebody else's by now, and an UPDATE does not tell which.
        transaction.set_rollback(True)
    with transaction.atomic():
        found = rows.select_for_update(no_key=True).order_by("pk")
        ids = set(found.values_list("pk", flat=True))
        Delivery.objects.filter(pk__in=ids).update(**_sent())
    return ids


def _sent() -> dict[str, Any]:
    return {
        "state": Delivery.State.SENT,
        "reason": "",
        "sent_at": Now(),
        "next_attempt_at": None,
        **FREED,
    }


def _ours(helds: Sequence[Held]) -> QuerySet[Delivery]:
    """All rows of these that still carry the token they were held under."""
    ids: dict[UUID, list[int]] = defaultdict(list)
    for held in helds:
        ids[held.token] += held.ids
    fences = (Q(lease_token=token, pk__in=held_ids) for token, held_ids in ids.items())
    return Delivery.objects.filter(reduce(or_, fences), state=Delivery.State.PENDING)


def _is_noted(taken: Sequence[Taken], marked: Collection[int]) -> bool:
    """Whether the success was noted. Never raises: nothing that is written of it may undo the mark."""
    try:
        _note_success(taken, marked)
    except Exception:
        log.exception("success not noted", deliveries=[one.held.first.pk for one in taken])
        return False
    return True


def _note_success(taken: Sequence[Taken], marked: Collection[int]) -> None:
    told = {one.held.channel_id: one.receipt for one in taken}
    with transaction.atomic():
        _note_attempts(
            [
                _attempt(row, one.receipt.status, one.receipt.answer, one.duration_ms, is_sent=True)
                for one in taken
                for row in one.held.deliveries
                if row.pk in marked
            ]
        )
        for channel_id in sorted(told):
            _end_trouble(channel_id, told[channel_id])


def _end_trouble(channel_id: int, receipt: Receipt) -> None:
    channel = Channel.objects.filter(pk=channel_id)
    works: dict[str, Any] = {
        "failures": 0,
        "failing_since": None,
        "wait_until": None,
        "admins_told_at": None,
        "last_sent_at": Now(),
        "last_answer": redact(receipt.answer)[:MAX_TEXT],
    }
    if not channel.filter(failures__lt=OUTAGE_FAILURES).update(**works) and channel.update(**works):
        claims.wake(Delivery.objects.filter(channel=channel_id))


def _locked_channel(held: Held) -> Channel | None:
    rows = Channel.objects.filter(pk=held.channel_id).select_related("team")
    return rows.select_for_update(no_key=True, of=("self",)).first()


def _settle_failed(held: Held, error: SendError, duration_ms: int) -> Fate:
    with transaction.atomic():
        channel = _locked_channel(held)
        if channel is None:
            return Fate.STALE
        failures = held.failures + 1
        refusal = Refusal(error.permanent, error.gone, error.retry_after)
        jitter = random.uniform(-1, 1)  # noqa: S311  # spreads load, guards nothing
        follows = after_failure(refusal, failures, channel.failures + 1, jitter)
        detail = redact(error.detail)[:MAX_TEXT]
        rows = list(held.rows().values_list("pk", flat=True))
        if not _put_off(held, failures, follows, detail):
            return Fate.STALE
        _note_attempts(
            [
                _attempt(row, error.status, detail, duration_ms, is_sent=False)
                for row in held.deliveries
                if row.pk in rows
            ]
        )
        is_off = _back_off(channel, follows, detail)
        what = trouble.of_failure(error, follows, channel.failures + 1, is_off=is_off)
        _tell(channel, held, what, detail)
    return Fate.DEAD if follows.delay_s is None else Fate.FAILED


def _put_off(held: Held, failures: int, follows: Next, detail: str) -> int:
    if follows.delay_s is not None:
        next_at = Now() + timedelta(seconds=follows.delay_s)
        return held.rows().update(
            failures=failures, next_attempt_at=next_at, reason=detail, **FREED
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


def _back_off(channel: Channel, follows: Next, detail: str) -> bool:
    """Whether the channel was switched off."""
    rows = Channel.objects.filter(pk=channel.pk)
    rows.update(
        failures=F("failures") + 1,
        failing_since=Coalesce("failing_since", Now()),
        wait_until=Now() + timedelta(seconds=follows.channel_wait_s),
        last_answer=detail,
    )
    too_long = rows.filter(failing_since__lt=Now() - timedelta(seconds=DISABLE_AFTER_S))
    if not follows.disables_channel and not too_long.exists():
        return False
    rows.update(is_enabled=False)
    log.warning("channel switched off", channel=channel.pk, reason=detail)
    return True


def _tell(channel: Channel, held: Held, what: Trouble | None, detail: str) -> None:
    """A notice that fails makes no further notices: they would go round for ever."""
    is_notice = all(row.transition_id is None for row in held.deliveries)
    if what is not None and not is_notice:
        trouble.tell_admins(channel, what, detail)


def _attempt(
    row: Delivery, status: int | None, answer: str, duration_ms: int, *, is_sent: bool
) -> Attempt:
    return Attempt(
        delivery=row,
        started_at=Now() - timedelta(milliseconds=duration_ms),
        is_sent=is_sent,
        status_code=status,
        answer=redact(answer)[:MAX_TEXT],
        duration_ms=duration_ms,
    )


def _note_attempts(attempts: Sequence[Attempt]) -> None:
    Attempt.objects.bulk_create(attempts)
