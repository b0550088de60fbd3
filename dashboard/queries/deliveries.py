"""The log of deliveries: each alert to each channel, and how many there are in each state."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.shortcuts import get_object_or_404

from accounts.models import Team
from alerts.claims import LIVE_LEASE
from alerts.models import Attempt, Channel, Delivery, Rule
from dashboard import words
from dashboard.queries.delivery_filter import Choices, DeliveryFilter, in_words, matches
from dashboard.queries.delivery_rows import LOOKS, DeliveryRow, delivery_rows

DAY = timedelta(days=1)
PAGE_SIZE = 50
ALWAYS_TOLD = (Delivery.State.SENT, Delivery.State.PENDING, Delivery.State.DEAD)  # none of them too


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
        words=in_words(asked, dict(channels), dict(rules)),
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


def find_delivery(team: Team, key: object) -> Delivery:
    return get_object_or_404(Delivery.objects.for_team(team).select_related("channel"), key=key)
