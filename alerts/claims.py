"""Who may send which delivery now. The same claim, lease and fence as in jobs.claims.

All writes to a held delivery name its token; when it no longer carries it, somebody else owns the
row and the result is dropped. A channel's row is locked while its deliveries are chosen or its
back-off is written, so that a failing channel gets one trial at a time from all workers together,
and its rate cap is counted once.

A digest is a set of rows with one `digest_key`, written in the claim that makes it, before it is
sent. From then on they are claimed together or not at all, until all of them are settled: every
try carries the same key and says the same. Nobody joins, nobody leaves.
"""

import time
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Greatest, Now

from alerts.caps import Window
from alerts.channels import kinds
from alerts.channels.base import Cap
from alerts.grouping import GATHER_S, MOST_IN_DIGEST, Backlog, Way
from alerts.models import Channel, Delivery
from jobs.claims import claim, database_now

SEND_LEASE = timedelta(seconds=45)
# With less than this left before a send, the lease is renewed first.
RENEW_BELOW_S = 30.0
PENDING = Delivery.State.PENDING
# A lease further ahead than any lease goes was written by a clock that has been set back since.
LIVE_LEASE = Q(lease_until__gte=Now(), lease_until__lte=Now() + 2 * SEND_LEASE)
QUIET = Q(quiet_until__gt=Now())


@dataclass(frozen=True, slots=True)
class Held:
    """The right to send one message until the lease ends: a delivery, or a digest of several.

    `held_since`: this process's monotonic clock.
    """

    deliveries: tuple[Delivery, ...]
    token: uuid.UUID
    held_since: float

    @property
    def first(self) -> Delivery:
        return self.deliveries[0]

    @property
    def channel_id(self) -> int:
        return self.first.channel_id

    @property
    def ids(self) -> list[int]:
        return [delivery.pk for delivery in self.deliveries]

    @property
    def key(self) -> uuid.UUID:
        """The same on every try of this message."""
        return self.first.digest_key or self.first.key

    @property
    def failures(self) -> int:
        return min(delivery.failures for delivery in self.deliveries)

    @property
    def claims(self) -> int:
        return max(delivery.claims for delivery in self.deliveries)

    @property
    def lease_left_s(self) -> float:
        return SEND_LEASE.total_seconds() - (time.monotonic() - self.held_since)

    def rows(self) -> QuerySet[Delivery]:
        """The rows, while they are still ours."""
        return Delivery.objects.filter(pk__in=self.ids, lease_token=self.token, state=PENDING)


def due(channel_id: int | OuterRef) -> QuerySet[Delivery]:
    """What may be sent to a channel now, apart from leases: in transition order within a thread.

    What quiet hours hold back holds back nobody. It is freed, and goes first, when something newer
    about the same job rings: `announcing` does that.
    """
    # As the index has them, and no further key: a claim reads as many rows as it takes.
    return _without(_older(), _ready(channel_id)).order_by("next_attempt_at")


def _ready(channel_id: int | OuterRef) -> QuerySet[Delivery]:
    rows = Delivery.objects.filter(state=PENDING, next_attempt_at__lte=Now(), channel_id=channel_id)
    return rows.exclude(QUIET)


def _older() -> QuerySet[Delivery]:
    """Those of the same thread that go first."""
    return Delivery.objects.filter(
        state=PENDING,
        channel=OuterRef("channel"),
        thread=OuterRef("thread"),
        transition__lt=OuterRef("transition"),
    ).exclude(QUIET)


