"""Connections whose polling fails, as a list of their jobs tells it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from jobs.models import Connection


@dataclass(frozen=True, slots=True)
class Trouble:
    """A connection whose polling fails; its rows stay as they were."""

    name: str
    url: str
    health: str
    reason: str
    last_good_at: datetime | None
    next_try_at: datetime | None


def troubles_of(connections: Iterable[Connection], now: datetime) -> tuple[Trouble, ...]:
    """Of those that are polled at all."""
    failing = (one for one in connections if one.is_troubled and not one.is_paused)
    return tuple(_trouble_of(one, now) for one in failing)


def _trouble_of(connection: Connection, now: datetime) -> Trouble:
    return Trouble(
        name=connection.name,
        url=reverse("connection", args=[connection.slug]),
        health=connection.get_health_display(),
        reason=connection.health_reason,
        last_good_at=connection.last_good_at,
        next_try_at=next_try_at(connection, now),
    )


def next_try_at(connection: Connection, now: datetime) -> datetime | None:
    """When it is asked again; None when that is due now."""
    gates = (connection.wait_until, connection.paced_until, connection.next_sweep_at)
    planned = max(filter(None, gates), default=now)
    return planned if planned > now else None
