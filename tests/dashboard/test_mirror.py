"""The official client, unmodified, reads what was observed."""

import json
from datetime import timedelta

import openai
import pytest

from accounts.models import ApiToken
from jobs.models import Checkpoint, Event, File, Job, Snapshot
from providers.states import State
from tests.builders import NOON, a_connection, a_job
from tests.dashboard.graph import a_graph

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def team_with_client(live_server):
    connection = a_connection()
    token = ApiToken.create_token(connection.team, "mirror")
    client = openai.OpenAI(base_url=f"{live_server.url}/v1", api_key=token, max_retries=0)
    yield connection, client
    client.close()


def snapshot(job: Job, *, source="retrieve", seen=NOON, **body) -> Snapshot:
    wire = {"id": job.provider_id, "object": "fine_tuning.job", "status": job.raw_status, **body}
    times = {"first_seen_at": seen, "last_seen_at": seen}
    return Snapshot.objects.create(
        job=job, source=source, body=json.dumps(wire), fingerprint="0" * 32, **times
    )


def test_a_retrieved_job_is_what_the_provider_said(team_with_client):
    connection, client = team_with_client
    job = a_job(connection)
    snapshot(job, model="gpt-x", error={}, brand_new_field={"deep": [1, None]})
    answer = client.fine_tuning.jobs.retrieve(job.provider_id)
    assert answer.to_dict() == {
        "id": job.provider_id, "object": "fine_tuning.job", "status": "running", "model": "gpt-x", "error": {},
        "brand_new_field": {"deep": [1, None]},
    }  # fmt: skip


def test_the_snapshot_seen_last_wins_whatever_its_source(team_with_client):
    connection, client = team_with_client
    job = a_job(connection)
    snapshot(job, source="retrieve", model="old")
    snapshot(job, source="list", model="new", seen=NOON + timedelta(seconds=1))
    assert client.fine_tuning.jobs.retrieve(job.provider_id).model == "new"
    assert [found.model for found in client.fine_tuning.jobs.list()] == ["new"]


def test_a_late_answer_does_not_win(team_with_client):
    connection, client = team_with_client
    job = a_job(connection)
    snapshot(job, source="list", model="right")
    late = snapshot(job, source="retrieve", model="late", seen=NOON + timedelta(seconds=1))
    Snapshot.objects.filter(pk=late.pk).update(is_late=True)
    assert client.fine_tuning.jobs.retrieve(job.provider_id).model == "right"


def test_a_job_without_a_snapshot_is_told_from_its_row(team_with_client):
    connection, client = team_with_client
    job = a_job(connection, trained_tokens=77, created_at=NOON)
    answer = client.fine_tuning.jobs.retrieve(job.provider_id)
    assert (answer.status, answer.trained_tokens, answer.created_at) == (
        "running",
        77,
        int(NOON.timestamp()),
    )


