"""docker-compose.yml on real servers with real passwords: a job is seen, ends, and the webhook rings."""

import http.client
import json
import secrets
import shutil
import subprocess
import tempfile
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import redis

from dashboard.env_table import SETTINGS
from dashboard.supervisor_plan import broker_binary
from tests.provider_double import ProviderDouble
from tests.receiver import Receiver
from tests.servers import Server, answers, eventually, free_port, start_postgres
from tests.stack.containers import Image, Project, compose
from tests.stack.town import keys_told

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

# What a URL or a shell would trip over; docs/deployment.md asks for letters and digits in Valkey's only.
PASSWORD = "p@ss/w:rd#%41 '$é"
SITE = "tunebell.example.com"
POLL_WORKERS = 3
JOBS = 30
VARIABLES = {
    "SECRET_KEY": "k" * 50,
    "FIELD_ENCRYPTION_KEYS": "one:" + "A" * 43,
    "POSTGRES_PASSWORD": PASSWORD,
    "VALKEY_PASSWORD": secrets.token_hex(24),
    "SITE_URL": f"https://{SITE}",
    "POLL_INTERVAL_SECONDS": "1",
    "OPENAI_API_KEY": "sk-compose-000000000001",
    "TUNEBELL_ALLOW_PRIVATE": "127.0.0.0/8",
    "TUNEBELL_WEBHOOK_SECRET": "whsec_c2VjcmV0c2VjcmV0c2VjcmV0",
    "TUNEBELL_API_TOKEN": "a-token-for-reading-only",
}
NEEDED = ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "POSTGRES_PASSWORD", "VALKEY_PASSWORD")
# Not for the containers, each for its reason.
LEFT_OUT = {
    "PORT": "the image listens on 8000, whatever the port outside",
    "DEBUG": "never in the open",
    "TUNEBELL_DATA_DIR": "the image's own",
    "OPENAI_API_KEY_<NAME>": "its names are not known here; tunebell.env brings them",
}


@pytest.fixture(scope="module")
def folder():
    made = Path(tempfile.mkdtemp(prefix="tunebell-compose-"))
    yield made
    subprocess.run(["chmod", "-R", "u+w", str(made)], check=True)
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def image(folder):
    return Image(folder)


@pytest.fixture(scope="module")
def locked_postgres():
    """It lets in whoever knows the password."""
    server = start_postgres()
    with psycopg.connect(server.url, autocommit=True) as session:
        session.execute(
            psycopg.sql.SQL("ALTER ROLE tunebell PASSWORD {}").format(psycopg.sql.Literal(PASSWORD))
        )
        rules = server.folder / "data" / "pg_hba.conf"
        rules.write_text("host all all 127.0.0.1/32 scram-sha-256\n")
        session.execute("SELECT pg_reload_conf()")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def provider():
    double = ProviderDouble(key=VARIABLES["OPENAI_API_KEY"])
    yield double
    double.close()


@pytest.fixture(scope="module")
def receiver():
    one = Receiver().up()
    yield one
    one.down()


@pytest.fixture(scope="module")
def project(image, locked_postgres, provider, receiver, folder):
    """Everything of the file is up: two prepared it at once, and three poll."""
    valkey_port = free_port()
    addresses = {
        "postgres:5432": f"127.0.0.1:{locked_postgres.port}",
        "valkey:6379": f"127.0.0.1:{valkey_port}",
        "0.0.0.0:8000": f"127.0.0.1:{free_port()}",
    }
    outside = {"OPENAI_BASE_URL": provider.url, "TUNEBELL_WEBHOOK_URL": receiver.url}
    one = Project(image, {**VARIABLES, **outside}, addresses)
    valkey = start_valkey(one.command("valkey"), valkey_port, folder)
    try:
        one.prepared = at_once(lambda: one.run("prepare", one.command("prepare")), 2)
        for service in ["web", *["poll"] * POLL_WORKERS, "alerts", "beat", "standby"]:
            one.up(service)
        yield one
    finally:
        one.down()
        valkey.stop()


def start_valkey(command: list[str], port: int, folder: Path) -> Server:
    (folder / "broker").mkdir()
    place = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder / "broker")]
    assert command[0] == "valkey-server"
    return Server([str(broker_binary()), *command[1:], *place]).start()


