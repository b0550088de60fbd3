"""Rules and transitions as rows -> the values that alerts.rules decides on."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from django.db.models import Prefetch

from alerts import rules
from alerts.models import Channel, Rule
from alerts.quiet_hours import QuietHours
from jobs.models import Connection, Transition


def rules_of(team_ids: Iterable[int]) -> Mapping[int, list[rules.Rule]]:
    """The enabled rules of these teams, oldest first, by team."""
    enabled = Prefetch("channels", Channel.objects.enabled().order_by("id"))
    chosen = Prefetch("connections", Connection.objects.only("pk"))
    rows = Rule.objects.filter(team__in=list(team_ids), is_enabled=True).order_by("id")
    found: dict[int, list[rules.Rule]] = defaultdict(list)
    for row in rows.prefetch_related(enabled, chosen):
        found[row.team_id].append(_rule(row))
    return found


def _rule(row: Rule) -> rules.Rule:
    return rules.Rule(
        rule_id=row.pk,
        team_id=row.team_id,
        states=frozenset(str(state) for state in row.states),
        connection_ids=frozenset(one.pk for one in row.connections.all()),
        created_at=row.created_at,
        targets=tuple(rules.Target(one.pk, one.created_at) for one in row.channels.all()),
        base_models=tuple(str(pattern) for pattern in row.base_models),
        metadata=tuple((str(key), str(value)) for key, value in row.metadata.items()),
        is_urgent=row.is_urgent,
        quiet=quiet_hours_of(row),
    )


def quiet_hours_of(row: Rule) -> QuietHours | None:
    if row.quiet_from is None or row.quiet_until is None:
        return None
    return QuietHours(row.quiet_from, row.quiet_until, row.quiet_zone)


def change_of(transition: Transition) -> rules.Change:
    """Reads the transition's connection and job: select them with it."""
    job = transition.job
    return rules.Change(
        kind=transition.kind,
        from_state=transition.from_state,
        to_state=transition.to_state,
        team_id=transition.connection.team_id,
        connection_id=transition.connection_id,
        recorded_at=transition.recorded_at,
        base_model=job.base_model if job else transition.subject,
        metadata=job.metadata if job else {},
    )
