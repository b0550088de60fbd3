"""Rules as the pages show them: sentences, how often they rang, and what a new one would have done."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.models import Team
from alerts import rulebook
from alerts.models import Delivery, Rule
from alerts.preview import DAYS, Rang, preview
from alerts.rules import RULE_STATES, TROUBLES
from alerts.setup import RuleFacts
from dashboard import words
from dashboard.sentences import (
    COUNTED,
    Part,
    RuleWords,
    has_rung,
    plain,
    rule_sentence,
    would_have_rung,
)
from jobs.claims import database_now
from providers.states import State

LOOKS = {
    **dict.fromkeys(RULE_STATES, State.PAUSED),
    **dict.fromkeys(TROUBLES, State.FAILED),
    "succeeded": State.SUCCEEDED,
    "failed": State.FAILED,
    "cancelled": State.CANCELLED,
    "recovered": State.SUCCEEDED,
}


@dataclass(frozen=True, slots=True)
class RuleRow:
    public_id: uuid.UUID
    name: str
    sentence: tuple[Part, ...]
    rang: str
    is_enabled: bool
    is_deaf: bool  # none of its channels is switched on

    @property
    def plain(self) -> str:
        return plain(self.sentence)


@dataclass(frozen=True, slots=True)
class Example:
    look: str
    word: str
    subject: str
    where: str
    url: str
    at: datetime
    is_held: bool


@dataclass(frozen=True, slots=True)
class PreviewPanel:
    """`weeks`: the day each began, oldest first, and how often it would have rung."""

    sentence: str
    notes: tuple[str, ...]
    weeks: tuple[tuple[datetime, int], ...]
    examples: tuple[Example, ...]


def find_rule(team: Team, public_id: uuid.UUID) -> Rule:
    return get_object_or_404(Rule.objects.for_team(team), public_id=public_id)


def rule_rows(team: Team, now: datetime) -> Iterator[RuleRow]:
    found = Rule.objects.for_team(team).prefetch_related("channels", "connections")
    rang = _rang_by_rule(team, now)
    for rule in found.order_by("pk"):
        yield RuleRow(
            public_id=rule.public_id,
            name=rule.name,
            sentence=rule_sentence(words_of(rule)),
            rang=has_rung(rang.get(rule.pk, 0), DAYS),
            is_enabled=rule.is_enabled,
            is_deaf=not any(channel.is_enabled for channel in rule.channels.all()),
        )


def words_of(rule: Rule) -> RuleWords:
    return RuleWords(
        states=rule.states,
        channels=sorted(channel.name for channel in rule.channels.all()),
        connections=sorted(one.name for one in rule.connections.all()),
        base_models=rule.base_models,
        metadata=rule.metadata,
        is_urgent=rule.is_urgent,
        quiet=rulebook.quiet_hours_of(rule),
    )


def _rang_by_rule(team: Team, now: datetime) -> dict[int, int]:
    """Rule id -> for how many changes. What was suppressed did not ring."""
    recent = Delivery.objects.for_team(team).filter(
        created_at__gt=now - timedelta(days=DAYS), rule__isnull=False
    )
    rang = recent.exclude(state=Delivery.State.SUPPRESSED).order_by().values("rule")
    return dict(rang.values_list("rule").annotate(Count("transition", distinct=True)))


def preview_panel(team: Team, facts: RuleFacts) -> PreviewPanel:
    seen = preview(team, facts, database_now())
    notes = []
    if seen.held:
        notes.append(
            f"{words.thin(seen.held)} of these would have waited for the end of the quiet hours."
        )
    if seen.cut_at:
        notes.append(
            f"There was too much to look at: this is only since {seen.cut_at:%Y-%m-%d %H:%M} UTC."
        )
    return PreviewPanel(
        sentence=would_have_rung(seen.total, seen.by_name, DAYS),
        notes=tuple(notes),
        weeks=seen.by_week if seen.total else (),
        examples=tuple(_example(one) for one in seen.newest),
    )


def _example(rang: Rang) -> Example:
    job, connection = rang.transition.job, rang.transition.connection
    return Example(
        look=LOOKS.get(rang.name, State.UNKNOWN).value,
        word=COUNTED.get(rang.name, rang.name).capitalize(),
        subject=job.name if job else rang.transition.subject or connection.name,
        where=connection.name,
        url=reverse("job", args=[connection.slug, job.provider_id])
        if job
        else reverse("connection", args=[connection.slug]),
        at=rang.transition.recorded_at,
        is_held=rang.is_held,
    )
