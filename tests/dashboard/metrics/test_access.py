"""/metrics: who may read what, in which format, and what a reader is told that may not."""

import pytest
from django.db import DatabaseError
from django.db import connection as database
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from accounts.models import ApiToken
from jobs.models import Health
from tests.builders import (
    a_connection,
    a_job,
    a_team,
)
from tests.dashboard.metrics.scraping import a_tally, bearer, scrape, value

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("accept", "content_type", "parse"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8", text_string_to_metric_families),
        (
            "application/openmetrics-text; version=1.0.0,text/plain;version=0.0.4;q=0.5",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
            openmetrics.text_string_to_metric_families,
        ),
    ],
)
def test_the_reader_chooses_the_format(client, accept, content_type, parse):
    answer = client.get("/metrics", headers={"Accept": accept})
    assert answer.headers["Content-Type"] == content_type
    assert answer.headers["Cache-Control"] == "no-store"
    assert "tunebell_jobs" in {family.name for family in parse(answer.content.decode())}


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text; version=abc",
        "text/plain; version=1e9; escaping=values",
        "application/openmetrics-text; version=9.9.9; escaping=nonsense",
        "text/html, ;;=,,",
        "\x00" * 9,
    ],
)
def test_a_reader_that_asks_for_nonsense_gets_an_answer(client, accept):
    answer = client.get("/metrics", headers={"Accept": accept})
    assert answer.status_code == 200
    assert b"tunebell_jobs{" in answer.content


def test_strangers_get_totals_and_no_name(client, operator):
    team, _ = operator
    connection = a_connection(team, slug="secret-lab", name="Secret lab", base_url="https://x.y/v1")
    a_tally(connection, 1)
    a_job(connection, suffix="secret-bot", provider_id="ftjob-secret")
    text = client.get("/metrics").content.decode()
    assert "secret" not in text.lower()
    assert "x.y" not in text
    assert "tunebell_connection_up" not in text


def test_the_operators_token_opens_the_slugs_of_its_team(client, operator):
    team, headers = operator
    a_tally(a_connection(team, slug="lab", health=Health.REJECTED), 5)
    a_connection(slug="foreign-lab")
    found = scrape(client, **headers)
    assert value(found, "tunebell_connection_up", connection="lab") == 0
    family = "tunebell_connection_requests"
    assert value(found, f"{family}_total", family, connection="lab", outcome="ok") == 5
    assert "foreign-lab" not in client.get("/metrics", headers=headers).content.decode()


def test_a_teams_own_token_opens_no_slugs(client, operator):
    team = a_team()
    a_connection(team, slug="lab")
    assert "tunebell_connection_up" not in scrape(
        client, **bearer(ApiToken.create_token(team, "t"))
    )


@pytest.mark.parametrize("given", ["Bearer nonsense", "Basic abc", "Bearer", "Bearer \x00"])
def test_a_token_that_is_wrong_is_refused(client, given):
    answer = client.get("/metrics", headers={"Authorization": given})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.content.decode().startswith("Send the token as")


def test_a_database_that_is_down_is_a_sentence(client, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise DatabaseError("no route to 10.0.0.7")

    with database.execute_wrapper(refuse):
        answer = client.get("/metrics")
    assert (answer.status_code, answer.content) == (503, b"The database does not answer.\n")
