"""Who may send which delivery now. The same claim, lease and fence as in jobs.claims.

All writes to a held delivery name its token; when it no longer carries it, somebody else owns the
row and the result is dropped. A channel's row is locked while its deliveries are chosen or its
back-off is written, so that a failing channel gets one trial at a time from all workers together.
"""

import time
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Greatest, Now

from alerts.models import Channel, Delivery
from jobs.claims import claim

SEND_LEASE = timedelta(seconds=45)
# With less than this left before a send, the lease is renewed first.
RENEW_BELOW_S = 30.0
PENDING = Delivery.State.PENDING
# A lease further ahead than any lease goes was written by a clock that has been set back since.
LIVE_LEASE = Q(lease_until__gte=Now(), lease_until__lte=Now() + 2 * SEND_LEASE)


@dataclass(frozen=True, slots=True)
class Held:
    """The right to send one delivery until the lease ends. `held_since`: this process's monotonic clock."""

    delivery: Delivery
    token: uuid.UUID
    held_since: float

    def rows(self) -> QuerySet[Delivery]:
        """The row, while it is still ours."""
        return Delivery.objects.filter(pk=self.delivery.pk, lease_token=self.token, state=PENDING)

    @property
    def lease_left_s(self) -> float:
        return SEND_LEASE.total_seconds() - (time.monotonic() - self.held_since)


def due(channel_id: int | OuterRef) -> QuerySet[Delivery]:
    """What may be sent to a channel now, apart from leases: in transition order within a thread."""
    older = Delivery.objects.filter(
        state=PENDING,
        channel=OuterRef("channel"),
        thread=OuterRef("thread"),
        transition__lt=OuterRef("transition"),
    )
    rows = Delivery.objects.filter(state=PENDING, next_attempt_at__lte=Now(), channel_id=channel_id)
    return rows.filter(~Exists(older)).order_by("next_attempt_at", "id")


def open_channels() -> QuerySet[Channel]:
    """Channels that may be sent to: enabled, and not backing off."""
    return Channel.objects.enabled().filter(Q(wait_until=None) | Q(wait_until__lte=Now()))


def channels_due(full: Collection[int]) -> list[int]:
    """Ids of open channels with something free to send, but not of those in `full`."""
    free = due(OuterRef("pk")).exclude(LIVE_LEASE)
    channels = open_channels().exclude(pk__in=full).filter(Exists(free))
    return list(channels.order_by("last_sent_at", "pk").values_list("pk", flat=True))


def claim_from(channel_id: int, limit: int) -> list[Held]:
    """Up to `limit` deliveries of one channel, now held; one trial when the channel is failing."""
    with transaction.atomic():
        channel = open_channels().select_for_update(no_key=True).filter(pk=channel_id).first()
        if channel is None:
            return []
        if channel.is_failing:
            if _has_live_lease(channel_id):
                return []
            limit = 1
        held_since = time.monotonic()
        taken, rows = claim(due(channel_id), limit, SEND_LEASE)
    ids = [row.pk for row in rows]
    loaded = Delivery.objects.select_related("channel__team").in_bulk(ids)
    return [Held(loaded[pk], taken.token, held_since) for pk in ids if pk in loaded]


def _has_live_lease(channel_id: int) -> bool:
    return Delivery.objects.filter(LIVE_LEASE, state=PENDING, channel=channel_id).exists()


def renew(held: Held) -> Held | None:
    """The same right with a fresh lease; None when somebody else has it now."""
    held_since = time.monotonic()
    if not held.rows().update(lease_until=Now() + SEND_LEASE):
        return None
    return Held(held.delivery, held.token, held_since)


def release(held: Iterable[Held]) -> None:
    """Give back what was not begun; it does not count as a claim."""
    for one in held:
        one.rows().update(lease_until=None, lease_token=None, claims=F("claims") - 1)


def wake(rows: QuerySet[Delivery]) -> int:
    """Make waiting rows due now. The extra try costs none of the schedule's."""
    return rows.filter(state=PENDING, next_attempt_at__gt=Now()).update(
        next_attempt_at=Now(), failures=Greatest(F("failures") - 1, 0)
    )
