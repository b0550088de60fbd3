"""What is recorded of a provider's answers, over real HTTP."""

import base64
from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.claims import claim
from jobs.models import Estimate, File, Job, Snapshot, Transition
from jobs.poll import poll_due
from jobs.record import record_answer
from jobs.tracking import add_job, archive, remove, set_paused
from tests.builders import NOON, a_connection
from tests.provider_double import BORN, ProviderDouble

pytestmark = pytest.mark.django_db(transaction=True)

METRICS = {"object": "fine_tuning.job.event", "level": "info", "type": "metrics"}
CSV = b"step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,2.5,0.4,,\n2,1.5,0.6,1.9,0.5\n"


def an_event(number, message="hello", **parts):
    return {
        "id": f"ftevent-{number}",
        "created_at": BORN + number,
        "message": message,
        **METRICS,
        **parts,
    }


def a_result_file(**parts):
    content = base64.b64encode(CSV)
    return {
        "id": "file-result",
        "object": "file",
        "bytes": len(content),
        "created_at": BORN,
        "filename": "step_metrics.csv",
        "purpose": "fine-tune-results",
        "content_base64": base64.b64encode(content).decode(),
        **parts,
    }


def rings():
    return list(Transition.objects.filter(rings=True).values_list("to_state", flat=True))


def test_a_sweep_discovers_jobs_and_a_retrieve_reads_them(provider, connection, poll):
    provider.serves(status="queued")
    provider.serves(status="running", user_provided_suffix="support-bot")
    poll()
    assert sorted(Job.objects.values_list("state", flat=True)) == ["queued", "running"]
    assert Snapshot.objects.filter(source="retrieve").count() == 2


def test_the_first_sweep_rings_nobody(provider, connection, poll):
    provider.serves(status="succeeded")
    provider.serves(status="failed", error={"code": "x", "message": "y"})
    poll(2)
    assert rings() == []
    assert Transition.objects.filter(announced_at=None).count() == 0


def test_the_end_of_a_watched_job_rings_once(provider, connection, poll):
    job_id = provider.serves(status="running")
    poll()
    provider.serves(job_id, status="succeeded", finished_at=BORN + 60, trained_tokens=4480)
    poll(3)
    assert rings() == ["succeeded"]
    assert Job.objects.get().trained_tokens == 4480


def test_a_job_that_lived_and_died_unseen_rings(provider, connection, poll):
    poll()
    provider.serves(status="failed", created_at=int(timezone.now().timestamp()))
    poll(2)
    assert rings() == ["failed"]


def test_an_unchanged_poll_adds_no_row(provider, connection, poll):
    provider.serves(status="running", events=[an_event(1)])
    poll()
    before = (Snapshot.objects.count(), Transition.objects.count())
    poll(3)
    assert (Snapshot.objects.count(), Transition.objects.count()) == before
    assert set(Snapshot.objects.values_list("seen_count", flat=True)) == {4}


def test_an_unchanged_poll_changes_no_version(provider, connection, poll):
    provider.serves(status="queued")
    poll(2)
    before = Job.objects.get().version
    poll(2)
    assert Job.objects.get().version == before


def test_there_and_back_again_is_three_snapshots(provider, connection, poll):
    for tokens in (1, 2, 1):
        job_id = provider.serves("ftjob-back", trained_tokens=tokens)
        poll()
    bodies = Snapshot.objects.filter(job__provider_id=job_id, source="retrieve")
    assert bodies.count() == 3


def test_a_moved_finish_time_alone_is_an_estimate_and_no_snapshot(provider, connection, poll):
    job_id = provider.serves(estimated_finish=BORN + 600)
    poll()
    provider.serves(job_id, estimated_finish=BORN + 900)
    poll()
    assert Snapshot.objects.filter(source="retrieve").count() == 1
    assert Estimate.objects.count() == 2


def test_an_unknown_status_and_unknown_fields_are_kept(provider, connection, poll):
    provider.serves(status="hibernating", novelty={"a": 1})
    poll()
    job = Job.objects.get()
    assert (job.state, job.raw_status) == ("unknown", "hibernating")
    assert '"novelty":{"a":1}' in job.snapshots.filter(source="retrieve").get().body
    assert rings() == []


