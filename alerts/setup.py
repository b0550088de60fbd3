"""What people set up: channels and rules. Callers check roles and write the audit entry."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts.models import Team
from alerts import claims, hints, results
from alerts.channels import kinds, secrets_of
from alerts.channels.base import Kind, Stored
from alerts.models import Channel, Delivery, Rule
from alerts.rules import RULE_STATES
from jobs.models import Connection
from outbound.secret import Secret


@dataclass(frozen=True, slots=True)
class Created:
    """A channel as stored. `new_secret`: made by us, "" when none was; this is the only time to show it."""

    channel: Channel
    new_secret: str = ""


def create_channel(
    team: Team,
    kind: str,
    name: str,
    cleaned: Mapping[str, Any],
    *,
    origin: str = Channel.Origin.SITE,
) -> Created:
    """A new, enabled channel from the values of its kind's form. Raises ValueError."""
    stored = _kind(kind).store(cleaned, {}, {})
    channel = Channel(team=team, kind=kind, name=_name(name), origin=origin)
    _fill(channel, stored)
    channel.save()
    return Created(channel, stored.new_secret)


def update_channel(channel: Channel, name: str, cleaned: Mapping[str, Any]) -> Created:
    """The channel with new values; secrets left empty stay. Raises ValueError, CannotOpen."""
    kind = _kind(channel.kind)
    channel.name = _name(name)
    stored = kind.store(cleaned, channel.config, secrets_of(channel))
    _fill(channel, stored)
    channel.save(update_fields=["name", "config", "sealed_secrets"])
    _forget_failures(channel)
    return Created(channel, stored.new_secret)


def set_enabled(channel: Channel, is_enabled: bool) -> None:  # it is the value set
    """Switched on, it starts without back-off; switched off, what waits is suppressed."""
    channel.is_enabled = is_enabled
    with transaction.atomic():
        channel.save(update_fields=["is_enabled"])
        if is_enabled:
            _forget_failures(channel)
        else:
            results.suppress_disabled()


def remove_channel(channel: Channel) -> None:
    """Its deliveries go with it; rules stay, without it."""
    channel.delete()


def create_rule(
    team: Team,
    states: Collection[str],
    channels: Iterable[Channel],
    *,
    connections: Iterable[Connection] = (),
    name: str = "",
) -> Rule:
    """An enabled rule; it rings for what is recorded from now on. Raises ValueError."""
    told, chosen = list(channels), list(connections)
    _check_rule(team, states, told, chosen)
    ordered = [state for state in RULE_STATES if state in states]
    with transaction.atomic():
        rule = Rule.objects.create(team=team, name=name.strip()[:80], states=ordered)
        rule.channels.set(told)
        rule.connections.set(chosen)
    return rule


def set_rule_enabled(rule: Rule, is_enabled: bool) -> None:  # it is the value set
    rule.is_enabled = is_enabled
    rule.save(update_fields=["is_enabled"])


def remove_rule(rule: Rule) -> None:
    """What it announced already is still delivered."""
    rule.delete()


def has_listener(team: Team) -> bool:
    """Whether anybody at all would be told of something."""
    rules = Rule.objects.for_team(team).filter(is_enabled=True).exclude(states=[])
    return rules.filter(channels__is_enabled=True).exists()


def _kind(name: str) -> Kind:
    kind = kinds().get(name)
    if kind is None:
        raise ValueError(f"There is no kind of channel called {name!r}.")
    return kind


def _name(text: str) -> str:
    name = " ".join(text.split())[:80]
    if not name:
        raise ValueError("Give the channel a name.")
    return name


def _fill(channel: Channel, stored: Stored) -> None:
    channel.config = stored.config
    channel.set_secrets(Secret(json.dumps(stored.secrets)) if stored.secrets else None)


def _forget_failures(channel: Channel) -> None:
    """It may be mended now: what waits is tried at once."""
    channel.failures, channel.failing_since, channel.wait_until = 0, None, None
    channel.admins_told_at = None
    channel.save(update_fields=["failures", "failing_since", "wait_until", "admins_told_at"])
    if claims.wake(Delivery.objects.filter(channel=channel)):
        transaction.on_commit(hints.ring)


def _check_rule(
    team: Team, states: Collection[str], told: list[Channel], connections: list[Connection]
) -> None:
    unknown = sorted(set(states) - set(RULE_STATES))
    if unknown:
        raise ValueError(f"No rule can ring for {', '.join(unknown)}.")
    if not states:
        raise ValueError("Choose at least one state.")
    if not told:
        raise ValueError("Choose at least one channel.")
    team_ids = {channel.team_id for channel in told} | {one.team_id for one in connections}
    if team_ids != {team.pk}:
        raise ValueError("Choose channels and connections of this team.")
