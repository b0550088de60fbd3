"""The log of deliveries: each alert to each channel, its tries, and the digest that carried it."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.http import QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date

from accounts.models import Team
from alerts.claims import LIVE_LEASE
from alerts.message import Message
from alerts.models import Attempt, Channel, Delivery, Rule
from dashboard import cursors, words
from jobs.models import Job
from providers.states import State

DAY = timedelta(days=1)
PAGE_SIZE = 50
FIRST_YEAR, LAST_YEAR = 2000, 2100  # of a date that is worth asking for
LOOKS = {
    Delivery.State.PENDING: State.QUEUED,
    Delivery.State.SENT: State.SUCCEEDED,
    Delivery.State.DEAD: State.FAILED,
    Delivery.State.SUPPRESSED: State.CANCELLED,
}
ALWAYS_TOLD = (Delivery.State.SENT, Delivery.State.PENDING, Delivery.State.DEAD)  # none of them too
EMAIL = "email"  # the channel that is told codes of SMTP
Choices = tuple[tuple[str, str], ...]  # value, word


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """`protocol`: whose `status_code` it is."""

    at: datetime
    is_sent: bool
    status_code: int | None
    duration_ms: int
    answer: str
    protocol: str

    @property
    def words(self) -> str:
        """HTTP 503 in 31 ms."""
        verdict = "accepted" if self.is_sent else "refused"
        code = f"{self.protocol} {self.status_code}" if self.status_code else verdict
        return f"{code} in {words.thin(self.duration_ms)} ms"


@dataclass(frozen=True, slots=True)
class Digest:
    """The message that carried a delivery together with others."""

    key: str
    size: int

    @property
    def url(self) -> str:
        return f"{reverse('deliveries')}?digest={self.key}"


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """`until`: the next try of one that waits; the end of the quiet hours of one that is held."""

    key: uuid.UUID
    look: str
    word: str
    until: datetime | None
    headline: str
    url: str
    channel: str
    rule: str
    reason: str
    is_urgent: bool
    digest: Digest | None
    created_at: datetime
    sent_at: datetime | None
    attempts: tuple[AttemptRow, ...]
    can_resend: bool
    dismissed_at: datetime | None

    @property
    def last(self) -> AttemptRow | None:
        return self.attempts[-1] if self.attempts else None


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """What the address asks to see. Anything unreadable in it is as if it were not there.

    `after`: the row number of the last delivery before this page.
    """

    state: str = ""
    channel: str = ""
    rule: str = ""
    job: str = ""
    first: date | None = None
    last: date | None = None
    digest: str = ""
    after: int | None = None

    @classmethod
    def read(cls, asked: QueryDict) -> "DeliveryFilter":
        state = asked.get("state", "")
        return cls(
            state=state if state in Delivery.State.values else "",
            channel=_public_id(asked.get("channel", "")),
            rule=_public_id(asked.get("rule", "")),
            job=asked.get("job", "").strip()[:200],
            first=_day(asked.get("from", "")),
            last=_day(asked.get("to", "")),
            digest=_public_id(asked.get("digest", "")),
            after=cursors.whole(asked.get("after", "")),
        )

    @property
    def folded(self) -> bool:
        """Whether one of the folded filters is in use."""
        return bool(self.channel or self.rule or self.first or self.last)

    @property
    def is_narrow(self) -> bool:
        return bool(self.folded or self.state or self.job or self.digest)


@dataclass(frozen=True, slots=True)
class StateCount:
    state: str
    look: str
    word: str
    count: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class DeliveryLog:
    asked: DeliveryFilter
    words: str  # the filter as a person would say it
    digest_size: int  # of the digest asked for
    states: tuple[StateCount, ...]
    channels: Choices
    rules: Choices
    rows: tuple[DeliveryRow, ...]
    next_after: int | None
    waiting: int
    given_up: int  # of what the filter asks, and not dismissed
    resendable: int  # of those, on channels that are on

    @property
    def total(self) -> int:
        return sum(one.count for one in self.states)

    @property
    def verdict(self) -> str:
        """Whether they arrived, whatever state is asked for."""
        counts = {one.state: one.count for one in self.states}
        told = [
            f"{words.thin(counts[state]) if counts[state] else 'none'} {state.label.lower()}"
            for state in (*ALWAYS_TOLD, Delivery.State.SUPPRESSED)
            if counts[state] or state in ALWAYS_TOLD
        ]
        text = ", ".join(told)
        return f"{text[:1].upper()}{text[1:]}."


def _public_id(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return ""


def _day(text: str) -> date | None:
    try:
        day = parse_date(text)
    except ValueError:
        return None
    return day if day and FIRST_YEAR <= day.year <= LAST_YEAR else None


def delivery_counts(team: Team, now: datetime) -> dict[str, int]:
    """How many wait, and how many were sent or given up within a day: at their last try."""
    since = now - DAY
    pending, sent = Q(state=Delivery.State.PENDING), Q(state=Delivery.State.SENT, sent_at__gt=since)
    tried = Exists(Attempt.objects.filter(delivery=OuterRef("pk"), started_at__gt=since))
    dead = Q(state=Delivery.State.DEAD) & (Q(created_at__gt=since) | Q(tried))
    return Delivery.objects.for_team(team).aggregate(
        waiting=Count("pk", filter=pending),
        given_up=Count("pk", filter=dead),
        sent=Count("pk", filter=sent),
    )


def marks_of(team: Team) -> tuple[object, ...]:
    """Differ whenever the log would, and cost little: from the newest rows and the unsent ones."""
    rows = Delivery.objects.for_team(team)
    held = Q(state=Delivery.State.PENDING, quiet_until__gt=Now())
    unsent = rows.unsent().aggregate(
        held=Count("pk", filter=held),
        sending=Count("pk", filter=LIVE_LEASE),
        dismissed=Count("dismissed_at"),
        **{state.value: Count("pk", filter=Q(state=state)) for state in Delivery.State},
    )
    tries = Attempt.objects.filter(delivery__team=team)
    newest = [_newest(rows), _newest(tries)]
    return (*newest, *sorted(unsent.items()))


def _newest(rows: "QuerySet[Delivery] | QuerySet[Attempt]") -> int:
    return rows.order_by("-pk").values_list("pk", flat=True).first() or 0


def delivery_log(
    team: Team, asked: DeliveryFilter, now: datetime, *, with_answers: bool
) -> DeliveryLog:
    """The page that `asked` describes. `with_answers`: also what receivers said."""
    everything = Delivery.objects.for_team(team)
    but_state = everything.filter(matches(team, asked))
    counts = dict(but_state.order_by().values_list("state").annotate(Count("pk")))
    found = but_state.filter(state=asked.state) if asked.state else but_state
    if asked.after is not None:
        found = found.filter(pk__lt=asked.after)
    rows = list(found.with_attempts().order_by("-pk")[: PAGE_SIZE + 1])
    channels, rules = _channels(team), _rules(team)
    given_up, resendable = _given_up(team, asked)
    return DeliveryLog(
        asked=asked,
        words=_say(asked, dict(channels), dict(rules)),
        digest_size=_size_of(everything, asked.digest),
        states=tuple(_counts(asked, counts)),
        channels=channels,
        rules=rules,
        rows=delivery_rows(rows[:PAGE_SIZE], now, with_answers=with_answers),
        next_after=rows[PAGE_SIZE - 1].pk if len(rows) > PAGE_SIZE else None,
        waiting=counts.get(Delivery.State.PENDING.value, 0),
        given_up=given_up,
        resendable=resendable,
    )


def _given_up(team: Team, asked: DeliveryFilter) -> tuple[int, int]:
    """How many of those asked for still warn, and how many of these can be sent again."""
    if asked.state not in {"", Delivery.State.DEAD}:
        return 0, 0
    rows = Delivery.objects.for_team(team).given_up().filter(matches(team, asked))
    is_on = Q(channel__is_enabled=True)
    counts = rows.aggregate(number=Count("pk"), on=Count("pk", filter=is_on))
    return counts["number"], counts["on"]


def matches(team: Team, asked: DeliveryFilter) -> Q:
    """All of the filter but its state."""
    wanted = Q()
    for field in ("channel", "rule"):
        if public_id := getattr(asked, field):
            wanted &= Q(**{f"{field}__public_id": public_id})
    if asked.job:
        named = Q(provider_id=asked.job) | Q(suffix__icontains=asked.job)
        wanted &= Q(transition__job__in=Job.objects.for_team(team).filter(named))
    if asked.first:
        wanted &= Q(created_at__gte=_midnight(asked.first))
    if asked.last:
        wanted &= Q(created_at__lt=_midnight(asked.last + DAY))
    if asked.digest:
        wanted &= Q(digest_key=asked.digest)
    return wanted


def _midnight(day: date) -> datetime:
    """In the reader's time zone."""
    return timezone.make_aware(datetime.combine(day, time.min))