def test_events_become_rows_and_points_once(provider, connection, poll):
    events = [an_event(2, data={"step": 2, "total_steps": 9, "train_loss": 1.5}), an_event(1)]
    provider.serves(events=events)
    poll(2)
    job = Job.objects.get()
    assert job.events.count() == 2
    assert [(p.metric, p.step, p.value) for p in job.points.all()] == [("train_loss", 2.0, 1.5)]
    assert (job.step, job.total_steps, job.headline_value) == (2, 9, 1.5)


def test_new_events_are_added_to_the_known_ones(provider, connection, poll):
    job_id = provider.serves(events=[an_event(1)])
    poll()
    provider.serves(job_id, events=[an_event(n) for n in range(130, 0, -1)])
    poll()
    assert Job.objects.get().events.count() == 130


def test_events_listed_oldest_first_are_all_read(provider, connection, poll):
    job_id = provider.serves(events=[an_event(1)])
    poll()
    provider.serves(job_id, events=[an_event(n) for n in range(1, 6)])
    poll()
    assert Job.objects.get().events.count() == 5


def test_checkpoints_are_kept_when_the_provider_drops_them(provider, connection, poll):
    first = {"id": "ftckpt-1", "created_at": BORN, "step_number": 5, "metrics": {"valid_loss": 1.1}}
    job_id = provider.serves(checkpoints=[first])
    poll()
    provider.serves(job_id, checkpoints=[{**first, "id": "ftckpt-2", "step_number": 10}])
    poll()
    assert sorted(Job.objects.get().checkpoints.values_list("step", flat=True)) == [5, 10]


def test_a_base64_result_file_is_kept_with_its_hash_and_read_as_points(provider, connection, poll):
    provider.serves(status="succeeded", result_files=["file-result"], files=[a_result_file()])
    poll()
    file = File.objects.get(provider_id="file-result")
    assert (file.fetch, file.kind, file.encoding, file.row_count) == ("stored", "csv", "base64", 2)
    assert file.received() == base64.b64encode(CSV)
    assert Job.objects.get().valid_loss == 1.9


def test_the_result_file_wins_over_events(provider, connection, poll):
    provider.serves(
        status="succeeded",
        result_files=["file-result"],
        files=[a_result_file()],
        events=[an_event(1, data={"step": 1, "train_loss": 99.0})],
    )
    poll()
    job = Job.objects.get()
    point = job.points.get(metric="train_loss", step=1)
    assert (point.value, point.get_source_display()) == (2.5, "result file")
    assert job.corrected_points == 1


def test_a_file_that_comes_later_corrects_what_events_said_but_for_rounding(
    provider, connection, poll
):
    told = [
        an_event(1, data={"step": 1, "train_loss": 2.5004}),
        an_event(2, data={"step": 2, "train_loss": 7.0}),
    ]
    job_id = provider.serves(status="running", events=told)
    poll(2)
    provider.serves(
        job_id,
        status="succeeded",
        result_files=["file-result"],
        files=[a_result_file()],
        events=told,
    )
    poll(3)
    assert Job.objects.get().corrected_points == 1


def test_a_result_file_that_is_gone_is_said_to_be_gone(provider, connection, poll):
    provider.serves(status="succeeded", result_files=["file-nowhere"])
    poll()
    assert File.objects.get(provider_id="file-nowhere").fetch == File.Fetch.GONE


def test_a_result_file_that_is_too_large_is_said_to_be_and_not_asked_for_again(
    provider, connection, poll
):
    provider.serves(status="succeeded", finished_at=BORN + 60, result_files=["file-result"], files=[a_result_file()])  # fmt: skip
    provider.breaks("huge", match="*/content", bytes=8 * 1024 * 1024)
    poll()
    file = File.objects.get(provider_id="file-result")
    assert (file.fetch, "larger" in file.fetch_reason) == (File.Fetch.TOO_LARGE, True)
    assert Job.objects.get().settled_at


