"""/api: the history of a job, held against the schema that describes it."""

import json
from datetime import timedelta

import jsonschema
import pytest
from django.test import Client

from dashboard.schema import openapi
from jobs.models import Point, PointSource, Snapshot
from tests.builders import NOON, a_job
from tests.dashboard.graph import a_graph

pytestmark = pytest.mark.django_db
NOON_TEXT = NOON.isoformat().replace("+00:00", "Z")
KINDS = ("snapshots", "transitions", "points", "files", "deliveries")


@pytest.fixture
def graph():
    return a_graph("history")


@pytest.fixture
def get(graph):
    def get(path: str, **query):
        headers = {"Authorization": f"Bearer {graph.secret}"}
        return Client(raise_request_exception=False).get(path, query, headers=headers)

    return get


def matches(answer, path: str) -> None:
    """The answer is what the schema says this path answers with this status."""
    described = openapi()
    response = described["paths"][path]["get"]["responses"][str(answer.status_code)]
    body = response["content"]["application/json"]["schema"]
    jsonschema.validate(
        answer.json(),
        {**body, "components": described["components"]},
        format_checker=jsonschema.FormatChecker(),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_each_history_is_what_the_schema_says(get, graph, kind):
    answer = get(f"/api/jobs/{graph.job.provider_id}/{kind}")
    matches(answer, f"/api/jobs/{{job_id}}/{kind}")
    assert len(answer.json()["data"]) == 1
    assert answer.json()["has_more"] is False


@pytest.mark.parametrize(
    ("path", "described"),
    [
        ("/v1/fine_tuning/jobs", "/v1/fine_tuning/jobs"),
        ("/v1/fine_tuning/jobs/ftjob-history", "/v1/fine_tuning/jobs/{job_id}"),
        ("/v1/fine_tuning/jobs/ftjob-history/events", "/v1/fine_tuning/jobs/{job_id}/events"),
        (
            "/v1/fine_tuning/jobs/ftjob-history/checkpoints",
            "/v1/fine_tuning/jobs/{job_id}/checkpoints",
        ),
        ("/v1/files/file-history", "/v1/files/{file_id}"),
    ],
)
def test_the_mirror_is_what_the_schema_says(get, path, described):
    answer = get(path)
    assert answer.status_code == 200
    matches(answer, described)


def test_the_schema_itself_is_served_to_everybody(client):
    assert client.get("/api/schema").json() == json.loads(json.dumps(openapi()))


@pytest.mark.parametrize("path", sorted(openapi()["paths"]))
def test_errors_are_what_the_schema_says(get, path):
    address = path.replace("{job_id}", "nowhere").replace("{file_id}", "nowhere")
    refused = Client().get(address)
    bad = get(address, limit="none") if "limit" in str(openapi()["paths"][path]) else get(address)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    matches(refused, path)
    assert bad.status_code in {400, 404}
    matches(bad, path)


def test_a_point_has_exactly_the_members_of_the_contract(get, graph):
    point = get(f"/api/jobs/{graph.job.provider_id}/points").json()["data"][0]
    assert point == {
        "step": 1.0, "metric": "train_loss", "value": 0.5, "source": "event", "seen_at": NOON_TEXT,
    }  # fmt: skip


def test_a_snapshot_holds_the_raw_job(get, graph):
    found = get(f"/api/jobs/{graph.job.provider_id}/snapshots").json()["data"][0]
    assert found["job"]["note"] == "history"
    assert (found["seen_count"], found["first_seen_at"]) == (1, NOON_TEXT)


def test_points_page_by_step_and_metric_without_loss(get, graph):
    job = a_job(graph.connection)
    for step in (1, 2, 2.5):
        for metric in ("a:b", "train_loss"):
            Point.objects.create(
                job=job, metric=metric, step=step, value=1, source=PointSource.EVENT, seen_at=NOON
            )
    seen, path, query = [], f"/api/jobs/{job.provider_id}/points", {"limit": 1}
    while query:
        answer = get(path, **query)
        last = answer.json()["data"][-1]
        seen.append((last["step"], last["metric"]))
        more = answer.json()["has_more"]
        query = {"limit": 1, "after": f"{last['step']}:{last['metric']}"} if more else None
    assert seen == sorted(seen)
    assert len(seen) == 6


def test_the_link_header_leads_to_the_next_page(get, graph):
    seen = {
        "first_seen_at": NOON,
        "last_seen_at": NOON + timedelta(hours=1),
        "fingerprint": "1" * 32,
    }
    Snapshot.objects.create(job=graph.job, source="list", body='{"id": "x"}', **seen)
    first = get(f"/api/jobs/{graph.job.provider_id}/snapshots", limit=1)
    address = first.headers["Link"].split(">")[0].lstrip("<")
    second = get(address)
    assert first.json()["has_more"] is True
    assert [row["source"] for row in second.json()["data"]] == ["list"]
    assert "Link" not in second.headers


@pytest.mark.parametrize(
    ("kind", "after"),
    [
        ("snapshots", "x"),
        ("snapshots", "-1"),
        ("points", "1"),
        ("points", "nan:a"),
        ("points", "x:a"),
    ],
)
def test_a_cursor_of_nothing_is_a_bad_request(get, graph, kind, after):
    answer = get(f"/api/jobs/{graph.job.provider_id}/{kind}", after=after)
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"code", "message", "request_id"}


def test_an_unknown_history_names_those_there_are(get, graph):
    answer = get(f"/api/jobs/{graph.job.provider_id}/secrets")
    assert answer.status_code == 404
    assert "snapshots" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/v1/models", "/api/nothing"])
def test_what_is_not_there_is_told_in_json(client, path):
    answer = client.post(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "unknown_url"


def test_a_failure_of_ours_is_told_in_json_without_details(get, graph):
    Snapshot.objects.filter(job=graph.job).update(body="not json")
    answer = get(f"/api/jobs/{graph.job.provider_id}/snapshots")
    assert answer.status_code == 500
    assert answer.json()["error"]["message"] == "Something went wrong here."
    assert "JSONDecodeError" not in answer.content.decode()
