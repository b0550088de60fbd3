"""The surroundings of every test. The environment is made before Django reads it, and nothing of the machine's is kept."""

import base64
import logging
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

OURS = (
    "OPENAI_",
    "AZURE_OPENAI_",
    "TUNEBELL_",
    "_TUNEBELL_",
    "FIELD_ENCRYPTION_KEYS",
    "SECRET_KEY",
    "DATABASE_URL",
)
OURS += (
    "REDIS_URL",
    "SITE_URL",
    "ALLOWED_HOSTS",
    "CSRF_TRUSTED_ORIGINS",
    "EMAIL_URL",
    "DEFAULT_FROM_EMAIL",
    "DEBUG",
)
OURS += (
    "DEMO",
    "PORT",
    "POLL_INTERVAL_SECONDS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
)

# In a worker of xdist the settings were read from the main process's environment before this file:
# processes that such a test starts must get the same keys.
INHERITED = {
    name: os.environ[name]
    for name in ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS")
    if "PYTEST_XDIST_WORKER" in os.environ and name in os.environ
}
for _name in [name for name in os.environ if name.startswith(OURS)]:
    del os.environ[_name]
FOLDER = Path(tempfile.mkdtemp(prefix="tunebell-tests-"))
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "dashboard.settings",
    "DJANGO_ALLOW_ASYNC_UNSAFE": "true",  # Playwright keeps an event loop in the thread the tests run in
    "SECRET_KEY": secrets.token_urlsafe(50),
    "FIELD_ENCRYPTION_KEYS": f"test:{base64.b64encode(secrets.token_bytes(32)).decode()}",
    "TUNEBELL_ALLOW_PRIVATE": "127.0.0.0/8",
    "TUNEBELL_DATA_DIR": str(FOLDER),
    "REDIS_URL": "redis://127.0.0.1:1/0",  # nobody listens there: a test that needs a broker says so
    "EMAIL_URL": "memorymail://",
    "DEMO": "0",
    **INHERITED,
}
IS_MAIN_PROCESS = "PYTEST_XDIST_WORKER" not in os.environ
_postgres = None
if os.environ.get("TEST_DATABASE") == "postgres":
    if IS_MAIN_PROCESS:
        from tests.servers import start_postgres

        _postgres = start_postgres()
        os.environ["_TEST_DATABASE_URL"] = _postgres.url
    os.environ["DATABASE_URL"] = os.environ["_TEST_DATABASE_URL"]

import django  # noqa: E402  # the lines above decide what it reads
from django.conf import settings  # noqa: E402  # the lines above decide what it reads

from tests import servers  # noqa: E402  # as above

django.setup()  # a conftest further down may import models


def pytest_configure() -> None:
    # No manifest of hashed names exists here, and pages must not depend on one.
    settings.STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
    settings.WHITENOISE_AUTOREFRESH = True


def pytest_unconfigure() -> None:
    # A hint to the broker that nobody runs may still be under way when the streams are closed.
    logging.raiseExceptions = False
    if _postgres:
        _postgres.stop()
    shutil.rmtree(FOLDER, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix):
    """A file instead of SQLite in memory: other threads and processes of a test look at it too."""
    config = settings.DATABASES["default"]
    if config["ENGINE"].endswith("sqlite3"):
        config.setdefault("TEST", {})["NAME"] = str(FOLDER / "test.sqlite3")


@pytest.fixture(scope="session")
def httpserver_listen_address():
    """The plugin's server is one for the whole session, whichever test asks first."""
    return "127.0.0.1", 0


@pytest.fixture(scope="session")
def valkey():
    """A real Valkey on a free port: `.url`, `.flush()`, `.kill()`, `.start()`."""
    server = servers.start_valkey()
    yield server
    server.server.stop()
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres():
    """A real PostgreSQL: `.url`, `.new_database(name)`."""
    server = servers.start_postgres()
    yield server
    server.stop()


