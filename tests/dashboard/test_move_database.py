"""A grown installation moves to another database: all of it, or nothing."""

import fcntl
import itertools
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.utils import timezone

from accounts.models import RequestCount, SignInLink, Team, User
from alerts.models import Channel
from dashboard import move
from dashboard.management.commands.move_database import TARGET, target_at, without_password
from dashboard.models import AuditReport, Heartbeat, LatencyTally
from jobs.models import (
    Backfill,
    BaseModel,
    Catalog,
    Connection,
    Count,
    Estimate,
    Job,
    LatenessTally,
    Repricing,
    RequestTally,
    Retention,
    Snapshot,
)
from tests.alerts.house import House
from tests.builders import NOON, a_connection, a_job, a_team
from tests.dashboard.graph import a_graph
from tests.receiver import Receiver
from tests.servers import ROOT

pytestmark = pytest.mark.django_db(transaction=True)

_serial = itertools.count(1)
ONE_MORE_TEAM = """INSERT INTO accounts_team (id, public_id, name, slug, version, tags)
    VALUES (999, gen_random_uuid(), $$More$$, $$more$$, 0, $$[]$$)"""
DELIVERED = "SELECT count(*) FROM alerts_delivery WHERE state = 'sent'"


@pytest.fixture(scope="module")
def tables_at(postgres, django_db_setup, django_db_blocker):
    """A database with all tables, to copy from: `migrate` takes seconds."""
    url = postgres.new_database(f"move_template_{next(_serial)}")
    with django_db_blocker.unblock(), target_at(url):
        move.create_tables(TARGET)
    return url


