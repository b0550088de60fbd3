"""Alerts that wait, and whether anything but us holds them. /readyz, /metrics, /status/ and the audit judge by it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest

from alerts import claims
from alerts.channels import kinds
from alerts.channels.base import Cap
from alerts.models import Channel, Delivery

PATIENCE = timedelta(seconds=60)
HEALTHY, FAILING, HELD = LOOKS = ("healthy", "failing", "held")


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for one enabled channel. `due_at`: since when the oldest alert could go that nothing else holds.

    `look`: how the channel does; it is "held" while it keeps to its rate.
    """

    channel_id: int
    look: str
    due_at: datetime | None

    def overdue(self, now: datetime) -> timedelta:
        """For how long an alert waits that nothing but us holds back."""
        is_ours = self.look == HEALTHY and self.due_at is not None
        return max(now - self.due_at, timedelta()) if is_ours and self.due_at else timedelta()


def queues(now: datetime) -> list[Queue]:
    """Of every enabled channel; an alert behind an older one of its job waits for that one."""
    first = claims.due(OuterRef("pk")).filter(_is_awake(now)).order_by("next_attempt_at", "id")
    since = Coalesce(Greatest("next_attempt_at", "quiet_until"), "next_attempt_at")
    due_at = Subquery(first.annotate(since=since).values("since")[:1])
    channels = Channel.objects.enabled().order_by().annotate(due_at=due_at)
    return [Queue(row.pk, _look(row, now), vars(row)["due_at"]) for row in channels]


def held_channels(channels: QuerySet[Channel], now: datetime) -> list[int]:
    """Ids of those that keep to their rate."""
    return [row.pk for row in channels if row.is_enabled and _look(row, now) == HELD]


def longest_overdue(found: Iterable[Queue], now: datetime) -> timedelta:
    return max((queue.overdue(now) for queue in found), default=timedelta())


def overdue_alerts(found: Iterable[Queue], now: datetime) -> QuerySet[Delivery]:
    """Those that are due for longer than a minute on channels that work."""
    late = [queue.channel_id for queue in found if queue.overdue(now) > PATIENCE]
    due = Q(next_attempt_at__lt=now - PATIENCE)
    return Delivery.objects.pending().filter(due, _is_awake(now), channel__in=late)


def abandoned_alerts(found: Iterable[Queue], now: datetime) -> QuerySet[Delivery]:
    """Claimed by somebody who never came back, and nobody took them since, though they could go."""
    healthy = [queue.channel_id for queue in found if queue.look == HEALTHY and queue.due_at]
    run_out = Q(lease_until__lt=now - 2 * claims.SEND_LEASE, next_attempt_at__lte=now)
    return Delivery.objects.pending().filter(run_out, _is_awake(now), channel__in=healthy)


def oldest(found: Iterable[Queue], now: datetime) -> dict[str, datetime | None]:
    """When the oldest alert that waits was made, by what holds it."""
    by_look: dict[str, list[int]] = {look: [] for look in LOOKS}
    for queue in found:
        by_look[queue.look].append(queue.channel_id)
    is_quiet = Q(quiet_until__gt=now)
    healthy = Q(channel__in=by_look[HEALTHY]) & (Q(quiet_until=None) | ~is_quiet)
    failing = Q(channel__in=by_look[FAILING])
    held = Q(channel__in=by_look[HELD]) | (Q(channel__in=by_look[HEALTHY]) & is_quiet)
    return Delivery.objects.pending().aggregate(
        healthy=Min("created_at", filter=healthy),
        failing=Min("created_at", filter=failing),
        held=Min("created_at", filter=held),
    )


def _is_awake(now: datetime) -> Q:
    """Not in quiet hours, nor just out of them, so that its turn cannot have come yet."""
    return Q(quiet_until=None) | Q(quiet_until__lt=now - PATIENCE)


def _look(channel: Channel, now: datetime) -> str:
    if channel.is_failing:
        return FAILING
    rests = channel.wait_until is not None and channel.wait_until > now - PATIENCE
    return HELD if rests or _keeps_to_its_rate(channel, now) else HEALTHY


def _keeps_to_its_rate(channel: Channel, now: datetime) -> bool:
    """Its window is full, or was a moment ago; or it moves within one: then the one before was full."""
    cap = cap_of(channel)
    if cap is None or channel.window_began_at is None:
        return False
    lately = now - PATIENCE
    is_open = channel.window_began_at + timedelta(seconds=cap.seconds) > lately
    moves = channel.last_sent_at is not None and channel.last_sent_at > lately
    return is_open and (channel.window_used >= cap.messages or moves)


def cap_of(channel: Channel) -> Cap | None:
    """The channel's own, else that of its kind."""
    if channel.messages_per_minute:
        return Cap(channel.messages_per_minute, 60.0)
    kind = kinds().get(channel.kind)
    return kind.cap if kind else None
