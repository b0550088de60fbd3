import pytest
from django.utils import timezone

from tests.builders import a_connection


@pytest.fixture
def connection(provider, db):
    return a_connection(base_url=provider.url, created_at=timezone.now())