def at_once(work, times: int) -> list:
    done = []
    threads = [threading.Thread(target=lambda: done.append(work())) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done


@pytest.fixture
def rows(project):
    """What a query finds in the project's database."""

    def query(sql: str) -> list[tuple]:
        env = project.environment("web")
        with psycopg.connect(env["DATABASE_URL"], password=env["PGPASSWORD"]) as session:
            return session.execute(sql).fetchall()

    return query


def test_two_may_prepare_at_once(project, rows):
    assert [(ended.returncode, ended.stdout) for ended in project.prepared] == [(0, "Ready.\n")] * 2
    assert rows("SELECT count(*) FROM accounts_team") == [(1,)]
    assert rows("SELECT slug FROM jobs_connection") == [("openai",)]


def test_a_job_is_seen_ends_and_rings_once_whoever_polled_it(project, rows, provider, receiver):
    ids = [provider.serves(status="running") for _ in range(JOBS)]
    known = "SELECT count(*) FROM jobs_job WHERE state = 'running' AND retrieved_at IS NOT NULL"
    eventually(lambda: rows(known) == [(JOBS,)], within_s=120, what="the first look at the jobs")
    for job_id in ids:
        provider.serves(job_id, status="succeeded")
    eventually(lambda: len(keys_told(receiver)) == JOBS, within_s=120, what="the alerts")

    assert rows("SELECT count(*), count(DISTINCT provider_id) FROM jobs_job") == [(JOBS, JOBS)]
    twice = "SELECT job_id, to_state FROM jobs_transition GROUP BY 1, 2 HAVING count(*) > 1"
    assert rows(twice) == []
    neighbours = """SELECT job_id FROM (SELECT job_id, fingerprint, lag(fingerprint)
                    OVER (PARTITION BY job_id, source ORDER BY id) AS before FROM jobs_snapshot) s
                    WHERE fingerprint = before"""
    assert rows(neighbours) == []
    assert all(server.is_running for server in project.running)
    assert Counter(arrival.content["data"]["job"]["id"] for arrival in receiver.journal) == Counter(
        ids
    )


@pytest.mark.parametrize("service", ["web", "poll", "alerts", "beat"])
def test_each_healthcheck_finds_its_part_at_work(project, service):
    command = project.healthcheck(service)
    ended = eventually(
        lambda: (found := project.run(service, command)).returncode == 0 and found,
        what=f"the health of {service}",
    )
    assert ended.stdout.startswith(f"{service}: ")


def test_the_healthcheck_of_postgresql_is_understood(project, locked_postgres):
    program, *options = project.healthcheck("postgres")
    place = ["--port", str(locked_postgres.port)]
    subprocess.run([locked_postgres.bin / program, *options, *place], check=True)


def test_valkey_wants_its_password(project):
    url = project.environment("poll")["REDIS_URL"]
    port = int(project.addresses["valkey:6379"].rpartition(":")[2])
    with closing(redis.Redis.from_url(url)) as known:
        assert known.ping()
    with closing(redis.Redis(port=port)) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


@pytest.fixture
def ask(project):
    """Status and headers of a GET, as the proxy in front would ask."""
    port = int(project.addresses["0.0.0.0:8000"].rpartition(":")[2])

    def get(path: str, **headers: str) -> tuple[int, http.client.HTTPMessage]:
        sent = {"Host": SITE, "X-Forwarded-Proto": "https", **headers}
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as asked:
            asked.request("GET", path, headers=sent)
            reply = asked.getresponse()
            return reply.status, reply.headers

    eventually(lambda: answers(port), what="the port of the site")
    return get


def test_the_site_believes_its_proxy_about_https(ask):
    assert "Strict-Transport-Security" in ask("/livez")[1]
    assert "Strict-Transport-Security" not in ask("/livez", **{"X-Forwarded-Proto": "http"})[1]


def test_nobody_moves_the_site_under_a_prefix(ask):
    assert ask("/x/livez", SCRIPT_NAME="/x")[0] == http.client.NOT_FOUND


def test_another_host_name_is_refused(ask):
    assert ask("/livez", Host="elsewhere.example.com")[0] == http.client.BAD_REQUEST


def test_static_files_come_from_the_image(project, ask):
    manifest = json.loads((project.image.data / "static" / "staticfiles.json").read_text())
    name = next(hashed for hashed in manifest["paths"].values() if hashed.endswith(".css"))
    status, headers = ask(f"/static/{name}")
    assert (status, "immutable" in headers["Cache-Control"]) == (http.client.OK, True)


def test_nothing_is_written_beside_the_databases(project, image):
    before = image.files()
    env = project.environment("web")
    assert project.run("prepare", project.command("prepare")).returncode == 0
    assert "HOME" not in env
    assert image.files() == before
    assert [path for path in before if path.endswith(".env")] == []


@pytest.mark.parametrize("name", NEEDED)
def test_without_a_secret_nothing_starts(name):
    with pytest.raises(KeyError, match=f"set {name} in .env"):
        compose({key: value for key, value in VARIABLES.items() if key != name})


def test_each_setting_is_passed_on_or_left_out_for_a_reason():
    services = compose(VARIABLES)["services"]
    for service in ("prepare", "web", "poll", "alerts", "beat", "standby"):
        passed = services[service]["environment"].keys() - {"PGPASSWORD", "FORWARDED_ALLOW_IPS"}
        assert passed | LEFT_OUT.keys() == {setting.name for setting in SETTINGS}
