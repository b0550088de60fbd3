"""The APIs of another shape than OpenAI's."""

from __future__ import annotations

import time

import httpx
import pytest

from simulator.population import World
from simulator.serving import Options, serve_in_thread

KEY = "sk-front-000001"


@pytest.fixture
def front():
    """Starts a simulator of a profile and gives a client for it."""
    opened = []

    def start(profile, population="demo", **options):
        world = World(seed=7, epoch=time.time(), profile=profile, population=population)
        running = serve_in_thread(world, Options(**options))
        client = httpx.Client(base_url=running.base_url, trust_env=False, verify=False, timeout=10)
        opened.append((client, running))
        return client

    yield start
    for client, running in opened:
        client.close()
        running.close()


def test_mistral_pages_by_number_and_total(front):
    client = front("mistral", "25")
    sizes = [
        len(client.get(f"/fine_tuning/jobs?page={page}&page_size=10").json()["data"])
        for page in range(4)
    ]
    assert sizes == [10, 10, 5, 0]
    assert client.get("/fine_tuning/jobs").json()["total"] == 25


def test_mistral_has_events_and_checkpoints_in_a_retrieve_only(front):
    client = front("mistral")
    listed = client.get("/fine_tuning/jobs").json()["data"]
    done = next(job for job in listed if job["status"] == "SUCCESS")
    one = client.get(f"/fine_tuning/jobs/{done['id']}").json()
    assert "events" not in done
    assert one["events"][0]["data"] == {"status": "SUCCESS"}
    assert len(one["checkpoints"]) == 10
    assert client.get(f"/fine_tuning/jobs/{done['id']}/events").status_code == 404


@pytest.mark.parametrize("query", ["page=-1", "page=x", "page_size=101"])
def test_mistral_refuses_in_its_own_words(query, front):
    answer = front("mistral").get(f"/fine_tuning/jobs?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "query"


def test_together_lists_without_pages_and_without_events(front):
    listed = front("together").get("/fine-tunes").json()["data"]
    assert len(listed) > 10
    assert {"completed", "running"} < {job["status"] for job in listed}
    assert all(job["events"] == [] and job["created_at"].endswith("Z") for job in listed)


def test_together_tells_curves_apart_from_events(front):
    client = front("together")
    listed = client.get("/fine-tunes").json()["data"]
    done = next(
        job["id"] for job in listed if job["status"] == "completed" and job["validation_file"]
    )
    events = client.get(f"/fine-tunes/{done}/events").json()["data"]
    rows = client.get(f"/fine-tunes/{done}/metrics").json()["metrics"]
    assert events[-1]["type"] == "job_complete"
    assert {"train/loss", "eval/loss"} <= {name for row in rows for name in row}
    assert client.get(f"/fine-tunes/{done}/checkpoints").json()["data"][0]["step"] > 0


def test_fireworks_pages_by_a_token(front):
    client, seen, token = front("fireworks", "25"), [], ""
    for _ in range(3):
        query = {"pageSize": 10, "pageToken": token}
        body = client.get("/accounts/acme/supervisedFineTuningJobs", params=query).json()
        seen += [job["name"] for job in body["supervisedFineTuningJobs"]]
        token = body["nextPageToken"]
    assert (len(set(seen)), token, body["totalSize"]) == (25, "", 25)


def test_fireworks_refuses_with_a_code(front):
    client = front("fireworks")
    lost = client.get("/accounts/acme/supervisedFineTuningJobs/none")
    broken = client.get("/accounts/acme/supervisedFineTuningJobs?pageToken=%21")
    assert (lost.status_code, lost.json()["code"]) == (404, 5)
    assert (broken.status_code, broken.json()["code"]) == (400, 3)


@pytest.mark.parametrize(
    ("profile", "path"),
    [
        ("mistral", "/fine_tuning/jobs"),
        ("together", "/fine-tunes"),
        ("fireworks", "/accounts/acme/supervisedFineTuningJobs"),
        ("generic", "/fine_tuning/jobs/x"),
    ],
)
def test_every_front_asks_for_the_key(profile, path, front):
    client = front(profile, key=KEY)
    assert client.get(path).status_code == 401
    assert client.get(path, headers={"Authorization": f"Bearer {KEY}"}).status_code != 401


def test_the_least_server_has_no_list(front):
    client = front("generic")
    assert client.get("/fine_tuning/jobs").status_code == 404
    assert client.get("/models").status_code == 404


def test_limits_and_retirement_are_told(http):
    made = {"age_s": 100, "running_s": 9000.0, "model": "m-1"}
    http.post("/_control/jobs", json=made)
    limits = http.get("/v1/fine_tuning/model_limits").json()["data"]
    assert limits == [
        {"model": "m-1", "max_concurrent_jobs": 3, "max_total_jobs": 200, "active_jobs": 1}
    ]
    dates = {each["id"]: each["shutdown_date"] for each in http.get("/v1/models").json()["data"]}
    assert dates["gpt-4.1-nano-2025-04-14"] == "2026-10-23"
    assert dates["Qwen/Qwen3-14B"] is None
