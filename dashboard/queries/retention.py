"""What the retention page shows: the rules, what they removed, and what typed ones would remove."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core import signing

from accounts.models import Team
from dashboard.words import counted
from jobs.models import Retention
from jobs.retention import Forecast, Rules, forecast, rules_of

SALT = "retention.dry-run"
CONFIRMED_FOR = timedelta(hours=1)  # a dry run that is older must be looked at again


@dataclass(frozen=True, slots=True)
class RetentionPage:
    is_on: bool
    verdict: str
    rules: Rules
    next_prune_at: datetime | None
    pruned_at: datetime | None
    pruned_snapshots: int
    pruned_events: int


@dataclass(frozen=True, slots=True)
class DryRun:
    """What would go now. `seal` proves to the next step that it was shown."""

    rules: Rules
    words: str
    found: Forecast
    seal: str


def retention_page(team: Team) -> RetentionPage:
    row = Retention.objects.for_team(team).first() or Retention(team=team)
    rules = rules_of(row)
    verdict = "Off: everything is kept."
    if row.is_enabled:
        verdict = f"On: {rule_words(rules)} after the end of a job."
    return RetentionPage(
        is_on=row.is_enabled,
        verdict=verdict,
        rules=rules,
        next_prune_at=row.next_prune_at,
        pruned_at=row.pruned_at,
        pruned_snapshots=row.pruned_snapshots,
        pruned_events=row.pruned_events,
    )


def dry_run(team: Team, rules: Rules, now: datetime) -> DryRun:
    return DryRun(rules, rule_words(rules), forecast(team, rules, now), seal(team, rules))


def rule_words(rules: Rules) -> str:
    """What the rules say, without their end: "snapshots go 30 days and events go 90 days".

    >>> rule_words(Rules(event_days=1))
    'events go 1 day'
    """
    days = (("snapshots", rules.snapshot_days), ("events", rules.event_days))
    said = [f"{name} go {counted(number, 'day')}" for name, number in days if number]
    return " and ".join(said)


def seal(team: Team, rules: Rules) -> str:
    return signing.dumps([team.pk, rules.snapshot_days, rules.event_days], salt=SALT)


def opened(team: Team, sealed: str) -> Rules | None:
    """The rules whose dry run this team saw lately; None for anything else."""
    try:
        team_id, snapshot_days, event_days = signing.loads(sealed, salt=SALT, max_age=CONFIRMED_FOR)
    except signing.BadSignature:
        return None
    return Rules(snapshot_days, event_days) if team_id == team.pk else None
