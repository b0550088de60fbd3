"""Which jobs an export is of: those that were ticked, else all that the list's filter shows."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.core.exceptions import BadRequest
from django.http import Http404, QueryDict

from accounts.models import Team
from dashboard import words
from dashboard.queries.job_filter import JobFilter
from dashboard.queries.job_pages import ordered
from dashboard.queries.narrowing import listed, narrow
from jobs.models import Connection, Job
from jobs.refs import Ref, compare_path

if TYPE_CHECKING:
    from jobs.models.job import JobQuerySet

MOST_COMPARED = 101  # one more than its page takes, so that it can say so
TICKED = "job"  # the name of the boxes on the list
EVERY = "all"  # of the box that stands for all of them, whatever else is ticked
_NUMBER = re.compile(r"[0-9]{1,18}")


def chosen_jobs(team: Team, asked: QueryDict) -> "JobQuerySet":
    """Raises BadRequest for what is no row's number, Http404 when none of the ticked is there."""
    if asked.getlist(TICKED) and asked.get(EVERY) != "1":
        return ticked_jobs(team, asked.getlist(TICKED))
    connections = {one.pk: one for one in Connection.objects.for_team(team).live()}
    wanted = JobFilter.read(asked)
    jobs = listed(team, connections, is_archived=wanted.archived)
    return narrow(jobs, wanted, connections)


def ticked_jobs(team: Team, numbers: Sequence[str]) -> "JobQuerySet":
    """Those removed since the page was drawn are left out. Raises as `chosen_jobs` does."""
    if not all(map(_NUMBER.fullmatch, numbers)):
        raise BadRequest("not the number of a job")
    jobs = Job.objects.for_team(team).filter(pk__in=[int(number) for number in numbers])
    if not jobs.exists():
        raise Http404
    return jobs


def compare_url(team: Team, numbers: Sequence[str]) -> str:
    """The page that compares these jobs, in the order of their rows. Raises as `chosen_jobs` does."""
    asked = list(dict.fromkeys(numbers))[:MOST_COMPARED]
    if not asked:
        return compare_path(())
    found = ticked_jobs(team, asked).values_list("pk", "connection__slug", "provider_id")
    refs = {str(pk): Ref(slug, name) for pk, slug, name in found}
    return compare_path(refs[number] for number in asked if number in refs)


class TooMany(ValueError):
    """More than one comparison holds."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"These are {words.counted(number, 'job')}; a comparison holds {MOST_COMPARED - 1}. "
            "Narrow the filter first."
        )


def compare_all_url(team: Team, shown: QueryDict) -> str:
    """The page that compares all jobs of this list, on every page, in its order. Raises TooMany."""
    asked = shown.copy()
    asked.pop(TICKED, None)
    jobs = ordered(chosen_jobs(team, asked), JobFilter.read(asked))
    found = list(jobs.values_list("connection__slug", "provider_id")[:MOST_COMPARED])
    if len(found) == MOST_COMPARED:
        raise TooMany(jobs.count())
    return compare_path(Ref(*names) for names in found)


def jobs_of(connection: Connection) -> "JobQuerySet":
    """Archived ones too: an export of a connection is all of it."""
    return Job.objects.filter(connection=connection)
