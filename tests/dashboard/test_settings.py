"""What the settings promise, and how every door answers a broken one."""

import base64
import os
import re
import subprocess
import sys

import pytest
from django.conf import settings

from dashboard.env_table import SETTINGS
from tests.servers import ROOT, bare_environment

KEYS = {
    "SECRET_KEY": "x" * 50,
    "FIELD_ENCRYPTION_KEYS": f"a:{base64.b64encode(bytes(range(32))).decode()}",
}
DOORS = {
    "a management command": ["manage.py", "check"],
    "up": ["manage.py", "up"],
    "gunicorn": ["-m", "gunicorn", "dashboard.wsgi", "--bind", "127.0.0.1:0"],
    "a worker": ["-m", "celery", "-A", "dashboard", "worker"],
    "beat": ["-m", "celery", "-A", "dashboard", "beat"],
}


def start(*command: str, **env: str) -> subprocess.CompletedProcess:
    whole = [sys.executable, *command]
    return subprocess.run(
        whole,
        env=bare_environment(**env),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.stack
@pytest.mark.parametrize("door", DOORS)
def test_a_broken_variable_stops_every_door_with_one_line(door, tmp_path):
    ended = start(*DOORS[door], **KEYS, TUNEBELL_DATA_DIR=str(tmp_path), PORT="eighty")
    assert ended.stderr == "tunebell: PORT must be a whole number from 1 to 65535\n"
    assert (ended.returncode, ended.stdout) == (os.EX_CONFIG, "")


@pytest.mark.stack
@pytest.mark.parametrize("door", [name for name in DOORS if name != "up"])
def test_without_keys_no_door_opens_but_up(door, tmp_path):
    ended = start(*DOORS[door], TUNEBELL_DATA_DIR=str(tmp_path))
    assert ended.returncode == os.EX_CONFIG
    assert ended.stderr.startswith("tunebell: SECRET_KEY and FIELD_ENCRYPTION_KEYS not set")
    assert ended.stderr.count("\n") == 1


@pytest.mark.stack
def test_a_deployment_over_https_passes_the_checks(tmp_path):
    env = {**KEYS, "TUNEBELL_DATA_DIR": str(tmp_path), "SITE_URL": "https://tunebell.example.com"}
    env["SECRET_KEY"] = base64.b64encode(os.urandom(60)).decode()
    ended = start("manage.py", "check", "--deploy", "--fail-level", "WARNING", **env)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.stack
@pytest.mark.parametrize(
    ("url", "cookie"), [("https://bell.example.com", "__Host-tunebell"), ("", "tunebell")]
)
def test_cookies_are_bound_to_the_host_over_https(tmp_path, url, cookie):
    code = "import django; django.setup(); from django.conf import settings as s; print(s.SESSION_COOKIE_NAME, s.SESSION_COOKIE_SECURE)"
    env = {**KEYS, "TUNEBELL_DATA_DIR": str(tmp_path), "SITE_URL": url}
    ended = start("-c", code, DJANGO_SETTINGS_MODULE="dashboard.settings", **env)
    assert ended.stdout.split() == [cookie, str(bool(url))]


def test_each_setting_is_documented_as_it_is():
    lines = (ROOT / "docs" / "settings.md").read_text().splitlines()
    documented = {line for line in lines if line.startswith("| `")}
    wanted = set()
    for setting in SETTINGS:
        default = f"`{setting.default}`" if setting.default else ""
        wanted.add(f"| `{setting.name}` | {setting.kind} | {default} | {setting.help} |")
    assert documented == wanted


def test_the_compose_file_gives_only_known_settings():
    names = set(
        re.findall(r"^    ([A-Z_]+): ", (ROOT / "docker-compose.yml").read_text(), re.MULTILINE)
    )
    assert names - {setting.name for setting in SETTINGS} == {"PGPASSWORD"}  # libpq's own


def test_sqlite_writers_wait_for_each_other():
    from dashboard.settings import _SQLITE_OPTIONS

    assert _SQLITE_OPTIONS["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in _SQLITE_OPTIONS["init_command"]


def test_the_beat_never_lets_work_pile_up():
    schedule = settings.CELERY_BEAT_SCHEDULE
    assert {name: entry["schedule"] for name, entry in schedule.items()} == {
        "jobs.poll_due": 5,
        "jobs.prune_due": 60,
        "jobs.reprice_due": 30,
        "alerts.watch_due": 30,
        "alerts.announce_due": 5,
        "alerts.deliver_due": 5,
        "dashboard.audit_due": 60,
    }
    for entry in schedule.values():
        assert entry["options"]["expires"] == entry["schedule"]


def test_a_lost_message_comes_back_soon():
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    assert (options["visibility_timeout"], options["unacked_restore_interval"]) == (600, 5)
    assert (options["socket_timeout"], options["socket_connect_timeout"]) == (10, 3)
    assert options["visibility_timeout"] > settings.CELERY_TASK_TIME_LIMIT


def test_tasks_speak_json_only():
    assert settings.CELERY_ACCEPT_CONTENT == ["json"]
    assert settings.CELERY_TASK_SERIALIZER == "json"


def test_passwords_are_hashed_with_argon2():
    assert settings.PASSWORD_HASHERS[0].endswith("Argon2PasswordHasher")
