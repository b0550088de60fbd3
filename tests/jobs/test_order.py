"""The order of the job list: newest first, from an index on both databases."""

import pytest
from django.db import connection
from django.http import QueryDict

from dashboard.queries.job_filter import JobFilter
from dashboard.queries.job_pages import beyond, page_of
from jobs.models import Job
from tests.builders import NOON, a_connection, a_job

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
SOME = 300


@pytest.fixture
def team():
    lab = a_connection()
    for _ in range(SOME):
        a_job(lab)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE jobs_job")
        if connection.vendor == "postgresql":  # so small a table would be read whole
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
    return lab.team


def asked(**query):
    filled = QueryDict(mutable=True)
    filled.update(query)
    return JobFilter.read(filled)


def plan_of(jobs):
    return jobs.explain().lower()


def test_the_first_page_is_read_from_an_index_in_order(team):
    newest = Job.objects.for_team(team).filter(archived_at=None).order_by("-listed_at", "-pk")[:51]
    plan = plan_of(newest)
    assert "job_listed" in plan
    assert "sort" not in plan
    assert "temp b-tree" not in plan


def test_a_later_page_begins_in_the_index_where_the_last_one_ended(team):
    jobs = Job.objects.for_team(team)
    _, cursor = page_of(jobs, asked(limit="20"))
    plan = plan_of(beyond(jobs, asked(after=cursor)).order_by("-listed_at", "-pk")[:51])
    assert "job_listed" in plan
    begins = "listed_at<" if connection.vendor == "sqlite" else "listed_at <="
    assert begins in plan


def test_pages_follow_each_other_without_a_gap_or_a_repetition(team):
    Job.objects.update(created_at=NOON)  # all of one moment: the number decides
    jobs, names, cursor = Job.objects.for_team(team), [], ""
    while len(names) < SOME:
        found, cursor = page_of(jobs, asked(limit="100", after=cursor))
        names += [job.id for job in found]
    assert names == sorted(names, reverse=True)
    assert cursor == ""


def test_jobs_without_a_creation_time_come_last(team):
    lab = a_connection(team)
    undated = a_job(lab, created_at=None)
    jobs, cursor = Job.objects.for_team(team), ""
    for _ in range(4):
        found, cursor = page_of(jobs, asked(limit="100", after=cursor))
    assert [job.id for job in found] == [undated.pk]
