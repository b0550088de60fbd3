"""Which jobs an export is of: those that were ticked, else all that the list's filter shows."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.core.exceptions import BadRequest
from django.http import Http404, QueryDict

from accounts.models import Team
from dashboard.queries.jobs import JobFilter, narrow
from jobs.models import Connection, Job

if TYPE_CHECKING:
    from jobs.models.job import JobQuerySet

TICKED = "job"  # the name of the boxes on the list
_NUMBER = re.compile(r"[0-9]{1,18}")


def chosen_jobs(team: Team, asked: QueryDict) -> "JobQuerySet":
    """Raises BadRequest for what is no row's number, Http404 when none of the ticked is there."""
    if asked.getlist(TICKED):
        return _ticked(team, asked.getlist(TICKED))
    connections = {one.pk: one for one in Connection.objects.for_team(team).live()}
    jobs = Job.objects.for_team(team).filter(connection__in=connections, archived_at=None)
    return narrow(jobs, JobFilter.read(asked), connections)


def _ticked(team: Team, numbers: Sequence[str]) -> "JobQuerySet":
    """Those removed since the page was drawn are left out."""
    if not all(map(_NUMBER.fullmatch, numbers)):
        raise BadRequest("not the number of a job")
    jobs = Job.objects.for_team(team).filter(pk__in=[int(number) for number in numbers])
    if not jobs.exists():
        raise Http404
    return jobs


def jobs_of(connection: Connection) -> "JobQuerySet":
    """Archived ones too: an export of a connection is all of it."""
    return Job.objects.filter(connection=connection)
