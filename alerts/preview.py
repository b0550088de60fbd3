"""Would this rule have rung? The last days again, through the same decisions as alerts.announcing."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet

from accounts.models import Team
from alerts import rulebook, rules
from alerts.setup import RuleFacts
from jobs.models import Transition

DAYS = 30
MOST = 5000  # changes looked at; so many take about a third of a second
EXAMPLES = 5
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
COLUMNS = (
    *("kind", "from_state", "to_state", "subject", "recorded_at", "connection__team_id"),
    *("connection__slug", "connection__name", "job__provider_id", "job__suffix"),
    *("job__base_model", "job__metadata"),
)


@dataclass(frozen=True, slots=True)
class Rang:
    """One change that would have rung. `name`: the word of alerts.rules."""

    name: str
    transition: Transition
    is_held: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """`by_name`: most frequent first. `by_week`: when each week began, oldest first, and its count.

    `held`: how many would have waited for the end of the quiet hours. `newest`: a few of them.
    `cut_at`: nothing older was looked at, for there was too much; None: all of the days were.
    """

    total: int
    by_name: tuple[tuple[str, int], ...]
    by_week: tuple[tuple[datetime, int], ...]
    held: int
    newest: tuple[Rang, ...]
    cut_at: datetime | None


def preview(team: Team, facts: RuleFacts, now: datetime) -> Preview:
    """What a rule like this would have done, had it and its channels existed all the time.

    Silences are left out: they come and go. `now`: the database's.
    """
    rule = _as_if_always(team, facts)
    found = list(_newest_changes(team, rule, now - timedelta(days=DAYS))[: MOST + 1])
    seen = found[:MOST]
    rang = list(_replay(rule, seen))
    return Preview(
        total=len(rang),
        by_name=tuple(Counter(one.name for one in rang).most_common()),
        by_week=_by_week(rang, now),
        held=sum(one.is_held for one in rang),
        newest=tuple(rang[:EXAMPLES]),
        cut_at=seen[-1].recorded_at if len(found) > MOST else None,
    )


def _as_if_always(team: Team, facts: RuleFacts) -> rules.Rule:
    return rules.Rule(
        rule_id=0,
        team_id=team.pk,
        states=frozenset(facts.states),
        connection_ids=frozenset(one.pk for one in facts.connections),
        created_at=ALWAYS,
        targets=(rules.Target(0, ALWAYS),),
        base_models=tuple(facts.base_models),
        metadata=tuple(facts.metadata.items()),
        is_urgent=facts.is_urgent,
        quiet=facts.quiet,
    )


def _newest_changes(team: Team, rule: rules.Rule, since: datetime) -> QuerySet[Transition]:
    """Those that the rule may want, newest first. They are read by key, for time has no index."""
    older = Transition.objects.filter(recorded_at__lte=since).order_by("-pk")
    last_key = older.values_list("pk", flat=True).first() or 0
    ends = {"ok", "recovered"} if "recovered" in rule.states else set()
    rows = Transition.objects.for_team(team).filter(
        pk__gt=last_key, recorded_at__gt=since, rings=True, to_state__in=rule.states | ends
    )
    if rule.connection_ids:
        rows = rows.filter(connection__in=rule.connection_ids)
    return rows.select_related("job", "connection").only(*COLUMNS).order_by("-pk")


def _replay(rule: rules.Rule, transitions: Iterable[Transition]) -> Iterable[Rang]:
    for transition in transitions:
        change = rulebook.change_of(transition)
        name = rules.alert_name(change)
        for told in rules.concerned(change, [rule], change.recorded_at):
            yield Rang(name or transition.to_state, transition, told.quiet_until is not None)


def _by_week(rang: Iterable[Rang], now: datetime) -> tuple[tuple[datetime, int], ...]:
    """Weeks that end now; the days before the last whole one are a week of their own."""
    counts = Counter((now - one.transition.recorded_at) // WEEK for one in rang)
    weeks = range(DAYS // 7, -1, -1)
    return tuple((max(now - (n + 1) * WEEK, now - timedelta(DAYS)), counts[n]) for n in weeks)