def test_a_job_long_over_is_settled_at_once_and_asked_no_more(provider, connection, poll):
    job_id = provider.serves(status="succeeded", finished_at=BORN + 60)
    poll()
    job = Job.objects.get()
    assert job.settled_at
    assert job.next_poll_at is None
    seen = len([r for r in provider.requests() if r["path"].endswith(job_id)])
    poll(2)
    assert len([r for r in provider.requests() if r["path"].endswith(job_id)]) == seen


def test_a_job_just_over_is_read_once_more_a_minute_later(provider, connection, poll):
    job_id = provider.serves(status="running")
    poll()
    provider.serves(job_id, status="failed")
    poll()
    job = Job.objects.get()
    assert job.settled_at is None
    assert job.next_poll_at - job.retrieved_at == timedelta(seconds=60)


def test_a_late_answer_changes_nothing_and_is_kept_as_late(provider, connection, poll):
    job_id = provider.serves(status="running")
    poll()
    job = Job.objects.get()
    Job.objects.update(applied_request_at=timezone.now() + timedelta(minutes=1), state="succeeded")
    provider.serves(job_id, status="queued")
    Job.objects.update(next_poll_at=NOON)
    poll_due()
    job.refresh_from_db()
    assert job.state == "succeeded"
    assert job.snapshots.filter(is_late=True).exists()


def test_a_stale_worker_writes_nothing(provider, connection, poll):
    from jobs.claims import StaleClaim
    from jobs.fetch import Errand, fetch
    from providers.base import connect

    job_id = provider.serves(status="running")
    poll()
    job = Job.objects.get()
    stale, _ = claim(Job.objects.filter(pk=job.pk), 1)
    Job.objects.update(lease_token=None)
    provider.serves(job_id, status="failed")
    answer = fetch(connect(connection.account()), Errand(job_id))
    with pytest.raises(StaleClaim):
        record_answer(job.pk, stale, answer)
    assert Job.objects.get().state == "running"


def test_a_job_added_by_its_id_is_polled_without_a_list(provider, connection):
    job_id = provider.serves(status="running")
    provider.breaks("status", match="/v1/fine_tuning/jobs", status=404)
    add_job(connection, f" {job_id} ")
    poll_due()
    assert Job.objects.get().state == "running"


@pytest.mark.parametrize("text", ["", "a b", "../files", "x" * 129, "ftjob/1"])
def test_what_cannot_be_a_job_id_is_refused(connection, text):
    with pytest.raises(ValueError, match="A job id has"):
        add_job(connection, text)


@pytest.mark.parametrize("stop", [archive, lambda target: set_paused(target, True)])
def test_a_paused_or_archived_connection_is_not_asked(provider, connection, poll, stop):
    provider.serves()
    stop(connection)
    poll()
    assert provider.requests() == []


def test_a_paused_job_is_not_retrieved(provider, connection, poll):
    job_id = provider.serves(status="running")
    poll()
    set_paused(Job.objects.get(), True)
    before = len([r for r in provider.requests() if r["path"].endswith(job_id)])
    poll()
    assert len([r for r in provider.requests() if r["path"].endswith(job_id)]) == before


def test_a_connection_removed_meanwhile_is_no_error(provider, connection, poll):
    provider.serves()
    poll()
    remove(connection)
    poll()
    assert Job.objects.count() == 0


def test_one_element_without_an_id_does_not_lose_the_page(provider, connection, poll):
    provider.serves(status="running")
    provider.control("jobs", {"raw": {"id": "not an id!", "status": "running", "created_at": BORN}})
    poll()
    connection.refresh_from_db()
    assert Job.objects.count() == 1
    assert connection.unreadable_count == 1


def test_hostile_text_is_stored_and_does_not_stop_the_poll(provider, connection, poll):
    provider.serves(user_provided_suffix="nul\x00 \u202e" + "x" * 5000, metadata={"k": "<b>"})
    poll()
    assert Job.objects.get().state == "running"


def test_jobs_of_two_connections_with_one_id_are_two_jobs(provider, connection, poll):
    other = ProviderDouble()
    a_connection(connection.team, base_url=other.url)
    provider.serves("ftjob-same")
    other.serves("ftjob-same", status="queued")
    poll()
    other.close()
    assert sorted(Job.objects.values_list("state", flat=True)) == ["queued", "running"]
