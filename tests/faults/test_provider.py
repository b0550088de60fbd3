"""F21, F23, F30: a provider that breaks or flaps, and a job nobody can work on."""

from datetime import timedelta

import pytest
from django.utils import timezone

from alerts.outbox import deliver
from jobs.models import Connection, Job, Transition

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

FAULTS = [
    {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503},
    {"kind": "reset"},
    {"kind": "redirect"},
    {"kind": "truncated"},
    {"kind": "html"},
    {"kind": "empty"},
    {"kind": "nan"},
    {"kind": "wrong-id"},
    {"kind": "unknown_status"},
    {"kind": "gzip_bomb"},
    {"kind": "garbage"},
    {"kind": "not_an_object"},
    {"kind": "huge"},
    {"kind": "hang"},
    {"kind": "drip"},
]


def told(scene) -> list[str]:
    return [one.content["type"] for one in scene.receivers[0].accepted]


@pytest.mark.parametrize(
    "fault", FAULTS, ids=lambda fault: f"{fault['kind']} {fault.get('status', '')}"
)
def test_f21_a_fault_of_the_provider_ends_no_job_and_hides_no_end(scene, fault, monkeypatch):
    ids = scene.runs(2)
    scene.provider.breaks(**fault)
    with monkeypatch.context() as impatient:  # for the poll alone: a receiver may take its time
        if fault["kind"] in {"hang", "drip"}:
            impatient.setattr("outbound.client.LONGEST_S", 0.4)
        scene.poll()
    deliver()
    assert [kind for kind in told(scene) if kind.startswith("job.")] == []
    scene.provider.heals()
    scene.over(ids)
    scene.comes_to_rest()
    verdict = scene.verdict()
    assert (verdict.lost, verdict.invented, verdict.duplicates) == (frozenset(), frozenset(), 0)


@pytest.mark.parametrize("wrong", ["http://nobody.invalid/v1", "https://{origin}/v1"])
def test_f21_a_provider_that_cannot_be_reached_ends_no_job_and_hides_no_end(scene, wrong):
    ids = scene.runs(2)
    right = scene.provider.url
    Connection.objects.update(base_url=wrong.format(origin=right.split("/")[2]))
    scene.over(ids)
    scene.poll()
    deliver()
    assert [kind for kind in told(scene) if kind.startswith("job.")] == []
    Connection.objects.update(base_url=right)
    scene.comes_to_rest()
    assert scene.verdict().is_clean


def test_f23_an_end_that_flaps_rings_once(scene):
    (job_id,) = scene.runs()
    for status in ("failed", "running", "failed", "running", "failed"):
        scene.provider.serves(job_id, status=status)
        scene.poll()
    scene.comes_to_rest()
    assert told(scene) == ["job.failed"]
    assert Job.objects.get().state == "failed"


def test_f23_a_job_that_is_found_every_other_time_is_not_missing(scene):
    (job_id,) = scene.runs()
    for _ in range(4):
        scene.provider.breaks("status", match=f"*/{job_id}", status=404)
        scene.poll()
        scene.provider.heals()
        scene.poll()
    deliver()
    assert told(scene) == []


def test_f23_a_job_deleted_at_the_provider_is_told_as_missing_once_and_never_as_failed(scene):
    (job_id,) = scene.runs()
    scene.provider.breaks("status", match=f"*/{job_id}", status=404)
    for _ in range(4):
        scene.poll()
        Job.objects.update(missing_since=timezone.now() - timedelta(minutes=11))
    scene.comes_to_rest()
    assert Transition.objects.filter(kind="missing", rings=True).count() == 1
    assert Job.objects.get().state == "running"
    assert told(scene) == []


def test_f23_a_key_that_is_refused_every_other_time_alarms_nobody(scene):
    scene.runs()
    for _ in range(3):
        scene.provider.breaks("status", status=401, times=1)
        scene.poll()
        scene.provider.heals()
        scene.poll()
    assert not Transition.objects.filter(kind="health", rings=True).exists()


def test_f23_a_key_that_is_revoked_and_restored_is_told_once_each_way(scene):
    scene.runs()
    scene.provider.breaks("status", status=401)
    for _ in range(4):
        scene.poll()
    scene.provider.heals()
    for _ in range(4):
        scene.poll()
    told = Transition.objects.filter(kind="health", rings=True).order_by("pk")
    assert list(told.values_list("to_state", flat=True)) == ["rejected", "ok"]


def test_f30_a_job_that_kills_its_workers_is_set_aside_and_the_others_ring(scene):
    poison, healthy = scene.runs(2)
    Job.objects.filter(provider_id=poison).update(claims=5)
    scene.over([healthy])
    scene.poll()
    deliver()
    assert told(scene) == ["job.failed"]
    aside = Job.objects.get(provider_id=poison)
    assert "without a result" in aside.trouble
    assert aside.next_poll_at > timezone.now() + timedelta(minutes=50)
