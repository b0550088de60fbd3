"""The servers that other tests lean on are real, and say so."""

import pytest
import redis

from accounts.models import Team


def test_valkey_keeps_what_it_is_told(valkey):
    with redis.Redis(port=valkey.port) as client:
        client.set("bell", "ding")
        assert client.get("bell") == b"ding"


def test_postgres_is_a_recent_one(postgres):
    import psycopg

    with psycopg.connect(postgres.url) as connection:
        assert connection.info.server_version >= 140000


@pytest.mark.both_databases
@pytest.mark.django_db
def test_rows_are_stored_in_the_chosen_database():
    Team.objects.create(name="Bells", slug="bells")
    assert Team.objects.get(slug="bells").name == "Bells"
