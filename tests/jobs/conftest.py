import pytest
from django.utils import timezone

from jobs.models import Connection, Job
from jobs.poll import poll_due
from tests.builders import NOON, a_connection
from tests.provider_double import ProviderDouble


@pytest.fixture
def provider():
    double = ProviderDouble()
    yield double
    double.close()


@pytest.fixture
def connection(provider, db):
    return a_connection(base_url=provider.url, created_at=timezone.now())


@pytest.fixture
def poll():
    """Makes everything due, as if the intervals had passed, and polls it."""

    def poll_everything(times: int = 1) -> None:
        for _ in range(times):
            Connection.objects.update(next_sweep_at=NOON, wait_until=None)
            Job.objects.exclude(next_poll_at=None).update(next_poll_at=NOON)
            poll_due(budget_s=20)

    return poll_everything
