"""What people do to connections and jobs here."""

import pytest

from jobs.models import Connection, Job, Snapshot
from jobs.tracking import archive, poll_now, remove, restore, set_paused
from outbound.secret import Secret
from tests.builders import NOON, a_connection, a_job

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("make", [a_job, a_connection])
def test_paused_and_resumed(make):
    target = make()
    set_paused(target, True)
    assert type(target).objects.get(pk=target.pk).is_paused
    set_paused(target, False)
    assert not type(target).objects.get(pk=target.pk).is_paused


@pytest.mark.parametrize("make", [a_job, a_connection])
def test_archived_and_restored(make):
    target = make()
    archive(target)
    assert type(target).objects.live().count() == 0
    restore(target)
    assert type(target).objects.live().count() == 1


def test_the_jobs_of_an_archived_connection_are_archived_with_it():
    job = a_job()
    archive(job.connection)
    assert Job.objects.live().count() == 0


def test_removing_a_job_removes_its_history():
    job = a_job()
    Snapshot.objects.create(
        job=job, source="list", body="{}", fingerprint="x", first_seen_at=NOON, last_seen_at=NOON
    )
    remove(job)
    assert Snapshot.objects.count() == 0


@pytest.mark.parametrize("act", [archive, restore, poll_now, remove])
def test_each_of_these_tells_open_pages(act):
    job = a_job()
    act(job)
    job.team.refresh_from_db()
    assert job.team.version == 1


def test_polling_now_lifts_a_wait():
    job = a_job()
    Connection.objects.update(wait_until=NOON)
    poll_now(job)
    assert Connection.objects.get().wait_until is None


def test_a_key_is_stored_sealed_and_comes_back():
    a_connection(key="sk-CANARY-1234")
    stored = Connection.objects.get()
    assert "CANARY" not in stored.sealed_key
    assert stored.key_last4 == "1234"
    assert stored.key().reveal() == "sk-CANARY-1234"


def test_a_key_copied_from_another_connection_does_not_open():
    from accounts.cipher import CannotOpen

    first, second = a_connection(key="sk-one-11112222"), a_connection()
    second.sealed_key = first.sealed_key
    with pytest.raises(CannotOpen):
        second.key()


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "OPENAI_API_KEY_x", "PATH"])
def test_a_connection_cannot_name_any_variable_as_its_key(name):
    from accounts.cipher import CannotOpen

    with pytest.raises(CannotOpen, match="not the name of a provider key"):
        a_connection(key_env=name).key()


def test_a_named_key_comes_from_the_settings(settings):
    settings.PROVIDER_KEYS = {"OPENAI_API_KEY_LAB": "sk-lab-00001111"}
    assert a_connection(key_env="OPENAI_API_KEY_LAB").key() == Secret("sk-lab-00001111")
