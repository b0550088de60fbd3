"""Nothing remembered between tests, the database's clock, and the operator."""

import pytest

from accounts.models import ApiToken, digest_of
from dashboard import exposition
from jobs.claims import database_now
from tests.builders import (
    a_team,
)
from tests.dashboard.metrics.scraping import OPERATOR, bearer


@pytest.fixture(autouse=True)
def fresh_shelf():
    exposition.shelf.clear()
    yield
    exposition.shelf.clear()


@pytest.fixture
def now():
    return database_now()


@pytest.fixture
def operator(settings):
    """The headers of the operator, whose token belongs to the first team."""
    settings.API_TOKEN = OPERATOR
    team = a_team()
    ApiToken.objects.create(team=team, name="operator", digest=digest_of(OPERATOR), last4="ngth")
    return team, bearer(OPERATOR)
