"""The traps of the provider tests once more, where they bite: in what is polled and kept."""

from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.models import Connection, Event, Job, Transition
from jobs.poll import poll_due
from tests.builders import NOON
from tests.provider_double import BORN

pytestmark = pytest.mark.django_db(transaction=True)

QUOTA = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
ENDED = {"id": "e1", "created_at": BORN, "message": "Job succeeded."}
LATE = {"id": "e2", "created_at": BORN + 40, "message": "Completed results file: file-r"}


@pytest.mark.parametrize("word", ["paused", "pending", "resuming", "defragmenting"])
def test_traps_3_and_4_what_is_not_running_is_polled_on_and_rings_nobody(
    word, provider, connection, poll
):
    job_id = provider.serves(status="running")
    poll()
    provider.serves(job_id, status=word)
    poll(2)
    assert Job.objects.get().next_poll_at is not None
    assert not Transition.objects.filter(rings=True).exists()


def test_trap_13_events_that_come_after_the_end_are_kept(provider, connection, poll):
    job_id = provider.serves(status="running")
    poll()
    provider.serves(job_id, status="succeeded", events=[ENDED])
    poll()
    provider.serves(job_id, status="succeeded", events=[LATE, ENDED])
    Job.objects.update(ended_at=timezone.now() - timedelta(minutes=2))
    poll()
    assert set(Event.objects.values_list("provider_id", flat=True)) == {"e1", "e2"}
    assert Job.objects.get().is_settled


@pytest.mark.parametrize(("status", "body"), [(429, QUOTA), (401, None)], ids=["quota", "key"])
def test_trap_16_what_never_heals_by_asking_is_hardly_asked(
    status, body, provider, connection, poll
):
    for _ in range(5):
        provider.serves(status="running")
    poll()
    provider.breaks("status", status=status, body=body)
    before = len(provider.requests())
    for _ in range(20):  # what is due stays due; only the wait keeps it from being asked
        Connection.objects.update(next_sweep_at=NOON)
        Job.objects.exclude(next_poll_at=None).update(next_poll_at=NOON)
        poll_due()
    assert len(provider.requests()) - before <= 6
    assert set(Job.objects.values_list("state", flat=True)) == {"running"}


def test_trap_19_a_server_without_checkpoints_still_has_the_job(provider, connection, poll):
    job_id = provider.serves(status="running", events=[ENDED])
    provider.breaks("status", match=f"*/{job_id}/checkpoints", status=404)
    poll(2)
    assert (Job.objects.get().trouble, Job.objects.get().is_missing) == ("", False)
    assert Event.objects.count() == 1
