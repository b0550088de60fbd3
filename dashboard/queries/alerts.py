"""What the alerts pages show: who is told, and whether it arrived."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.db.models import Count, Model, Q
from django.http import Http404, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.models import Team, TeamQuerySet
from alerts.channels import kinds, show
from alerts.message import Message
from alerts.models import Attempt, Channel, Delivery, Rule
from alerts.rules import JOB_STATES, RULE_STATES
from alerts.setup import has_listener
from dashboard import cursors, words
from jobs.models import Job
from providers.states import State

M = TypeVar("M", bound=Model)
DAY = timedelta(days=1)
OF_JOBS = JOB_STATES | {"missing"}
SHOWN_FIRST = 8
PAGE_SIZE = 50
LOOKS = {
    Delivery.State.PENDING: State.QUEUED,
    Delivery.State.SENT: State.SUCCEEDED,
    Delivery.State.DEAD: State.FAILED,
    Delivery.State.SUPPRESSED: State.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class RuleRow:
    public_id: uuid.UUID
    name: str
    job_states: str
    connection_states: str
    where: str
    channels: tuple[str, ...]
    is_enabled: bool
    is_deaf: bool  # none of its channels is switched on


@dataclass(frozen=True, slots=True)
class ChannelRow:
    public_id: uuid.UUID
    name: str
    kind: str
    target: str
    is_enabled: bool
    is_failing: bool
    from_environment: bool
    is_ours: bool  # the mail to the team's admins: nobody changes it
    look: str
    word: str
    last_answer: str
    last_sent_at: datetime | None
    wait_until: datetime | None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    at: datetime
    is_sent: bool
    status_code: int | None
    duration_ms: int
    answer: str


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    key: uuid.UUID
    look: str
    word: str
    headline: str
    url: str
    channel: str
    rule: str
    reason: str
    created_at: datetime
    sent_at: datetime | None
    next_at: datetime | None
    attempts: tuple[AttemptRow, ...]
    can_resend: bool


@dataclass(frozen=True, slots=True)
class AlertsPage:
    verdict: str
    is_deaf: bool
    has_single_channel: bool
    waiting: int
    given_up: int
    rules: tuple[RuleRow, ...]
    channels: tuple[ChannelRow, ...]
    deliveries: tuple[DeliveryRow, ...]


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """What the address asks to see. `after`: the row number of the last delivery before this page."""

    state: str = ""
    channel: str = ""
    job: str = ""
    after: int | None = None

    @classmethod
    def read(cls, asked: QueryDict) -> "DeliveryFilter":
        state = asked.get("state", "")
        return cls(
            state=state if state in Delivery.State.values else "",
            channel=asked.get("channel", ""),
            job=asked.get("job", ""),
            after=cursors.whole(asked.get("after", "")),
        )


@dataclass(frozen=True, slots=True)
class DeliveryLog:
    asked: DeliveryFilter
    states: tuple[tuple[str, str, str, int], ...]  # value, look, word, count
    channels: tuple[tuple[str, str], ...]
    rows: tuple[DeliveryRow, ...]
    next_after: int | None
    given_up: int


def alerts_page(team: Team, now: datetime, *, with_answers: bool) -> AlertsPage:
    counts = delivery_counts(team, now)
    channels = tuple(
        channel_row(row, now) for row in Channel.objects.for_team(team).order_by("name", "pk")
    )
    newest = Delivery.objects.for_team(team).with_attempts().order_by("-pk")[:SHOWN_FIRST]
    is_deaf = not has_listener(team)
    return AlertsPage(
        verdict=_verdict(counts, is_deaf=is_deaf),
        is_deaf=is_deaf,
        has_single_channel=sum(row.is_enabled for row in channels) == 1,
        waiting=counts["waiting"],
        given_up=counts["given_up"],
        rules=tuple(_rules(team)),
        channels=channels,
        deliveries=tuple(delivery_row(row, now, with_answers=with_answers) for row in newest),
    )


def delivery_counts(team: Team, now: datetime) -> dict[str, int]:
    pending, dead = Q(state=Delivery.State.PENDING), Q(state=Delivery.State.DEAD)
    sent = Q(state=Delivery.State.SENT, sent_at__gt=now - DAY)
    return Delivery.objects.for_team(team).aggregate(
        waiting=Count("pk", filter=pending),
        given_up=Count("pk", filter=dead),
        sent=Count("pk", filter=sent),
    )


def _verdict(counts: dict[str, int], *, is_deaf: bool) -> str:
    if is_deaf:
        return "No rule yet: nobody will be told."
    parts = [f"{words.counted(counts['sent'], 'alert')} sent in the last 24 hours"]
    if counts["waiting"]:
        parts.append(f"{counts['waiting']} waiting")
    if counts["given_up"]:
        parts.append(f"{counts['given_up']} given up")
    return ", ".join(parts) + "."


def _rules(team: Team) -> Iterable[RuleRow]:
    rules = Rule.objects.for_team(team).prefetch_related("channels", "connections")
    for rule in rules.order_by("pk"):
        told = sorted(rule.channels.all(), key=lambda channel: channel.name)
        yield RuleRow(
            public_id=rule.public_id,
            name=rule.name,
            job_states=_either([state for state in rule.states if state in OF_JOBS]),
            connection_states=_either([state for state in rule.states if state not in OF_JOBS]),
            where=" or ".join(sorted(one.name for one in rule.connections.all())),
            channels=tuple(channel.name for channel in told),
            is_enabled=rule.is_enabled,
            is_deaf=not any(channel.is_enabled for channel in told),
        )


def _either(states: list[str]) -> str:
    names = [RULE_STATES.get(state, state).lower() for state in states]
    return " or ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def channel_row(row: Channel, now: datetime) -> ChannelRow:
    kind = kinds().get(row.kind)
    look, word = _channel_look(row)
    return ChannelRow(
        public_id=row.public_id,
        name=row.name,
        kind=kind.label if kind else row.kind,
        target=show(row),
        is_enabled=row.is_enabled,
        is_failing=row.is_failing,
        from_environment=row.origin == Channel.Origin.ENVIRONMENT,
        is_ours=row.origin == Channel.Origin.ADMINS,
        look=look,
        word=word,
        last_answer=row.last_answer,
        last_sent_at=row.last_sent_at,
        wait_until=row.wait_until if row.wait_until and row.wait_until > now else None,
    )


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


def delivery_row(row: Delivery, now: datetime, *, with_answers: bool) -> DeliveryRow:
    word = _delivery_word(row, now)
    return DeliveryRow(
        key=row.key,
        look=LOOKS[Delivery.State(row.state)].value,
        word=word,
        headline=_headline(row),
        url=_url_of(row),
        channel=row.channel.name,
        rule=str(row.rule) if row.rule else "",
        reason=row.reason,
        created_at=row.created_at,
        sent_at=row.sent_at,
        next_at=row.next_attempt_at if row.state == Delivery.State.PENDING else None,
        attempts=tuple(
            _attempt_row(attempt, with_answers=with_answers) for attempt in row.attempts.all()
        ),
        can_resend=row.state != Delivery.State.PENDING and row.channel.is_enabled,
    )


def _attempt_row(attempt: Attempt, *, with_answers: bool) -> AttemptRow:
    answer = attempt.answer if with_answers else ""
    return AttemptRow(
        attempt.started_at, attempt.is_sent, attempt.status_code, attempt.duration_ms, answer
    )


def _delivery_word(row: Delivery, now: datetime) -> str:
    if row.is_sending(now):
        return "Sending"
    if row.state == Delivery.State.PENDING and row.failures:
        return "Retrying"
    return str(Delivery.State(row.state).label)


def _headline(row: Delivery) -> str:
    """Of the message as sent; of the row where an older version wrote a message that says less."""
    try:
        told = " ".join(Message.from_json(row.message).headline.split()).strip(" ·")
    except (AttributeError, KeyError, TypeError, ValueError):
        told = ""
    happened = row.transition
    about = happened.job or happened.connection if happened else row.channel
    return told or f"{row.about.upper()} {about}"


def _url_of(row: Delivery) -> str:
    if row.transition is None:
        return reverse("alerts")
    connection, job = row.transition.connection, row.transition.job
    if job is None:
        return reverse("connection", args=[connection.slug])
    return reverse("job", args=[connection.slug, job.provider_id])


def delivery_log(
    team: Team, asked: DeliveryFilter, now: datetime, *, with_answers: bool
) -> DeliveryLog:
    everything = Delivery.objects.for_team(team)
    found = everything.filter(_matches(team, asked)).with_attempts().order_by("-pk")
    rows = list(found[: PAGE_SIZE + 1])
    counts = dict(everything.order_by().values_list("state").annotate(Count("pk")))
    channels = Channel.objects.for_team(team).order_by("name").values_list("public_id", "name")
    return DeliveryLog(
        asked=asked,
        states=tuple(
            (s.value, LOOKS[s].value, str(s.label), counts.get(s.value, 0)) for s in Delivery.State
        ),
        channels=tuple((str(public_id), name) for public_id, name in channels),
        rows=tuple(delivery_row(row, now, with_answers=with_answers) for row in rows[:PAGE_SIZE]),
        next_after=rows[PAGE_SIZE - 1].pk if len(rows) > PAGE_SIZE else None,
        given_up=counts.get(Delivery.State.DEAD.value, 0),
    )


def _matches(team: Team, asked: DeliveryFilter) -> Q:
    wanted = Q()
    if asked.state:
        wanted &= Q(state=asked.state)
    if asked.channel:
        wanted &= Q(channel=find_by_public_id(Channel.objects.for_team(team), asked.channel))
    if asked.job:
        wanted &= Q(transition__job__in=Job.objects.for_team(team).filter(provider_id=asked.job))
    if asked.after is not None:
        wanted &= Q(pk__lt=asked.after)
    return wanted


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


def find_rule(team: Team, public_id: object) -> Rule:
    return find_by_public_id(Rule.objects.for_team(team), public_id)


def find_delivery(team: Team, key: object) -> Delivery:
    return get_object_or_404(Delivery.objects.for_team(team).select_related("channel"), key=key)
