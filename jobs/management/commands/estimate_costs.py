"""Makes the cost estimates of all jobs anew; the workers do the same when prices change."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from accounts.models import Team
from jobs import repricing
from jobs.models import Job
from jobs.models.job import OVER


class Command(BaseCommand):
    help = "Makes the cost estimates of all finished jobs anew, by the prices as they are now."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--team", help="slug; without it all teams")

    def handle(self, *_args: Any, **options: Any) -> None:
        teams = _teams(options["team"])
        over = Job.objects.filter(team__in=teams).in_state(*OVER)
        number = over.count()
        bar = tqdm(total=number, unit="job", file=self.stderr, disable=not self.stderr.isatty())
        try:
            with bar:
                for team in teams:
                    repricing.begin(team)
                    while (looked_at := repricing.reprice_batch(team.pk)) is not None:
                        bar.update(looked_at)
        except KeyboardInterrupt:
            self.stdout.write("Interrupted. The workers go on with what is left.")
            sys.exit(130)
        known = over.exclude(cost_usd=None).count()
        self.stdout.write(
            f"{known} of {number} finished jobs have an estimate; {number - known} have none."
        )


def _teams(slug: str | None) -> list[Team]:
    found = Team.objects.order_by("slug")
    if slug is None:
        return list(found)
    named = list(found.filter(slug=slug))
    if not named:
        names = ", ".join(found.values_list("slug", flat=True))
        raise CommandError(f"No team is called {slug}. There are: {names}.")
    return named
