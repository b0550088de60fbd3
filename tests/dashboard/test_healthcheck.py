"""What a container is asked: does its part do its work?"""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from dashboard import healthcheck, patience
from dashboard.models import Heartbeat
from dashboard.worker_name import own_name
from tests.conftest import database_url
from tests.servers import bare_environment, free_port

KEYS = {"SECRET_KEY": "x" * 50, "FIELD_ENCRYPTION_KEYS": "a:" + "A" * 43}


@pytest.fixture
def ask(monkeypatch, capsys):
    """Exit code and line of the check, with this environment and no other."""

    def run(part: str, **env: str) -> tuple[int, str]:
        monkeypatch.setattr("os.environ", bare_environment(**KEYS, **env))
        return healthcheck.main([part]), capsys.readouterr().out

    return run


@pytest.fixture
def seen(transactional_db):
    """Somebody at work noted it some seconds ago."""

    def note(part: str, seconds_ago: float, *, worker: str = "", is_busy: bool = False) -> None:
        at = timezone.now() - timedelta(seconds=seconds_ago)
        own = own_name(part, is_local=connection.vendor == "sqlite")
        Heartbeat.objects.create(part=part, worker=worker or own, at=at, is_busy=is_busy)

    return note


@pytest.mark.both_databases
@pytest.mark.parametrize("part", ["poll", "alerts", "beat"])
def test_a_part_that_works_is_well(ask, seen, part):
    seen(part, 5)
    code, line = ask(part, DATABASE_URL=database_url())
    assert code == 0
    assert line in {f"{part}: seen at work {age} s ago\n" for age in range(4, 65)}


@pytest.mark.both_databases
def test_a_part_that_is_up_but_does_nothing_is_unwell(ask, seen):
    seen("poll", patience.IDLE_S + 5)
    code, line = ask("poll", DATABASE_URL=database_url())
    assert code == 1
    assert line.startswith("poll: last seen at work ")


@pytest.mark.both_databases
def test_another_worker_of_its_kind_makes_nobody_well(ask, seen):
    seen("poll", 1, worker="another")
    assert ask("poll", DATABASE_URL=database_url()) == (1, "poll: never seen at work\n")
    seen("poll", patience.IDLE_S + 5)
    assert ask("poll", DATABASE_URL=database_url())[0] == 1


@pytest.mark.both_databases
def test_a_long_task_has_more_time_but_not_for_ever(ask, seen):
    seen("poll", patience.IDLE_S + 5, is_busy=True)
    seen("alerts", patience.BUSY_S + 5, is_busy=True)
    assert ask("poll", DATABASE_URL=database_url())[0] == 0
    assert ask("alerts", DATABASE_URL=database_url())[0] == 1


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_a_part_that_never_worked_is_unwell(ask):
    assert ask("beat", DATABASE_URL=database_url()) == (1, "beat: never seen at work\n")


@pytest.mark.parametrize(
    "url", ["postgres://bell:secret@127.0.0.1:1/bell", "sqlite:////nowhere/bell.sqlite3"]
)
def test_without_a_database_nobody_is_well(ask, url):
    code, line = ask("poll", DATABASE_URL=url)
    assert code == 1
    assert line.startswith("poll: the database does not answer: ")
    assert line.count("\n") == 1
    assert "secret" not in line


def test_the_database_of_the_data_folder_is_asked_when_none_is_named(ask, tmp_path):
    code, line = ask("poll", TUNEBELL_DATA_DIR=str(tmp_path))
    assert (code, "unable to open database file" in line) == (1, True)


@pytest.mark.parametrize(
    ("env", "host"),
    [
        ({"SITE_URL": "https://bell.example.com"}, "bell.example.com"),
        ({"ALLOWED_HOSTS": ".example.com,other.example.com"}, "example.com"),
        ({"SITE_URL": "https://a.example.com", "ALLOWED_HOSTS": "b.example.com"}, "b.example.com"),
    ],
)
def test_the_site_is_asked_under_a_name_it_answers_to(ask, httpserver, env, host):
    httpserver.expect_request("/livez", headers={"Host": host}).respond_with_data("ok")
    assert ask("web", PORT=str(httpserver.port), **env) == (0, "web: answers\n")


def test_a_site_that_refuses_is_unwell(ask, httpserver):
    httpserver.expect_request("/livez").respond_with_data("", status=503)
    assert ask("web", PORT=str(httpserver.port)) == (1, "web: /livez answered 503\n")


def test_a_site_that_does_not_answer_is_unwell(ask):
    code, line = ask("web", PORT=str(free_port()))
    assert (code, "Connection refused" in line) == (1, True)


def test_a_broken_setting_is_named(ask):
    assert ask("web", PORT="eighty") == (1, "web: PORT must be a whole number from 1 to 65535\n")


def test_an_unknown_part_is_refused(ask, capsys):
    with pytest.raises(SystemExit, match="2"):
        ask("broker")
    assert "invalid choice: 'broker'" in capsys.readouterr().err
