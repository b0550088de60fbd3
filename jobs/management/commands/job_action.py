"""Cancels, pauses or resumes a job at the provider; the page of the job does the same."""

import sys
from argparse import ArgumentParser
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.audit import note_from_terminal
from jobs import actions
from jobs.actions import Action, Verdict
from jobs.management.commands.wait import find_job
from jobs.models import Job

DONE, NOT_DONE, UNKNOWN_JOB, OUTCOME_UNKNOWN = 0, 1, 2, 3


class Command(BaseCommand):
    help = (
        "Asks the provider, once, to cancel, pause or resume a job. Exit code: 0 accepted, "
        "1 refused or not sent, 2 unknown job or no confirmation, 3 nobody knows what came of it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("job", help="the job's id at the provider")
        parser.add_argument("action", choices=[action.value for action in Action])
        parser.add_argument("--connection", help="slug, where two connections know the id")
        parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")

    def handle(self, *_args: Any, **options: Any) -> None:
        job, action = find_job(options["job"], options["connection"]), Action(options["action"])
        if not options["yes"]:
            self._confirm(job, action)
        try:
            outcome = actions.ask(job, action, partial(note_from_terminal, job.team))
        except actions.NotAsked as error:
            raise CommandError(f"Nothing was sent. {error}", returncode=NOT_DONE) from error
        told = actions.sentence(job, action, outcome)
        if outcome.verdict is Verdict.UNKNOWN:
            raise CommandError(told, returncode=OUTCOME_UNKNOWN)
        if outcome.verdict is not Verdict.ACCEPTED:
            raise CommandError(told, returncode=NOT_DONE)
        self.stdout.write(told)

    def _confirm(self, job: Job, action: Action) -> None:
        if not sys.stdin.isatty():
            raise CommandError("Nothing was sent. Say --yes to confirm.", returncode=UNKNOWN_JOB)
        where = f"{job.connection.name} ({job.connection.base_url})"
        self.stdout.write(f"{action.value.capitalize()} {job.name}, {job.provider_id}, at {where}?")
        self.stdout.write(action.consequence)
        if input("Type yes to go on: ").strip().lower() != "yes":
            raise CommandError("Nothing was sent.", returncode=UNKNOWN_JOB)