def _say(asked: DeliveryFilter, channels: Mapping[str, str], rules: Mapping[str, str]) -> str:
    parts = (
        str(Delivery.State(asked.state).label).lower() if asked.state else "",
        f"to {channels.get(asked.channel, 'a channel that is gone')}" if asked.channel else "",
        f"rule {rules.get(asked.rule, 'that is gone')}" if asked.rule else "",
        f"job “{asked.job}”" if asked.job else "",
        f"from {asked.first}" if asked.first else "",
        f"until {asked.last}" if asked.last else "",
        "in one digest" if asked.digest else "",
    )
    return ", ".join(part for part in parts if part)


def _counts(asked: DeliveryFilter, counts: Mapping[str, int]) -> Iterable[StateCount]:
    for state in Delivery.State:
        count, is_chosen = counts.get(state.value, 0), state.value == asked.state
        yield StateCount(
            state.value, LOOKS[state].value, str(state.label), count, is_chosen=is_chosen
        )


def _channels(team: Team) -> Choices:
    rows = Channel.objects.for_team(team).order_by("name", "pk")
    return tuple(
        (str(public_id), name) for public_id, name in rows.values_list("public_id", "name")
    )


def _rules(team: Team) -> Choices:
    rows = Rule.objects.for_team(team).order_by("pk").only("public_id", "name")
    return tuple((str(row.public_id), str(row)) for row in rows)