@pytest.fixture
def simulator():
    """Starts simulators: `simulator("--speed", "100", "--seed", "3").url`."""
    started = []

    def start(*options: str):
        started.append(servers.start_simulator(*options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def database_url() -> str:
    """Where the test's own database is, for other processes."""
    from django.db import connection

    config = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{config['NAME']}"
    return f"postgres://{config['USER']}@{config['HOST']}:{config['PORT']}/{config['NAME']}"


@pytest.fixture
def project_env(transactional_db):
    """The environment of another process of this project that shares the test's database."""

    def env(**extra: str) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if name.startswith(OURS)}
        ours |= {"DATABASE_URL": database_url(), "EMAIL_URL": "consolemail://", **extra}
        return servers.bare_environment(**ours)

    return env


@pytest.fixture
def celery_stack(project_env, valkey):
    """Starts real workers, one for each queue, and beat: see `Stack`."""
    valkey.flush()
    stacks = []

    def start(queues=("poll", "alerts"), *, beat: bool = True, **env: str) -> "Stack":
        stack = Stack(project_env(REDIS_URL=valkey.url, **env))
        stacks.append(stack)
        return stack.start(queues, beat=beat)

    yield start
    for stack in stacks:
        stack.stop()


class Stack:
    """Celery as the supervisor runs it. `kill("alerts")` is a crash of that worker, `start(["alerts"])` its return."""

    def __init__(self, env: dict[str, str]) -> None:
        self.env = env
        self.parts: dict[str, servers.Server] = {}

    def start(self, queues=(), *, beat: bool = False) -> "Stack":
        from dashboard.supervisor_plan import beat_command, worker_command

        commands = {queue: worker_command(queue) for queue in queues}
        if beat:
            commands["beat"] = beat_command()
        for name, command in commands.items():
            self.parts[name] = servers.Server(command, env=self.env).start()
        for name in queues:
            self.parts[name].wait_for("ready.")
        return self

    def kill(self, name: str) -> None:
        part = self.parts.pop(name)
        part.kill()
        part.stop()  # ends nothing any more, and removes what it left behind

    def output(self) -> str:
        return "".join(part.output() for part in self.parts.values())

    def stop(self) -> None:
        for name in reversed(list(self.parts)):
            self.parts.pop(name).stop()


@pytest.fixture
def site(project_env):
    """Starts the site under gunicorn, with hashed static files, on the test's database: `site().url`."""
    started = []

    def start(**env: str) -> "Site":
        started.append(Site.start(project_env, env))
        return started[-1]

    yield start
    for one in started:
        one.server.stop()


class Site:
    def __init__(self, url: str, server: servers.Server) -> None:
        self.url, self.server = url, server

    @classmethod
    def start(cls, project_env, extra: dict[str, str]) -> "Site":
        from dashboard.supervisor_plan import web_command

        port = servers.free_port()
        env = project_env(PORT=str(port), **extra)
        if not (FOLDER / "static" / "staticfiles.json").exists():
            command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"]
            subprocess.run(command, env=env, cwd=servers.ROOT, check=True)
        server = servers.Server(web_command(f"127.0.0.1:{port}"), env=env).start()
        url = f"http://127.0.0.1:{port}"
        servers.eventually(lambda: servers.status_of(f"{url}/livez"), what=f"the answer of {url}")
        return cls(url, server)


def chromium() -> str | None:
    names = (
        os.environ.get("CHROMIUM", ""),
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    )
    return next((found for name in names if name and (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """Debian's Chromium where there is one; without it Playwright looks for its own."""
    quiet = [
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--disable-gpu",
    ]
    if os.getuid() == 0:
        quiet.append("--no-sandbox")
    path = {"executable_path": chromium()} if chromium() else {}
    return {**browser_type_launch_args, **path, "args": quiet}


@pytest.fixture
def provider():
    """The simulator in a thread, of which a test says exactly what it serves."""
    from tests.provider_double import ProviderDouble

    double = ProviderDouble()
    yield double
    double.close()


@pytest.fixture
def poll(db):
    """Makes everything due, as if the intervals had passed, and polls it."""
    from jobs.models import Connection, Job
    from jobs.poll import poll_due
    from tests.builders import NOON

    def poll_everything(times: int = 1) -> None:
        for _ in range(times):
            Connection.objects.update(next_sweep_at=NOON, wait_until=None)
            Job.objects.exclude(next_poll_at=None).update(next_poll_at=NOON)
            poll_due(budget_s=20)

    return poll_everything
