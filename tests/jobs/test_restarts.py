"""A job that was restarted under a new id is linked to the one before it."""

import dataclasses

import pytest

from jobs.models import Job, Transition
from jobs.observe import Known, observe
from providers import wire
from tests.builders import NOON, a_connection
from tests.jobs.acting import Actor
from tests.providers.wire_json import a_job as a_wire_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def actor():
    one = Actor("together")
    yield one
    one.close()


def read(predecessor):
    return dataclasses.replace(wire.read_job(a_wire_job()), predecessor=predecessor)


def test_the_job_before_is_kept():
    columns = observe(Known(), read("ft-before"), NOON).columns
    assert columns["restarted_from"] == "ft-before"


def test_an_answer_that_does_not_say_it_takes_nothing_back():
    assert "restarted_from" not in observe(Known(), read(None), NOON).columns


def test_a_job_is_not_its_own_restart():
    job = read(None)
    own = dataclasses.replace(job, predecessor=job.id)
    assert "restarted_from" not in observe(Known(), own, NOON).columns


def test_a_restart_at_together_names_the_job_before_and_rings_nobody(actor, poll):
    actor.runs("ft-0001")
    job = {"status": "running", "model": "acme-7b", "created_at": "2026-11-20T10:00:00Z"}
    actor.serves(id="ft-0002", from_checkpoint="ft-0001:10", **job)
    a_connection(base_url=actor.url, dialect="together")
    poll(2)
    found = dict(Job.objects.values_list("provider_id", "restarted_from"))
    assert found == {"ft-0001": None, "ft-0002": "ft-0001"}
    assert not Transition.objects.filter(rings=True).exists()


def test_what_only_the_job_itself_says_stays_when_the_list_is_read(actor, poll):
    events = [{"type": "job_restarted", "message": "Restarted as ft-0002 from ft-0001"}]
    job = {"id": "ft-0002", "status": "running", "created_at": "2026-11-20T10:00:00Z"}
    actor.serves(events=events, **job)
    a_connection(base_url=actor.url, dialect="together")
    poll()
    actor.serves(step=3, **job)
    poll()
    assert Job.objects.get().restarted_from == "ft-0001"
