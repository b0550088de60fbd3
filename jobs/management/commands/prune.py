"""What retention would remove, and with --apply its removal; beat does the same every day."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from tqdm import tqdm

from accounts.models import Team
from jobs import retention
from jobs.claims import database_now
from jobs.models import Retention
from jobs.retention import LEAST_DAYS, MOST_DAYS, Forecast, Rules

HEADINGS = ("Team", "Snapshots", "Events", "Jobs", "About", "Oldest end", "State")
FOR_EVER = "for ever"


class Command(BaseCommand):
    help = (
        "Shows which snapshots and events of finished jobs the rules of each team would remove."
        " With --apply they are removed, of the teams whose retention is on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--team", help="slug; without it all teams with rules")
        parser.add_argument("--apply", action="store_true", help="remove what the dry run shows")
        parser.add_argument("--snapshot-days", type=_days, help="try this number (dry run only)")
        parser.add_argument("--event-days", type=_days, help="try this number (dry run only)")

    def handle(self, *_args: Any, **options: Any) -> None:
        tried = Rules(options["snapshot_days"], options["event_days"])
        if tried.shortest is not None:
            self._try(tried, options)
            return
        found = list(_retentions(options["team"]))
        if not found:
            self.stdout.write("No team has rules: everything is kept.")
            return
        forecasts = self._show(
            [(row.team, retention.rules_of(row), row.is_enabled) for row in found]
        )
        if options["apply"]:
            enabled = [
                (row, one) for row, one in zip(found, forecasts, strict=True) if row.is_enabled
            ]
            self._apply([row for row, _ in enabled], sum(one.rows for _, one in enabled))
        elif any(one.rows for one in forecasts):
            self.stdout.write("Nothing was removed. With --apply it is, where the state is on.")

    def _try(self, rules: Rules, options: dict[str, Any]) -> None:
        if options["apply"]:
            raise CommandError("Days are for trying out. Save rules on the site, then --apply.")
        self._show([(team, rules, None) for team in _teams(options["team"])])
        self.stdout.write("Nothing was removed, and no rule was saved.")

    def _show(self, rows: list[tuple[Team, Rules, bool | None]]) -> list[Forecast]:
        now = database_now()
        forecasts = [retention.forecast(team, rules, now) for team, rules, _ in rows]
        cells = [_cells(*row, found) for row, found in zip(rows, forecasts, strict=True)]
        widths = [max(map(len, column)) for column in zip(HEADINGS, *cells, strict=True)]
        for line in (HEADINGS, *cells):
            padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.stdout.write("  ".join(padded).rstrip())
        return forecasts

    def _apply(self, found: list[Retention], total: int) -> None:
        if not found:
            raise CommandError("Retention is off: it is turned on by an admin, on the team's page.")
        snapshots = events = 0
        bar = tqdm(total=total, unit="row", file=self.stderr, disable=not self.stderr.isatty())
        try:
            with bar:
                for row in found:
                    retention.begin_round(row)
                    while batch := retention.prune_batch(row.pk):
                        snapshots, events = snapshots + batch.snapshots, events + batch.events
                        bar.update(batch.snapshots + batch.events)
                        if batch.is_last:
                            break
        except KeyboardInterrupt:
            self.stdout.write("Interrupted. What is left goes with the next round.")
            sys.exit(130)
        self.stdout.write(f"Removed {snapshots} snapshots and {events} events.")


def _days(text: str) -> int:
    days = int(text)
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise ValueError
    return days


_days.__name__ = f"number of days from {LEAST_DAYS} to {MOST_DAYS}"  # argparse prints it


def _retentions(slug: str | None) -> QuerySet[Retention]:
    found = Retention.objects.select_related("team").order_by("team__slug")
    return found.filter(team__in=_teams(slug)) if slug else found


def _teams(slug: str | None) -> list[Team]:
    teams = list(Team.objects.order_by("slug"))
    if slug is None:
        return teams
    named = [team for team in teams if team.slug == slug]
    if not named:
        raise CommandError(
            f"No team is called {slug}. There are: {', '.join(team.slug for team in teams)}."
        )
    return named


def _cells(team: Team, rules: Rules, is_enabled: bool | None, found: Forecast) -> tuple[str, ...]:
    states = {None: "tried", True: "on", False: "off"}
    return (
        team.slug,
        _count(found.snapshots, rules.snapshot_days),
        _count(found.events, rules.event_days),
        str(found.jobs),
        f"{found.bytes / 1e6:.1f} MB",
        f"{found.oldest:%Y-%m-%d}" if found.oldest else "-",
        states[is_enabled],
    )


def _count(number: int, days: int | None) -> str:
    return FOR_EVER if days is None else f"{number} (over {days} d)"
