"""Whether anybody hears of what happens here: the warnings on Jobs and on Alerts."""

from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any

from django.db.models import Case, Count, Exists, Max, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.expressions import Combinable
from django.urls import reverse

from accounts.models import Role, Team
from alerts.models import Channel, Delivery, Rule
from dashboard import words
from dashboard.context import Banner

DEAF = "nobody will be told."


class Reach(IntEnum):
    """How far the alerts of a team get, by the rule that gets furthest."""

    NO_RULE = 0
    RULES_OFF = 1
    CHANNELS_OFF = 2
    CHANNELS_FAIL = 3
    PEOPLE = 4


@dataclass(frozen=True, slots=True)
class Hearing:
    has_channel: bool  # at all, in use or not
    reach: Reach
    given_up: int


def hearing(team: Team) -> Hearing:
    return hearing_with(team)[0]


def hearing_with(team: Team, *more: Combinable) -> tuple[Hearing, list[Any]]:
    """All of it in one query, and what else the page wants to know of the team: `more` values."""
    found = Team.objects.values_list(*_of_a_team(), *more)
    has_channel, reach, given_up, *rest = found.get(pk=team.pk)
    return Hearing(bool(has_channel), Reach(reach or 0), given_up or 0), rest


@cache
def _of_a_team() -> tuple[Combinable, ...]:
    """The same for every team, so built once: that took half of the time of asking."""
    own = {"team": OuterRef("pk")}
    added = Channel.objects.filter(**own).exclude(origin=Channel.Origin.ADMINS)
    dead = Delivery.objects.given_up().filter(**own)
    return Exists(added), _furthest(Rule.objects.filter(**own)), number_of(dead)


def _furthest(rules: "QuerySet[Rule]") -> Subquery:
    """The furthest that one of them reaches, as a value; null for none."""
    reach = Case(
        When(Q(is_enabled=False) | Q(states=[]), Value(Reach.RULES_OFF)),
        When(channels__is_enabled=True, channels__failures=0, then=Value(Reach.PEOPLE)),
        When(channels__is_enabled=True, then=Value(Reach.CHANNELS_FAIL)),
        default=Value(Reach.CHANNELS_OFF),
    )
    return Subquery(rules.order_by().values("team").annotate(reach=Max(reach)).values("reach"))


def number_of(rows: "QuerySet[Any]") -> Subquery:
    """How many rows of one team there are, as a value; null for none."""
    return Subquery(rows.order_by().values("team").annotate(count=Count("pk")).values("count"))


def warnings(heard: Hearing, role: Role) -> tuple[Banner, ...]:
    """What keeps alerts from people, each with the next step for somebody in this role."""
    found = (_deafness(heard, role), _given_up(heard.given_up, role))
    return tuple(banner for banner in found if banner)


def _deafness(heard: Hearing, role: Role) -> Banner | None:
    if heard.reach <= Reach.RULES_OFF:
        return _unruled(heard, role)
    alerts = reverse("alerts")
    if heard.reach == Reach.CHANNELS_OFF:
        step = _step(role, Role.ADMIN, "Switch one on, or name others in a rule.")
        title = f"Every channel that the rules name is off: {DEAF}"
        return Banner("paused", title, step, alerts, "Channels")
    if heard.reach == Reach.CHANNELS_FAIL:
        text = f"Alerts wait until one works again. {_step(role, Role.ADMIN, 'Send a test.')}"
        return Banner("failed", "All channels are failing.", text, alerts, "Channels")
    return None


def _unruled(heard: Hearing, role: Role) -> Banner:
    if heard.reach == Reach.RULES_OFF:
        step = _step(role, Role.EDITOR, "Switch one on.")
        return Banner("paused", f"Every rule is off: {DEAF}", step, reverse("alerts"), "Rules")
    title = f"No rule yet: {DEAF}"
    if not heard.has_channel:
        step = _step(role, Role.ADMIN, "Set up a channel first, then a rule that uses it.")
        kinds = reverse("channel-kinds")
        return Banner(
            "paused", title, step, *_door(role, Role.ADMIN, kinds, "Add the first channel")
        )
    step = _step(role, Role.EDITOR, "A rule says which states ring, and which channel is told.")
    rule = reverse("rule-add")
    return Banner("paused", title, step, *_door(role, Role.EDITOR, rule, "Add the first rule"))


def _step(role: Role, needed: Role, step: str) -> str:
    """The step, or who can take it."""
    return step if role.covers(needed) else f"{needed.label}s of your team can change that."


def _door(role: Role, needed: Role, url: str, link: str) -> tuple[str, str]:
    return (url, link) if role.covers(needed) else (reverse("team"), "Who they are")


def _given_up(count: int, role: Role) -> Banner | None:
    if not count:
        return None
    was, it = ("alert was", "it") if count == 1 else ("alerts were", "them")
    url = f"{reverse('deliveries')}?state={Delivery.State.DEAD}"
    title = f"{words.counted(count, was, was)} given up."
    step = _step(role, Role.EDITOR, f"Resend {it}, or dismiss {it}.")
    return Banner("failed", title, f"The receiver never took {it}. {step}", url, "Show")
