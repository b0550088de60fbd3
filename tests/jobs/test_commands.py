"""The commands that scripts call."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from jobs.models import Job
from tests.builders import a_connection, a_job

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments, **options):
    out = StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


def exit_code_of(*arguments):
    with pytest.raises((SystemExit, CommandError)) as ended:
        call_command(*arguments, stdout=StringIO())
    return getattr(ended.value, "returncode", None) or getattr(ended.value, "code", None) or 0


@pytest.mark.parametrize(("state", "code"), [("succeeded", 0), ("failed", 1), ("cancelled", 1)])
def test_wait_says_by_its_exit_code_how_a_job_ended(state, code):
    job = a_job(state=state)
    assert exit_code_of("wait", job.provider_id) == code


def test_wait_for_an_unknown_job_is_2():
    assert exit_code_of("wait", "ftjob-nobody") == 2


def test_wait_gives_up_with_2():
    assert exit_code_of("wait", a_job(state="running").provider_id, "--timeout", "0") == 2


def test_wait_asks_which_connection_is_meant():
    a_job(provider_id="ftjob-same"), a_job(provider_id="ftjob-same")
    assert exit_code_of("wait", "ftjob-same") == 2


def test_a_job_is_added_by_its_id_and_swept(provider):
    job_id = provider.serves(status="queued")
    connection = a_connection(base_url=provider.url)
    assert "Watching" in run("add_job", connection.slug, job_id)
    assert "answers taken" in run("sweep", "--once")
    assert Job.objects.get().state == "queued"


def test_adding_a_job_to_an_unknown_connection_names_the_known_ones():
    known = a_connection()
    with pytest.raises(CommandError, match=known.slug):
        run("add_job", "nowhere", "ftjob-1")


def test_adding_what_is_no_id_is_refused():
    with pytest.raises(CommandError, match="A job id has"):
        run("add_job", a_connection().slug, "../x")


def test_sweep_wants_to_know_how():
    with pytest.raises(CommandError, match="--once"):
        run("sweep")
