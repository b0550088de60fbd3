"""What people set up: channels and rules. Callers check roles and write the audit entry."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts.models import Team
from alerts import claims, hints, results
from alerts.channels import kinds, secrets_of
from alerts.channels.base import Kind, Stored
from alerts.models import Channel, Delivery, Rule
from alerts.quiet_hours import QuietHours, spelled
from alerts.rules import RULE_STATES
from jobs.models import Connection
from outbound.secret import Secret

MAX_PATTERNS, MAX_PATTERN = 20, 200
MAX_PAIRS, MAX_KEY, MAX_VALUE = 16, 64, 512  # what providers take
RULE_COLUMNS = (
    *("name", "states", "base_models", "metadata"),
    *("is_urgent", "quiet_from", "quiet_until", "quiet_zone"),
)


@dataclass(frozen=True, slots=True)
class Created:
    """A channel as stored. `new_secret`: made by us, "" when none was; this is the only time to show it."""

    channel: Channel
    new_secret: str = ""


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """A rule as people state it. `metadata`: key -> value, "*" for any; empty asks for nothing."""

    states: Collection[str]
    channels: Sequence[Channel]
    connections: Sequence[Connection] = ()
    base_models: Sequence[str] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    is_urgent: bool = False
    quiet: QuietHours | None = None
    name: str = ""


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


def set_pace(channel: Channel, messages_per_minute: int | None) -> None:
    """A cap of the team's own; None: the one of its kind."""
    channel.messages_per_minute = messages_per_minute
    channel.save(update_fields=["messages_per_minute"])


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


def create_rule(team: Team, facts: RuleFacts) -> Rule:
    """An enabled rule; it rings for what is recorded from now on. Raises ValueError."""
    rule = Rule(team=team)
    _fill_rule(rule, facts)
    with transaction.atomic():
        rule.save()
        _point_rule(rule, facts)
    return rule


def update_rule(rule: Rule, facts: RuleFacts) -> None:
    """The rule with other facts; it counts for what is announced from now on. Raises ValueError."""
    _fill_rule(rule, facts)
    with transaction.atomic():
        rule.save(update_fields=RULE_COLUMNS)
        _point_rule(rule, facts)


def set_rule_enabled(rule: Rule, is_enabled: bool) -> None:  # it is the value set
    rule.is_enabled = is_enabled
    rule.save(update_fields=["is_enabled"])


def remove_rule(rule: Rule) -> None:
    """What it announced already is still delivered."""
    rule.delete()


def switch_off_rules_only_of(connection: Connection) -> int:
    """For before a connection is removed: a rule that names it alone would ring for every other one."""
    alone = ~Exists(
        Rule.connections.through.objects.filter(rule=OuterRef("pk")).exclude(connection=connection)
    )
    rows = Rule.objects.filter(alone, pk__in=connection.rules.values("pk"))
    return rows.update(is_enabled=False)


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


def _fill_rule(rule: Rule, facts: RuleFacts) -> None:
    _check_states(facts.states)
    _check_told(rule.team, facts)
    rule.name = facts.name.strip()[:80]
    rule.states = [state for state in RULE_STATES if state in facts.states]
    rule.base_models = checked_base_models(facts.base_models)
    rule.metadata = checked_metadata(facts.metadata.items())
    rule.is_urgent = facts.is_urgent
    quiet = checked_quiet_hours(facts.quiet)
    rule.quiet_from, rule.quiet_until = (quiet.begins, quiet.ends) if quiet else (None, None)
    rule.quiet_zone = quiet.zone if quiet else "UTC"


def _point_rule(rule: Rule, facts: RuleFacts) -> None:
    rule.channels.set(facts.channels)
    rule.connections.set(facts.connections)


def _check_states(states: Collection[str]) -> None:
    unknown = sorted(set(states) - set(RULE_STATES))
    if unknown:
        raise ValueError(f"No rule can ring for {', '.join(unknown)}.")
    if not states:
        raise ValueError("Choose at least one state.")


def _check_told(team: Team, facts: RuleFacts) -> None:
    if not facts.channels:
        raise ValueError("Choose at least one channel.")
    team_ids = {one.team_id for one in facts.channels} | {one.team_id for one in facts.connections}
    if team_ids != {team.pk}:
        raise ValueError("Choose channels and connections of this team.")


def checked_base_models(patterns: Iterable[str]) -> list[str]:
    """The patterns, each once, in the order given. Raises ValueError."""
    found = list(dict.fromkeys(pattern.strip() for pattern in patterns if pattern.strip()))
    if len(found) > MAX_PATTERNS:
        raise ValueError(f"Name at most {MAX_PATTERNS} base models.")
    for pattern in found:
        _check_text(pattern, "A base model", MAX_PATTERN)
    return found


def checked_metadata(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Key -> value, "*" for any. Raises ValueError."""
    found: dict[str, str] = {}
    for key, value in ((key.strip(), value.strip()) for key, value in pairs):
        if not key or not value:
            raise ValueError("Metadata needs a key and a value: project=x, or project=* for any.")
        if key in found:
            raise ValueError(f"The metadata key {key[:MAX_KEY]} is there twice.")
        _check_text(key, "A metadata key", MAX_KEY)
        _check_text(value, "A metadata value", MAX_VALUE)
        found[key] = value
    if len(found) > MAX_PAIRS:
        raise ValueError(f"Name at most {MAX_PAIRS} pairs of metadata.")
    return found


def checked_quiet_hours(quiet: QuietHours | None) -> QuietHours | None:
    """The quiet hours with their zone as IANA writes it. Raises ValueError."""
    if quiet is None:
        return None
    if quiet.begins == quiet.ends:
        raise ValueError("Quiet hours begin and end at the same time. Leave both empty for none.")
    zone = spelled(quiet.zone)
    if zone is None:
        raise ValueError("There is no such time zone. They are called like Europe/Berlin.")
    return QuietHours(quiet.begins, quiet.ends, zone)


def _check_text(text: str, what: str, limit: int) -> None:
    if len(text) > limit:
        raise ValueError(f"{what} has at most {limit} characters.")
    if not text.isprintable():
        raise ValueError(f"{what} is one line without control characters.")