@pytest.fixture
def target(postgres, tables_at):
    """The URL of an empty PostgreSQL database that has all tables."""
    name = f"moved_{next(_serial)}"
    with psycopg.connect(postgres.url_of("postgres"), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE {tables_at.rpartition('/')[2]}")
    return postgres.url_of(name)


@pytest.fixture
def everything():
    """A row in every table, with what differs between databases: bytes, JSON, fractions, big numbers."""
    graph = a_graph("grown")
    job, line = graph.job, graph.connection
    numbers = {"big": 1e22, "small": 1e-05, "whole": 2.0, "z": 1, "a": [None, True, 3**40, "né€\n"]}
    Job.objects.filter(pk=job.pk).update(hyperparameters=numbers, seed=2**62, metadata={})
    Estimate.objects.create(
        job=job, estimated_finish=None, seen_at=NOON + timedelta(microseconds=7)
    )
    Backfill.objects.create(connection=line)
    Catalog.objects.create(connection=line, limits=[{"rpm": 3}])
    BaseModel.objects.create(connection=line, name="gpt", shutdown_on=NOON.date(), first_seen_at=NOON, last_seen_at=NOON)  # fmt: skip
    RequestTally.objects.create(connection=line, hour=NOON, capability="jobs", outcome="ok")
    LatenessTally.objects.create(hour=NOON, work="sweep", upper_s=1e9, total_s=0.1)
    Count.objects.create(name="stale_writes", number=3), Count.objects.create(name="Über", number=1)
    Retention.objects.create(team=graph.team)
    Repricing.objects.create(team=graph.team, table="2026-11-27", cursor=2**40)
    graph.rule.connections.add(line)
    SignInLink.create_token(graph.admin)
    RequestCount.objects.create(key="k" * 64, began_at=NOON)
    Heartbeat.objects.create(part="poll", at=NOON)
    AuditReport.objects.create(at=NOON, findings=[{"count": 2}], answer="né", counted_attempt=2**40)
    LatencyTally.objects.create(upper_s=0.3, number=2**40, total_s=0.1)
    SessionStore().save()
    return graph


def run_move(url: str) -> str:
    out = StringIO()
    call_command("move_database", to=url, stdout=out, stderr=StringIO())
    return out.getvalue()


def refusal(url: str) -> str:
    with pytest.raises(CommandError) as refused:
        run_move(url)
    return str(refused.value)


def contents(alias: str) -> dict[str, list[dict]]:
    """Table name -> its rows, in the order of their keys as Python sorts them."""
    found = {}
    for model in move.tables():
        rows = [
            {
                name: bytes(value) if isinstance(value, memoryview) else value
                for name, value in row.items()
            }
            for row in move.rows_of(model, alias).values()
        ]
        key = model._meta.pk.attname
        found[move.table_of(model)] = sorted(rows, key=lambda row, key=key: row[key])
    return found


@pytest.mark.both_databases
def test_every_table_arrives_row_for_row(everything, postgres):
    url = postgres.new_database(f"moved_{next(_serial)}")
    before = contents("default")
    assert [name for name, rows in before.items() if not rows] == []
    assert "their numbers and checksums agree" in run_move(url)
    with target_at(url):
        assert contents(TARGET) == before
    assert contents("default") == before


def test_only_what_migrate_makes_itself_is_left_out():
    left_out = set(connection.introspection.table_names()) - set(map(move.table_of, move.tables()))
    assert left_out == {
        "auth_group", "auth_group_permissions", "auth_permission", "django_content_type", "django_migrations",
    }  # fmt: skip


@pytest.mark.both_databases
def test_a_file_is_a_target_too(everything, tmp_path):
    url = f"sqlite:///{tmp_path / 'moved.sqlite3'}"
    before = contents("default")
    run_move(url)
    with target_at(url):
        assert contents(TARGET) == before


def test_sealed_secrets_open_in_the_new_database(target):
    a_connection(key="sk-sealed-00001111")
    House().hook(Receiver())
    run_move(target)
    with target_at(target):
        (sealed,) = Connection.objects.using(TARGET).exclude(sealed_key="")
        assert sealed.key().reveal() == "sk-sealed-00001111"
        assert Channel.objects.using(TARGET).get().secrets()


def test_ids_go_on_where_they_were(target):
    last = [a_team() for _ in range(3)][-1]
    User.objects.create_user("someone@example.com")
    run_move(target)
    with target_at(target):
        assert Team.objects.using(TARGET).create(name="Next", slug="next").pk == last.pk + 1


@pytest.fixture
def receiver():
    one = Receiver().up()
    yield one
    one.down()


@pytest.mark.stack
def test_a_job_that_ended_meanwhile_rings_once_from_the_new_database(
    target, provider, receiver, poll, project_env
):
    house = House()
    a_connection(house.team, base_url=provider.url)
    house.connection.delete()
    house.hook(receiver)
    job_id = provider.serves(status="running")
    poll(2)
    run_move(target)
    provider.serves(job_id, status="succeeded")
    env = project_env(DATABASE_URL=target)
    for _ in range(2):
        sweep_all(target, env)

    assert [arrival.content["data"]["job"]["id"] for arrival in receiver.journal] == [job_id]
    with psycopg.connect(target) as session:
        assert session.execute(DELIVERED).fetchone() == (1,)
    assert Job.objects.get().state == "running"


def sweep_all(url: str, env: dict[str, str]) -> None:
    with psycopg.connect(url) as session:
        session.execute("UPDATE jobs_connection SET next_sweep_at = now()")
        session.execute("UPDATE jobs_job SET next_poll_at = now() WHERE next_poll_at IS NOT NULL")
    command = [sys.executable, "manage.py", "sweep", "--once"]
    subprocess.run(command, env=env, cwd=ROOT, check=True, capture_output=True)


def test_a_target_with_rows_is_refused(target):
    a_team()
    run_move(target)
    assert refusal(target) == "Nothing was moved: the target is not empty: accounts_team has rows."


def test_a_target_with_other_tables_is_refused(target):
    with psycopg.connect(target) as session:
        session.execute("CREATE TABLE wiki_page (id int)")
    assert "tables of something else: wiki_page" in refusal(target)


def test_the_database_in_use_is_no_target():
    config = connection.settings_dict
    assert refusal(f"sqlite:///{config['NAME']}") == "--to names the database in use"


def test_a_target_that_does_not_answer_costs_one_line():
    told = refusal("postgres://bell:secret@127.0.0.1:1/bell")
    assert "Connection refused" in told
    assert "secret" not in told
    assert "\n" not in told


@pytest.mark.parametrize("url", ["mysql://127.0.0.1/bell", "", "bell"])
def test_what_is_no_database_url_is_refused(url):
    assert refusal(url) == "--to must start with postgres:// or sqlite:///"


@pytest.mark.parametrize(("is_busy", "age_s"), [(False, 3), (True, 80)])
def test_nothing_is_moved_while_somebody_is_at_work(target, is_busy, age_s):
    at = timezone.now() - timedelta(seconds=age_s)
    Heartbeat.objects.create(part="alerts", at=at, is_busy=is_busy)
    assert (
        "TuneBell is at work on the database in use (last sign of life: Alert worker)"
        in refusal(target)
    )


def test_one_worker_at_work_among_silent_ones_is_enough_to_refuse(target):
    for worker, age_s in (("one", 0), ("two", 500)):
        at = timezone.now() - timedelta(seconds=age_s)
        Heartbeat.objects.create(part="poll", worker=worker, at=at)
    assert "(last sign of life: Poll worker one)" in refusal(target)


def test_nothing_is_moved_while_up_holds_the_data_folder(target, settings):
    settings.DATA_DIR = Path(connection.settings_dict["NAME"]).parent
    lock = settings.DATA_DIR / "run" / "lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert refusal(target).startswith("TuneBell is running already on the data folder")


@pytest.mark.stack
def test_a_source_without_tables_is_told_to_be_prepared(target, project_env, tmp_path):
    env = project_env(DATABASE_URL=f"sqlite:///{tmp_path / 'new.sqlite3'}")
    command = [sys.executable, "manage.py", "move_database", "--to", target]
    ended = subprocess.run(command, env=env, cwd=ROOT, check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (
        1,
        "CommandError: Nothing was moved: the database in use lacks migrations; run `manage.py prepare` first.\n",
    )


def test_values_that_sqlite_let_pass_are_named_by_row_and_column(target):
    job = a_job()
    wrong = {
        "suffix": "s" * 201,
        "total_steps": 2**31,
        "metadata": {"a": ["\x00"]},
        "trouble": "\x00",
    }
    Job.objects.filter(pk=job.pk).update(**wrong)
    told = refusal(target)
    assert told.splitlines() == [
        "Nothing was moved: the target cannot hold these values:",
        f"jobs_job row {job.pk}, column suffix: has 201 characters, 200 fit",
        f"jobs_job row {job.pk}, column metadata: holds a character that cannot be stored",
        f"jobs_job row {job.pk}, column total_steps: 2147483648 is not between -2147483648 and 2147483647",
        f"jobs_job row {job.pk}, column trouble: holds a character that cannot be stored.",
    ]
    Job.objects.filter(pk=job.pk).update(suffix="s", total_steps=1, metadata={}, trouble="")
    assert "rows copied" in run_move(target)


def test_many_values_that_do_not_fit_are_counted(target):
    connection = a_connection()
    for _ in range(move.SHOWN + 3):
        a_job(connection, suffix="s" * 300)
    assert refusal(target).endswith("... and 3 more.")


def test_an_end_in_the_middle_leaves_the_target_empty(target):
    a_job()

    def end(_rows: int) -> None:
        raise KeyboardInterrupt

    with target_at(target):
        with pytest.raises(KeyboardInterrupt):
            move.copy(move.Route("default", TARGET, end))
        assert move.count(TARGET) == 0
    assert "rows copied" in run_move(target)


@pytest.mark.parametrize(
    ("meddling", "told"),
    [
        ("NEW.name = $$Other$$", "accounts_team: what arrived differs from what was read"),
        (
            f"IF NEW.slug = $$bells$$ THEN {ONE_MORE_TEAM}; END IF",
            "accounts_team: 1 rows were read, 2 arrived",
        ),
    ],
)
def test_what_did_not_arrive_as_it_was_is_found(target, meddling, told):
    Team.objects.create(name="Bells", slug="bells")
    begin = "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN"
    each = "BEFORE INSERT ON accounts_team FOR EACH ROW EXECUTE FUNCTION meddle()"
    with psycopg.connect(target) as session:
        session.execute(f"{begin} {meddling}; RETURN NEW; END'")
        session.execute(f"CREATE TRIGGER meddles {each}")
    assert told in refusal(target)
    with target_at(target):
        assert move.count(TARGET) == 0


def test_a_number_that_postgresql_writes_otherwise_is_the_same(target):
    a_job(metadata={"big": 1e23, "many": 10**40, "list": [1.0, True]})
    assert "checksums agree" in run_move(target)


def test_nobody_writes_to_the_source_meanwhile(target):
    a_team()
    seen = []

    def write(_rows: int) -> None:
        command = [
            "-c",
            "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')",
        ]
        arguments = [sys.executable, *command, str(connections["default"].settings_dict["NAME"])]
        seen.append(subprocess.run(arguments, check=False, capture_output=True, text=True).stderr)

    with target_at(target):
        move.copy(move.Route("default", TARGET, write))
    assert all("database is locked" in text for text in seen)
    assert seen


def test_batches_are_bounded_in_rows_and_in_size():
    big = [Snapshot(body="x" * move.BATCH_CHARS) for _ in range(3)]
    small = [Snapshot(body="x") for _ in range(move.BATCH_ROWS + 1)]
    assert [len(batch) for batch in move._batches(big)] == [1, 1, 1]
    assert [len(batch) for batch in move._batches(small)] == [move.BATCH_ROWS, 1]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgres://bell:p%40ss@db:5432/bell", "postgres://bell:***@db:5432/bell"),
        ("postgres://bell@db/bell", "postgres://bell@db/bell"),
        ("sqlite:////data/a.sqlite3", "sqlite:////data/a.sqlite3"),
    ],
)
def test_the_last_words_carry_no_password(url, shown):
    assert without_password(url) == shown