def test_listing_pages_through_every_job_once_newest_first(team_with_client):
    connection, client = team_with_client
    jobs = [
        a_job(connection, created_at=NOON - timedelta(minutes=minute // 3)) for minute in range(25)
    ]
    undated = a_job(connection, created_at=None)
    seen = [found.id for found in client.fine_tuning.jobs.list(limit=4)]
    newest_first = sorted(jobs, key=lambda job: (job.created_at, job.pk), reverse=True)
    assert seen == [job.provider_id for job in (*newest_first, undated)]


def test_a_page_says_whether_there_is_more(team_with_client):
    connection, client = team_with_client
    for _ in range(3):
        a_job(connection)
    assert [client.fine_tuning.jobs.list(limit=n).has_more for n in (2, 3)] == [True, False]


def test_metadata_filters_the_list(team_with_client):
    connection, client = team_with_client
    hit = a_job(connection, metadata={"team": "a b", "run": "7"})
    a_job(connection, metadata={"team": "a b", "run": "8"})
    bare = a_job(connection, metadata={})
    found = client.fine_tuning.jobs.list(metadata={"team": "a b", "run": "7"})
    none = client.fine_tuning.jobs.list(extra_query={"metadata": "null"})
    assert [[job.id for job in page] for page in (found, none)] == [
        [hit.provider_id],
        [bare.provider_id],
    ]


def test_events_come_newest_first_with_what_they_measured(team_with_client):
    connection, client = team_with_client
    job = a_job(connection)
    for number in range(5):
        at = NOON + timedelta(seconds=number // 2)
        Event.objects.create(
            job=job, provider_id=f"ftevent-{number}", created_at=at, level="info", type="metrics",
            message=f"Step {number}", body={"step": number, "train_loss": 0.5},
        )  # fmt: skip
    events = list(client.fine_tuning.jobs.list_events(job.provider_id, limit=2))
    assert [event.id for event in events] == [f"ftevent-{number}" for number in (4, 3, 2, 1, 0)]
    assert events[0].data == {"step": 4, "train_loss": 0.5}
    assert (events[0].type, events[0].created_at) == ("metrics", int(NOON.timestamp()) + 2)


def test_checkpoints_name_step_model_and_job(team_with_client):
    connection, client = team_with_client
    job = a_job(connection)
    for step in (10, 20, 30):
        Checkpoint.objects.create(
            job=job, provider_id=f"ftckpt-{step}", created_at=NOON + timedelta(seconds=step), step=step,
            model=f"ft:m:ckpt-step-{step}", metrics={"train_loss": 1 / step},
        )  # fmt: skip
    found = list(client.fine_tuning.jobs.checkpoints.list(job.provider_id, limit=2))
    assert [(c.step_number, c.fine_tuning_job_id) for c in found] == [
        (s, job.provider_id) for s in (30, 20, 10)
    ]
    assert (found[0].fine_tuned_model_checkpoint, found[0].metrics.train_loss) == (
        "ft:m:ckpt-step-30",
        1 / 30,
    )


def test_a_result_file_is_described_and_served_byte_for_byte(live_server):
    graph = a_graph("kept")
    client = openai.OpenAI(base_url=f"{live_server.url}/v1", api_key=graph.secret, max_retries=0)
    with client:
        file = client.files.retrieve("file-kept")
        content = client.files.content("file-kept")
    assert (file.filename, file.purpose, file.object) == ("kept.csv", "fine-tune-results", "file")
    assert content.content == b"step,train_loss\n1,0.5\n"
    assert content.response.headers["Content-Disposition"] == 'attachment; filename="kept.csv"'


def test_a_file_whose_content_is_not_kept_says_so(team_with_client):
    connection, client = team_with_client
    File.objects.create(connection=connection, provider_id="file-train")
    with pytest.raises(openai.NotFoundError, match="not kept"):
        client.files.content("file-train")


def test_an_unknown_job_is_not_found(team_with_client):
    with pytest.raises(openai.NotFoundError) as caught:
        team_with_client[1].fine_tuning.jobs.retrieve("ftjob-nowhere")
    assert (caught.value.code, caught.value.param) == ("not_found", "id")


def test_a_wrong_token_is_refused_as_the_client_expects(team_with_client):
    client = team_with_client[1].with_options(api_key="tb_r_wrong")
    with pytest.raises(openai.AuthenticationError) as caught:
        client.fine_tuning.jobs.list()
    assert caught.value.code == "invalid_api_key"


def test_a_revoked_token_ends_at_once(team_with_client):
    connection, client = team_with_client
    ApiToken.objects.filter(team=connection.team).update(revoked_at=NOON)
    with pytest.raises(openai.AuthenticationError):
        client.fine_tuning.jobs.list()


def test_a_job_on_two_connections_needs_the_connection_named(team_with_client):
    connection, client = team_with_client
    other = a_connection(connection.team, slug="other-lab")
    a_job(connection, provider_id="ftjob-twice")
    a_job(other, provider_id="ftjob-twice", state=State.FAILED)
    with pytest.raises(openai.ConflictError, match="other-lab"):
        client.fine_tuning.jobs.retrieve("ftjob-twice")
    named = client.fine_tuning.jobs.retrieve("ftjob-twice", extra_query={"connection": "other-lab"})
    assert named.status == "failed"
    assert [job.id for job in client.fine_tuning.jobs.list()] == ["ftjob-twice"]


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"limit": "-1"}, {"limit": "1.5"}]
)
def test_a_senseless_limit_is_a_bad_request(team_with_client, query):
    with pytest.raises(openai.BadRequestError) as caught:
        team_with_client[1].fine_tuning.jobs.list(extra_query=query)
    assert caught.value.param == "limit"


def test_an_unknown_cursor_is_not_found(team_with_client):
    with pytest.raises(openai.NotFoundError, match="after"):
        team_with_client[1].fine_tuning.jobs.list(after="ftjob-nowhere")


def test_the_mirror_changes_nothing(team_with_client):
    connection, client = team_with_client
    job = a_job(connection)
    with pytest.raises(openai.APIStatusError) as caught:
        client.fine_tuning.jobs.cancel(job.provider_id)
    assert caught.value.status_code in {404, 405}
    with pytest.raises(openai.APIStatusError) as caught:
        client.fine_tuning.jobs.create(model="m", training_file="f")
    assert caught.value.status_code == 405


def test_using_a_token_is_noted_to_the_minute(team_with_client):
    connection, client = team_with_client
    client.fine_tuning.jobs.list()
    first = ApiToken.objects.get(team=connection.team).last_used_at
    client.fine_tuning.jobs.list()
    assert first is not None
    assert ApiToken.objects.get(team=connection.team).last_used_at == first
