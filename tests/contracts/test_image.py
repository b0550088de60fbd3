"""What must be true of the image, read from the files it is made of."""

import os
import re
import subprocess
import sys
from fnmatch import fnmatch

import pytest

from tests.servers import ROOT
from tests.stack.containers import allowed_into_the_image, compose, dockerfile, last_stage

NEEDED = {
    "SECRET_KEY": "not-the-real-one-0123456789-abcdefghijklmnopqrstuvwxyz",
    "FIELD_ENCRYPTION_KEYS": "a:" + "A" * 43,
    "POSTGRES_PASSWORD": "secret",
    "VALKEY_PASSWORD": "secret",
}
CHECKED = ("web", "poll", "alerts", "beat")
OURS = ("prepare", *CHECKED, "standby")  # the standby only waits as a rule: there is nothing to see
THEIRS = ("postgres", "valkey")


def arguments_of(instruction: str, steps: list[tuple[str, str]] | None = None) -> list[str]:
    return [text for name, text in steps or dockerfile() if name == instruction]


@pytest.fixture
def services():
    return compose(NEEDED)["services"]


def test_it_runs_as_a_numbered_user_that_is_not_root():
    user = arguments_of("USER", last_stage())[-1]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)


def test_nothing_runs_as_root_after_the_user_is_chosen():
    names = [name for name, _ in last_stage()]
    assert names.index("USER") < max(number for number, name in enumerate(names) if name == "RUN")
    assert names[-1] == "CMD"


def test_each_base_is_pinned_by_a_tag_that_names_a_version():
    for base in arguments_of("FROM"):
        assert re.fullmatch(r"[a-z/]+:\d+\.\d+-[a-z]+-[a-z]+( AS \w+)?", base)


def test_nothing_is_added_from_the_network():
    assert arguments_of("ADD") == []
    assert [
        text for text in arguments_of("RUN") if re.search(r"curl|wget|git clone|apt", text)
    ] == []
    (install,) = [text for text in arguments_of("RUN") if "pip install" in text]
    assert "--require-hashes" in install


def test_no_build_tool_of_the_first_stage_reaches_the_last():
    assert arguments_of("COPY", last_stage()) == ["--from=build /venv /venv", ". ."]


def test_no_secret_is_built_in():
    env = " ".join(arguments_of("ENV") + arguments_of("ARG"))
    assert not re.search(r"KEY|PASSWORD|SECRET|TOKEN|DATABASE_URL", env)


@pytest.mark.parametrize(
    "name",
    [
        "var",
        ".env",
        "tunebell.env",
        ".git",
        ".venv",
        "tests",
        "bench",
        "docs",
        "docker-compose.yml",
        ".ci",
    ],
)
def test_what_must_stay_outside_does(name):
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert [rule for rule in allowed_into_the_image() if fnmatch(name, rule)] == []


def test_every_package_and_page_goes_in():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    assert packages | {"templates", "static", "manage.py"} <= set(allowed_into_the_image())
    assert [name for name in allowed_into_the_image() if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("name", OURS)
def test_our_containers_may_do_little(services, name):
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "volumes" not in service
    assert not service.get("privileged")


@pytest.mark.parametrize("name", CHECKED + THEIRS)
def test_what_runs_on_is_checked_and_restarted(services, name):
    assert services[name]["healthcheck"]["test"]
    assert services[name]["restart"] == "unless-stopped"


def test_only_the_site_has_a_port_and_only_on_this_machine(services):
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert ports == {"web": ["127.0.0.1:8000:8000"]}


def test_everything_waits_for_what_it_needs(services):
    for name in OURS[1:]:
        assert services[name]["depends_on"] == {
            "prepare": {"condition": "service_completed_successfully"},
            "valkey": {"condition": "service_healthy"},
        }
    assert services["prepare"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_foreign_images_are_pinned_by_version(services):
    for name in THEIRS:
        assert re.fullmatch(r"[a-z/]+:\d+-alpine", services[name]["image"])


def test_a_worker_has_time_to_end_its_task(services):
    from django.conf import settings

    for name in ("poll", "alerts"):
        seconds = int(services[name]["stop_grace_period"].removesuffix("s"))
        assert seconds > settings.CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT


@pytest.mark.stack
def test_a_deployment_behind_https_passes_django_s_checks():
    services = compose({**NEEDED, "SITE_URL": "https://tunebell.example.com"})["services"]
    env = {**services["web"]["environment"], "PATH": os.environ["PATH"]}
    env["DATABASE_URL"] = env["DATABASE_URL"].replace("postgres:5432", "127.0.0.1:1")
    ended = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr


@pytest.mark.stack
def test_the_site_refuses_plain_http_on_another_machine():
    services = compose({**NEEDED, "SITE_URL": "http://tunebell.example.com"})["services"]
    env = {**services["web"]["environment"], "PATH": os.environ["PATH"]}
    command = [sys.executable, "manage.py", "check"]
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == os.EX_CONFIG
    assert ended.stderr.startswith("tunebell: SITE_URL must start with https://")
