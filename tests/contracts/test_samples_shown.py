"""Real answers that nobody here wrote are recorded and shown right."""

import base64
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from jobs.models import File, Job
from providers.results import read_result_file
from providers.states import State, read_state
from tests.builders import a_connection, a_member, a_team

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(provider):
    return Site(provider)


class Site:
    """A team that watches the provider, and the pages as its admin sees them."""

    def __init__(self, provider) -> None:
        self.provider = provider
        self.team = a_team()
        self.connection = a_connection(self.team, base_url=provider.url, slug="real")
        self.browser = Client()
        self.browser.force_login(a_member(self.team))

    def serve(self, raw: dict[str, Any], **belongings: Any) -> None:
        self.provider.control("jobs", {"raw": raw, **belongings})

    def page(self, job_id: str, section: str = "") -> str:
        reply = self.browser.get(f"/jobs/real/{job_id}/{section}")
        assert reply.status_code == 200, job_id
        return re.sub(
            r"(?<=\d)[\u2009\u202f\u00a0](?=\d)", "", html.unescape(reply.content.decode())
        )


def named(pattern: str) -> list[Path]:
    """The sample files of one kind; none while the folder exists is a failure."""
    found = sorted(SAMPLES.glob(pattern))
    assert found or not SAMPLES.exists(), f"no {pattern} in the samples"
    return found


def jobs_in(path: Path) -> list[dict[str, Any]]:
    content = json.loads(path.read_bytes())
    return content["data"] if content.get("object") == "list" or "data" in content else [content]


def test_every_sample_job_is_recorded_and_shown(site, poll):
    files = [*named("job-*.json"), *named("list-*.json")]
    files += named("spec-openai-cancelled.json") + named("spec-openai-paused*.json")
    told = [(path.name, raw) for path in files for raw in jobs_in(path)]
    # Some show one job at two moments, and an end is not taken back by an older answer.
    for source, raw in sorted(
        told, key=lambda each: read_state(each[1]["status"], "openai").is_over
    ):
        site.serve(raw)
        poll()
        check_page(site, raw, source)
    print(f"\n{len(told)} jobs of {len(files)} sample files recorded and shown")


def check_page(site: Site, raw: dict[str, Any], source: str) -> None:
    job, page = Job.objects.get(provider_id=raw["id"]), site.page(raw["id"])
    assert job.state == read_state(raw["status"], "openai").value, source
    assert State(job.state).word in page, source
    for name in ("model", "fine_tuned_model", "training_file", "organization_id", "trained_tokens"):
        assert str(raw.get(name) or job.name) in page, (source, name)
    error = raw.get("error") or {}
    assert job.has_error == bool(error.get("code") or error.get("message")), source
    assert (error.get("message") or job.name) in page, source
    assert ("What to do" in page) == job.has_error, source
    assert "None" not in visible(page), source


def visible(page: str) -> str:
    return re.sub(r"(?s)<(script|style|pre)\b.*?</\1>|<[^>]+>", " ", page)


def test_every_sample_event_is_recorded_and_shown(site, poll):
    files, read = named("events-*.json") + named("spec-openai-events.json"), 0
    for number, path in enumerate(files):
        events = json.loads(path.read_bytes())["data"]
        job_id = f"ftjob-events{number}"
        site.serve(
            {"id": job_id, "status": "running", "model": "m", "created_at": 1}, events=events
        )
        poll()
        page = site.page(job_id, "events/")
        assert Job.objects.get(provider_id=job_id).events.count() == len(events), path.name
        assert all(event["message"] in page for event in events), path.name
        read += len(events)
    print(f"\n{read} events of {len(files)} sample files recorded and shown")


def test_every_sample_checkpoint_is_recorded_and_shown(site, poll):
    files, read = named("checkpoints-*.json") + named("spec-openai-checkpoints.json"), 0
    for number, path in enumerate(files):
        saved = json.loads(path.read_bytes())["data"]
        job_id = f"ftjob-saved{number}"
        site.serve(
            {"id": job_id, "status": "running", "model": "m", "created_at": 1}, checkpoints=saved
        )
        poll()
        page = site.page(job_id)
        assert Job.objects.get(provider_id=job_id).checkpoints.count() == len(saved), path.name
        assert all(each["fine_tuned_model_checkpoint"] in page for each in saved), path.name
        read += len(saved)
    print(f"\n{read} checkpoints of {len(files)} sample files recorded and shown")


def test_every_sample_result_file_is_kept_whole_and_drawn(site, poll):
    files = named("csv-*.csv")
    for number, path in enumerate(files):
        content, job_id, file_id = path.read_bytes(), f"ftjob-csv{number}", f"file-csv{number}"
        file = {"id": file_id, "object": "file", "filename": path.name, "purpose": "x"}
        raw = {"id": job_id, "status": "succeeded", "model": "m", "created_at": 1}
        raw["result_files"] = [file_id]
        file["content_base64"] = base64.b64encode(content).decode()
        site.serve(raw, files=[file])
        poll()
        kept, read = File.objects.get(provider_id=file_id), read_result_file(content)
        assert kept.received() == content, path.name
        assert kept.row_count == read.row_count > 0, path.name
        assert Job.objects.get(provider_id=job_id).points.count() == len(read.points), path.name
        page = site.page(job_id)
        assert kept.sha256 in page, path.name
        assert "<svg" in page, path.name
    print(f"\n{len(files)} sample result files kept and drawn")


def test_the_sequence_of_one_job_is_its_history(site, poll):
    for path in named("job-openai-sequence-*.json"):
        raw = jobs_in(path)[0]
        site.serve(raw)
        poll()
    if not SAMPLES.exists():
        return
    job = Job.objects.get()
    assert list(job.transitions.order_by("id").values_list("to_state", flat=True)) == [
        "validating",
        "running",
        "succeeded",
    ]
    assert job.requested["n_epochs"] == "auto"
    assert job.hyperparameters["n_epochs"] == raw["hyperparameters"]["n_epochs"]
    assert job.trained_tokens == 4480
