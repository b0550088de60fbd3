"""F10 and F22: who stood still, and comes with an answer that others have been told since."""

import pytest

from jobs.claims import StaleClaim, claim
from jobs.fetch import Answer, Errand, fetch
from jobs.models import Connection, Job, Snapshot
from jobs.record import record_answer
from jobs.sweep import ListPage, record_page
from providers.base import connect
from tests.faults.scene import Scene, end_all_leases

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


def says_now(scene: Scene, job_id: str) -> Answer:
    return fetch(connect(scene.connection.account()), Errand(job_id))


def the_state() -> tuple[str, int | None]:
    return Job.objects.values_list("state", "trained_tokens").get()


@pytest.mark.parametrize(("ended", "status"), [(False, "running"), (True, "failed")])
def test_f10_whoever_slept_past_its_lease_writes_nothing_of_a_job(scene, ended, status):
    (job_id,) = scene.runs()
    zombie, (job,) = claim(Job.objects.all(), 1)
    scene.over([job_id] if ended else [])
    answer = says_now(scene, job_id)
    end_all_leases()
    owner, _ = claim(Job.objects.all(), 1)
    before = Snapshot.objects.count()
    with pytest.raises(StaleClaim):
        record_answer(job.pk, zombie, answer)

    assert (the_state()[0], Snapshot.objects.count()) == ("running", before)
    record_answer(job.pk, owner, answer)
    assert the_state()[0] == status
    scene.comes_to_rest()
    assert scene.verdict().is_clean


def a_list_asked_now(scene: Scene):
    """A list whose answer is under way for a long time: what records it."""
    listing, _ = claim(Connection.objects.all(), 1)
    provider = connect(scene.connection.account())
    items = provider.list_jobs().items

    def arrives() -> None:
        page = ListPage(items, 0, listing.request_at)
        record_page(scene.connection.pk, listing, page, provider)

    return arrives


def test_f22_an_old_running_that_comes_after_the_end_takes_nothing_back(scene):
    (job_id,) = scene.runs()
    scene.provider.serves(job_id, status="running", trained_tokens=3)
    arrives = a_list_asked_now(scene)
    scene.over([job_id], "succeeded")
    scene.poll()
    assert the_state()[0] == "succeeded"
    arrives()

    assert the_state()[0] == "succeeded"
    assert Snapshot.objects.filter(is_late=True).count() == 1
    scene.comes_to_rest()
    assert scene.verdict().is_clean


def test_f22_an_old_state_that_comes_late_hides_no_newer_one(scene):
    job_id = scene.provider.serves(status="queued")
    scene.poll()
    arrives = a_list_asked_now(scene)
    scene.provider.serves(job_id, status="running", trained_tokens=7)
    scene.poll()
    arrives()

    assert the_state() == ("running", 7)
