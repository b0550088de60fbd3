"""Which jobs a filter lets through."""

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from accounts.models import Team
from dashboard.queries.job_filter import JobFilter
from jobs import searching
from jobs.models import Connection, Job
from jobs.models.job import UNDATED

if TYPE_CHECKING:
    from jobs.models.job import JobQuerySet

DAY = timedelta(days=1)


def listed(team: Team, connections: Iterable[int], *, is_archived: bool = False) -> "JobQuerySet":
    """All jobs of these connections, or those of them that were put away."""
    jobs = Job.objects.for_team(team).filter(connection__in=connections)
    return jobs.filter(archived_at__isnull=not is_archived)


def narrow(
    jobs: "JobQuerySet",
    asked: JobFilter,
    connections: Mapping[int, Connection],
    hits: searching.Hits | None = None,
) -> "JobQuerySet":
    """The jobs that the filter lets through, of `listed` ones."""
    if asked.states:
        jobs = jobs.in_state(*asked.states)
    if asked.stuck:
        jobs = jobs.stuck()
    if asked.connection:
        jobs = jobs.filter(
            connection__in=[pk for pk, one in connections.items() if one.slug == asked.connection]
        )
    said = {
        "base_model__icontains": asked.model,
        "method": asked.method,
        "error_code": asked.error,
    }
    jobs = jobs.filter(**{name: value for name, value in said.items() if value})
    for tag in asked.tags:
        jobs = jobs.filter(tags__contains=f" {tag} ")
    jobs = _created_between(jobs, asked)
    if asked.q:
        teams = {one.team_id for one in connections.values()}
        jobs = (hits or searching.hits(teams, asked.q)).among(jobs, teams)
    return jobs


def _created_between(jobs: "JobQuerySet", asked: JobFilter) -> "JobQuerySet":
    """By the days of the viewer's own zone; a job without a date is on none of them."""
    zone = timezone.get_current_timezone()
    if asked.first:
        begin = datetime.combine(asked.first, time(), zone)
        jobs = jobs.filter(listed_at__gte=begin)
    if asked.last:
        end = datetime.combine(asked.last + DAY, time(), zone)
        jobs = jobs.filter(listed_at__lt=end, listed_at__gt=UNDATED)
    return jobs
