"""Who changes connections, and a provider that answers."""

import pytest
from django.test import Client

from accounts.models import Role
from tests.builders import a_member
from tests.dashboard.connections.form import KEY, LIST_OF_NONE


@pytest.fixture
def admin(team, client):
    client.force_login(a_member(team))
    return client


@pytest.fixture
def editor(team):
    client = Client()
    client.force_login(a_member(team, Role.EDITOR))
    return client


@pytest.fixture
def provider(httpserver):
    """A server that lists no job, no file and no model, to whoever has the key."""
    for path in ("fine_tuning/jobs", "files", "models"):
        headers = {"Authorization": f"Bearer {KEY}"}
        httpserver.expect_request(f"/v1/{path}", headers=headers).respond_with_json(LIST_OF_NONE)
    wrong = {
        "error": {
            "message": "Incorrect API key provided",
            "code": "invalid_api_key",
            "type": "x",
            "param": None,
        }
    }
    httpserver.expect_request("/v1/fine_tuning/jobs").respond_with_json(wrong, status=401)
    httpserver.expect_request("/html/fine_tuning/jobs").respond_with_data(
        "<html>Portal</html>", content_type="text/html"
    )
    return httpserver
