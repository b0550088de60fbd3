"""The same wrong settings, as the form and the command tell of them."""

import html
import ssl
from contextlib import ExitStack
from io import StringIO

import pytest
import trustme
from django.core.management import CommandError, call_command

from jobs.models import Connection
from tests.builders import a_connection, a_member, a_team
from tests.wrong_settings import CASES, KEY, Scene

pytestmark = pytest.mark.django_db
BROKEN = {name: case for name, case in CASES.items() if not case.jobs_are_fine and case.has_key}


@pytest.fixture(scope="session")
def certificates():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def scene(httpserver, monkeypatch, certificates):
    monkeypatch.setattr(httpserver, "no_handler_status_code", 404)
    with ExitStack() as stack:
        yield Scene(httpserver, certificates, stack)


@pytest.fixture(autouse=True)
def _key(settings):
    settings.PROVIDER_KEYS = {"OPENAI_API_KEY_LAB": KEY}


def check(*arguments):
    """The exit code of the command and what it wrote."""
    out = StringIO()
    try:
        call_command("check_connection", *arguments, stdout=out)
    except SystemExit as ended:
        return ended.code, out.getvalue()
    return 0, out.getvalue()


def unsaved(scene, case):
    key = ["--key-env", "OPENAI_API_KEY_LAB"] if case.has_key else []
    return "--base-url", case.arrange(scene), "--dialect", case.dialect, *key


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_command_names_what_is_wrong_and_what_was_tried(case, scene):
    code, told = check(*unsaved(scene, case))
    assert [word for word in (*case.says, *case.tried) if word not in told] == []
    assert code == (3 if case.jobs_are_fine else 1)
    assert KEY not in told


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN)
def test_the_form_names_what_is_wrong_what_was_tried_and_saves_nothing(case, scene, client):
    client.force_login(a_member(a_team()))
    facts = {
        "name": "Lab",
        "dialect": case.dialect,
        "api_key": KEY,
        "base_url": case.arrange(scene),
    }
    told = html.unescape(client.post("/connections/add/", facts).content.decode())
    assert [word for word in (*case.says, *case.tried) if word not in told] == []
    assert "The test failed" in told
    assert KEY not in told
    assert not Connection.objects.exists()


def test_a_saved_connection_is_tested_by_its_slug(scene):
    scene.api()
    a_connection(slug="lab", base_url=scene.url(), key=KEY)
    code, told = check("lab")
    assert (code, told.count("yes")) == (0, 4)
    assert f"GET {scene.url()}/fine_tuning/jobs: 200 OK" in told


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Name either"),
        (("lab", "--base-url", "http://127.0.0.1:9/v1"), "Name either"),
        (("nowhere",), "No connection is called nowhere"),
        (("--base-url", "ftp://example.com"), "must start with https"),
        (("--base-url", "http://169.254.169.254/v1"), "always refused"),
        (("--base-url", "http://127.0.0.1:9/v1", "--key-env", "SECRET_KEY"), "not the name of a provider key"),
        (("--base-url", "http://127.0.0.1:9/v1", "--key-env", "OPENAI_API_KEY_X"), "is not set in the environment"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_at_all_ends_with_2(arguments, says):
    with pytest.raises(CommandError, match=says) as error:
        check(*arguments)
    assert error.value.returncode == 2
