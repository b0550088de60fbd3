"""A team with one connection, and a browser of one who may only look."""

import pytest
from django.test import Client

from accounts.models import Role, Team
from dashboard.context import lookout
from jobs.models import Connection
from tests.builders import a_connection, a_member, a_team


@pytest.fixture(autouse=True)
def fresh_lookout():
    """What a test before this one saw of the heartbeats is none of it."""
    lookout.forget()


@pytest.fixture
def team() -> Team:
    return a_team()


@pytest.fixture
def viewer(team) -> Client:
    client = Client()
    client.force_login(a_member(team, Role.VIEWER))
    return client


@pytest.fixture
def lab(team) -> Connection:
    return a_connection(team, slug="lab", name="Lab", health="ok")
