"""What tests of the jobs list share."""

from datetime import timedelta

from django.utils import timezone

from jobs.models import Connection
from tests.builders import a_job, a_transition


def names(response) -> list[str]:
    return [row.name for row in response.context["page"].rows]


def a_failure(lab: Connection, age: timedelta, **facts) -> None:
    """A job that was noticed to have failed so long ago."""
    at = timezone.now() - age
    a_transition(a_job(lab, state="failed", ended_at=at, **facts), recorded_at=at)
