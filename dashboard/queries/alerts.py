"""What the alerts pages show: who is told, and whether it arrived."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.conf import settings
from django.db.models import Model
from django.http import Http404
from django.shortcuts import get_object_or_404

from accounts.models import Team, TeamQuerySet
from alerts.channels import kinds, show
from alerts.models import Channel, Delivery
from alerts.setup import has_listener
from dashboard import words
from dashboard.queries.deliveries import delivery_counts
from dashboard.queries.delivery_rows import DeliveryRow, delivery_rows
from dashboard.queries.rules import RuleRow, rule_rows
from providers.states import State

M = TypeVar("M", bound=Model)
SHOWN_FIRST = 8


@dataclass(frozen=True, slots=True)
class ChannelRow:
    public_id: uuid.UUID
    name: str
    kind: str
    target: str
    is_enabled: bool
    is_failing: bool
    from_environment: bool
    is_changeable: bool  # not the mail to the team's admins, nor what the next start would set back
    is_switchable: bool
    is_removable: bool
    look: str
    word: str
    last_answer: str
    last_sent_at: datetime | None
    wait_until: datetime | None


@dataclass(frozen=True, slots=True)
class AlertsPage:
    verdict: str
    waiting: int
    has_single_channel: bool
    rules: tuple[RuleRow, ...]
    channels: tuple[ChannelRow, ...]
    deliveries: tuple[DeliveryRow, ...]


def alerts_page(team: Team, now: datetime, *, with_answers: bool) -> AlertsPage:
    counts = delivery_counts(team, now)
    channels = tuple(
        channel_row(row, now) for row in Channel.objects.for_team(team).order_by("name", "pk")
    )
    newest = Delivery.objects.for_team(team).with_attempts().order_by("-pk")[:SHOWN_FIRST]
    is_deaf = not has_listener(team)
    return AlertsPage(
        verdict=_verdict(counts, is_deaf=is_deaf),
        waiting=counts["waiting"],
        has_single_channel=sum(row.is_enabled for row in channels) == 1,
        rules=tuple(rule_rows(team, now)),
        channels=channels,
        deliveries=delivery_rows(newest, now, with_answers=with_answers),
    )


def _verdict(counts: dict[str, int], *, is_deaf: bool) -> str:
    if is_deaf:
        return "Nobody will be told."
    sent = words.counted(counts["sent"], "alert")
    given_up, waiting = (
        words.thin(counts[key]) if counts[key] else "none" for key in ("given_up", "waiting")
    )
    return f"{sent} sent and {given_up} given up in the last 24 hours, {waiting} waiting."


def channel_row(row: Channel, now: datetime) -> ChannelRow:
    kind = kinds().get(row.kind)
    look, word = _channel_look(row)
    is_ours = row.origin == Channel.Origin.ADMINS
    return ChannelRow(
        public_id=row.public_id,
        name=row.name,
        kind=kind.label if kind else row.kind,
        target=show(row),
        is_enabled=row.is_enabled,
        is_failing=row.is_failing,
        from_environment=is_from_environment(row),
        is_changeable=not (is_ours or is_from_environment(row)),
        is_switchable=not is_from_environment(row),
        is_removable=not (is_ours or comes_back(row)),
        look=look,
        word=word,
        last_answer=row.last_answer,
        last_sent_at=row.last_sent_at,
        wait_until=row.wait_until if row.wait_until and row.wait_until > now else None,
    )


def is_from_environment(row: Channel) -> bool:
    return row.origin == Channel.Origin.ENVIRONMENT


def comes_back(row: Channel) -> bool:
    """Whether the next start makes it again: its variable is still set."""
    return is_from_environment(row) and bool(settings.WEBHOOK_URL)


def _channel_look(row: Channel) -> tuple[str, str]:
    if not row.is_enabled:
        return State.PAUSED.value, "Off"
    if row.failures:
        return State.FAILED.value, "Failing"
    return (
        (State.SUCCEEDED.value, "Works")
        if row.last_sent_at
        else (State.QUEUED.value, "Not used yet")
    )


def find_by_public_id(rows: TeamQuerySet[M], public_id: object) -> M:
    """The row of the team with this public id, or Http404."""
    try:
        return get_object_or_404(rows, public_id=uuid.UUID(str(public_id)))
    except ValueError:
        raise Http404 from None


def find_channel(team: Team, public_id: object) -> Channel:
    return find_by_public_id(Channel.objects.for_team(team), public_id)


def find_set_up_channel(team: Team, public_id: object) -> Channel:
    return find_by_public_id(Channel.objects.for_team(team).set_up(), public_id)