def _without(others: QuerySet[Delivery], rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Those of `rows` for which there is none of `others`.

    A value, not EXISTS: PostgreSQL joins the tables for that, and on a table that just filled up it
    compares each row with each: 66 ms where one look into the index for each row takes 0.3 ms.
    """
    return rows.alias(other=Subquery(others.values("pk")[:1])).filter(other=None)


def open_channels() -> QuerySet[Channel]:
    """Channels that may be sent to: enabled, and not backing off. Their caps are another matter."""
    return Channel.objects.enabled().filter(Q(wait_until=None) | Q(wait_until__lte=Now()))


def channels_due(full: Collection[int], *, with_trials: bool = True) -> list[int]:
    """Ids of open channels with something free to send and room under their cap, not of those in `full`.

    Those that work come first, and among them who was told longest ago; without trials, only they.
    """
    rows = _with_work().exclude(pk__in=full)
    rows = rows if with_trials else rows.filter(failures=0)
    found = list(rows.order_by("failures", "last_sent_at", "pk"))
    if not any(cap_of(channel) for channel in found):
        return [channel.pk for channel in found]
    now = database_now()
    return [channel.pk for channel in found if not _waits_s(channel, now)]


def opens_in_s() -> float | None:
    """Seconds until the first channel with something to send may be told again, if one waits for that."""
    found = [one for one in _with_work() if cap_of(one) or has_digests(one)]
    now = database_now() if found else None
    waits = [_waits_s(one, now) or _gathers_s(one, now) for one in found if now]
    return min((wait_s for wait_s in waits if wait_s > 0), default=None)


def _with_work() -> QuerySet[Channel]:
    free = due(OuterRef("pk")).exclude(LIVE_LEASE).order_by()
    # A value for the same reason as in `_without`.
    return open_channels().alias(work=Subquery(free.values("pk")[:1])).exclude(work=None)


def _waits_s(channel: Channel, now: datetime) -> float:
    cap = cap_of(channel)
    return window_of(channel).waits_s(cap, now) if cap else 0.0


def _gathers_s(channel: Channel, now: datetime) -> float:
    if channel.last_sent_at is None or not has_digests(channel):
        return 0.0
    return GATHER_S - (now - channel.last_sent_at).total_seconds()


def cap_of(channel: Channel) -> Cap | None:
    """What it takes at most: as somebody set it here, else as the vendor of its kind says."""
    if channel.messages_per_minute:
        return Cap(channel.messages_per_minute, 60.0)
    kind = kinds().get(channel.kind)
    return kind.cap if kind else None


def window_of(channel: Channel) -> Window:
    return Window(channel.window_began_at, channel.window_used)


def has_digests(channel: Channel) -> bool:
    kind = kinds().get(channel.kind)
    return kind is not None and kind.has_digests


def claim_from(channel_id: int, limit: int) -> list[Held]:
    """Up to `limit` messages for one channel, now held; one trial when the channel is failing."""
    with transaction.atomic():
        rows = open_channels().select_related("team").filter(pk=channel_id)
        channel = rows.select_for_update(no_key=True, of=("self",)).first()
        if channel is None:
            return []
        if channel.is_failing:
            if _has_live_lease(channel_id):
                return []
            limit = 1
        cap = cap_of(channel)
        # Asked under the lock: who waited for it must not decide by the time before.
        now = database_now() if cap or has_digests(channel) else None
        room = window_of(channel).room(cap, now) if cap and now else limit
        held = _claim(channel, min(limit, room), room if cap else None, now)
        if cap and now and held:
            _count(channel, window_of(channel).after(cap, now, len(held)))
    return held


def _count(channel: Channel, window: Window) -> None:
    rows = Channel.objects.filter(pk=channel.pk)
    rows.update(window_began_at=window.began_at, window_used=window.used)


def _claim(channel: Channel, limit: int, room: int | None, now: datetime | None) -> list[Held]:
    if limit < 1:
        return []
    if now is None or not has_digests(channel):
        return _claim_singly(channel, due(channel.pk), limit)
    grouped = _ready(channel.pk).exclude(LIVE_LEASE).exclude(digest_key=None)
    waiting = grouped.order_by("next_attempt_at", "id").values_list("digest_key", flat=True).first()
    if waiting:
        return _claim_digest(channel, waiting)
    way = _backlog(channel, room, now).way()
    if way is Way.DIGEST:
        return _make_digest(channel)
    singles = due(channel.pk).filter(digest_key=None)
    return [] if way is Way.GATHER else _claim_singly(channel, singles, limit)


def _claim_singly(channel: Channel, rows: QuerySet[Delivery], limit: int) -> list[Held]:
    held_since = time.monotonic()
    taken, found = claim(rows, limit, SEND_LEASE)
    return [_held(channel, [row], taken.token, held_since) for row in found]


def _held(channel: Channel, rows: Sequence[Delivery], token: uuid.UUID, held_since: float) -> Held:
    for row in rows:
        row.channel = channel
    return Held(tuple(rows), token, held_since)


def _backlog(channel: Channel, room: int | None, now: datetime) -> Backlog:
    found = list(_free_to_group(channel).values_list("quiet_until", flat=True)[:MOST_IN_DIGEST])
    told_at = channel.last_sent_at
    return Backlog(
        waiting=len(found),
        held_back=sum(quiet_until is not None for quiet_until in found),
        room=room,
        since_last_s=(now - told_at).total_seconds() if told_at else None,
    )


def _free_to_group(channel: Channel) -> QuerySet[Delivery]:
    """What could go into one digest: with all that goes before it in its thread, or nothing does."""
    apart = Q(next_attempt_at__gt=Now()) | LIVE_LEASE | ~Q(digest_key=None)
    rows = _without(_older().filter(apart), _ready(channel.pk).filter(digest_key=None))
    return rows.exclude(LIVE_LEASE).order_by("id")


def _make_digest(channel: Channel) -> list[Held]:
    # Waits for rows that somebody else writes at the moment: passing one over would let a newer
    # alert of its job go first.
    rows = _free_to_group(channel).select_for_update(no_key=True, of=("self",))
    ids = list(rows.values_list("pk", flat=True)[:MOST_IN_DIGEST])
    held_since = time.monotonic()
    taken, found = claim(Delivery.objects.filter(pk__in=ids).order_by("pk"), len(ids), SEND_LEASE)
    if len(found) > 1:
        # They share the schedule from here on, from where the least tried one stands.
        key, failures = uuid.uuid4(), min(row.failures for row in found)
        Delivery.objects.filter(pk__in=ids).update(digest_key=key, failures=failures)
        for row in found:
            row.digest_key, row.failures = key, failures
    return [_held(channel, found, taken.token, held_since)] if found else []


def _claim_digest(channel: Channel, key: uuid.UUID) -> list[Held]:
    rows = Delivery.objects.filter(digest_key=key, state=PENDING)
    held_since = time.monotonic()
    with transaction.atomic():
        taken, found = claim(rows.order_by("pk"), MOST_IN_DIGEST, SEND_LEASE)
        if len(found) < rows.count():
            # Somebody writes some of its rows at the moment.
            transaction.set_rollback(True)
            return []
    return [_held(channel, found, taken.token, held_since)] if found else []


def _has_live_lease(channel_id: int) -> bool:
    return Delivery.objects.filter(LIVE_LEASE, state=PENDING, channel=channel_id).exists()


def renew(held: Held) -> Held | None:
    """The same right with a fresh lease; None when somebody else has it now."""
    held_since = time.monotonic()
    if not held.rows().update(lease_until=Now() + SEND_LEASE):
        return None
    return Held(held.deliveries, held.token, held_since)


def release(held: Iterable[Held]) -> None:
    """Give back what was not begun; it does not count as a claim."""
    for one in held:
        one.rows().update(lease_until=None, lease_token=None, claims=F("claims") - 1)


def wake(rows: QuerySet[Delivery]) -> int:
    """Make waiting rows due now, digests as a whole; but nothing that quiet hours hold back.

    The extra try costs none of the schedule's.
    """
    waiting = Delivery.objects.filter(state=PENDING, next_attempt_at__gt=Now()).exclude(QUIET)
    meant = rows.filter(state=PENDING, next_attempt_at__gt=Now())
    keys = meant.exclude(digest_key=None).order_by().values("digest_key")
    chosen = Q(pk__in=meant.order_by().values("pk")) | Q(digest_key__in=keys)
    return waiting.filter(chosen).update(
        next_attempt_at=Now(), failures=Greatest(F("failures") - 1, 0)
    )