def _size_of(everything: QuerySet[Delivery], key: str) -> int:
    return everything.filter(digest_key=key).count() if key else 0


def delivery_rows(
    found: Iterable[Delivery], now: datetime, *, with_answers: bool
) -> tuple[DeliveryRow, ...]:
    """Of rows read `with_attempts`."""
    rows = list(found)
    digests = digests_of(rows)
    return tuple(_row(row, now, digests, with_answers=with_answers) for row in rows)


def digests_of(rows: Iterable[Delivery]) -> dict[uuid.UUID, Digest]:
    """The digests that carried these, by key, in one query; none when there are none."""
    keys = {row.digest_key for row in rows if row.digest_key}
    if not keys:
        return {}
    carried = Delivery.objects.filter(digest_key__in=keys).order_by()
    sizes = carried.values_list("digest_key").annotate(Count("pk"))
    return {key: Digest(str(key), size) for key, size in sizes}


def _row(
    row: Delivery, now: datetime, digests: Mapping[uuid.UUID, Digest], *, with_answers: bool
) -> DeliveryRow:
    look, word, until = look_of(row, now)
    # Of one that was refused, the reason quotes the receiver.
    is_ours = row.state == Delivery.State.SUPPRESSED
    return DeliveryRow(
        key=row.key,
        look=look.value,
        word=word,
        until=until,
        headline=_headline(row),
        url=_url_of(row),
        channel=row.channel.name,
        rule=str(row.rule) if row.rule else "",
        reason=row.reason if with_answers or is_ours else "",
        is_urgent=row.is_urgent,
        digest=digests.get(row.digest_key) if row.digest_key else None,
        created_at=row.created_at,
        sent_at=row.sent_at,
        attempts=_attempts(row, with_answers=with_answers),
        can_resend=row.state != Delivery.State.PENDING and row.channel.is_enabled,
        dismissed_at=row.dismissed_at,
    )


def _attempts(row: Delivery, *, with_answers: bool) -> tuple[AttemptRow, ...]:
    return tuple(
        AttemptRow(
            at=one.started_at,
            is_sent=one.is_sent,
            status_code=one.status_code,
            duration_ms=one.duration_ms,
            answer=one.answer if with_answers else "",
            protocol="SMTP" if row.channel.kind == EMAIL else "HTTP",
        )
        for one in row.attempts.all()
    )


def look_of(row: Delivery, now: datetime) -> tuple[State, str, datetime | None]:
    """Shape and colour, the word, and the moment that ends the waiting (of one that waits)."""
    if row.state != Delivery.State.PENDING:
        state = Delivery.State(row.state)
        return LOOKS[state], str(state.label), None
    if row.is_sending(now):
        return State.RUNNING, "Sending", None
    if row.quiet_until and row.quiet_until > now:
        return State.PAUSED, "Held back", row.quiet_until
    if row.failures:
        return State.QUEUED, "Retrying", row.next_attempt_at
    return State.QUEUED, str(Delivery.State.PENDING.label), None


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


def find_delivery(team: Team, key: object) -> Delivery:
    return get_object_or_404(Delivery.objects.for_team(team).select_related("channel"), key=key)
