"""The commands of docs/deployment.md that nobody should try for the first time in earnest."""

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from dashboard import env as environment
from tests.servers import ROOT, bare_environment
from tests.stack.containers import compose
from tests.stack.test_compose import NEEDED

pytestmark = pytest.mark.stack

PAGE = (ROOT / "docs" / "deployment.md").read_text()
IN_POSTGRES = "docker compose exec -T postgres "


def block(name: str) -> str:
    (found,) = re.findall(rf"^```sh {name}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return found


def run(script: str, folder: Path, **env: str) -> None:
    ended = subprocess.run(
        ["sh", "-eu", "-c", script], cwd=folder, env=bare_environment(**env), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr


@pytest.fixture
def installation(tmp_path):
    """A folder as `make run` leaves it, and the environment of its commands."""
    env = {"TUNEBELL_DATA_DIR": str(tmp_path / "var"), "DEMO": "0"}
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "manage.py").symlink_to(ROOT / "manage.py")
    (tmp_path / "else").mkdir()
    environment.generate_keys(env)
    run(".venv/bin/python manage.py prepare", tmp_path, **env)
    return tmp_path, env


def commands(name: str, folder: Path) -> str:
    return block(name).replace("/somewhere/else", str(folder / "else"))


def names(path: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT name FROM accounts_team").fetchall()


def test_sqlite_is_backed_up_in_use_and_restored(installation):
    folder, env = installation
    path = folder / "var" / "tunebell.sqlite3"
    with closing(sqlite3.connect(path)) as in_use:
        in_use.execute("UPDATE accounts_team SET name = 'Bells'")
        in_use.commit()
        run(commands("backup-sqlite", folder), folder, **env)
    for lost in (folder / "var").glob("*key*"):
        lost.unlink()
    path.write_bytes(b"broken")
    run(commands("restore-sqlite", folder), folder, **env)
    assert names(path) == [("Bells",)]


def test_postgresql_is_backed_up_and_restored(postgres, tmp_path, installation):
    folder, env = installation
    run(".venv/bin/python manage.py prepare", folder, **env, DATABASE_URL=postgres.url)
    tools = {
        "PATH": f"{postgres.bin}:{os.environ['PATH']}", "PGHOST": "127.0.0.1", "PGPORT": str(postgres.port)
    }  # fmt: skip
    rename(postgres.url, "Bells")
    run(inside("backup-postgresql"), tmp_path, **tools)
    rename(postgres.url, "Lost")
    run(inside("restore-postgresql"), tmp_path, **tools)
    with psycopg.connect(postgres.url) as session:
        assert session.execute("SELECT name FROM accounts_team").fetchall() == [("Bells",)]


def rename(url: str, name: str) -> None:
    with psycopg.connect(url) as session:
        session.execute("UPDATE accounts_team SET name = %s", [name])


def inside(name: str) -> str:
    """What these lines run in the container of PostgreSQL; the others start and stop containers."""
    lines = block(name).splitlines()
    return "\n".join(
        line.removeprefix(IN_POSTGRES) for line in lines if line.startswith(IN_POSTGRES)
    )


def test_the_env_file_of_the_page_has_all_that_is_needed(tmp_path):
    script = PAGE.split("```sh\n", 1)[1].split("```", 1)[0]
    run(script, tmp_path)
    lines = (tmp_path / ".env").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines)
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert set(NEEDED) <= given.keys()
    checked = environment.read(compose(given)["services"]["web"]["environment"])
    environment.require_keys(checked)


def test_the_page_names_every_service():
    services = compose(dict.fromkeys(NEEDED, "x" * 40))["services"]
    assert [name for name in services if f"| `{name}` |" not in PAGE] == []
