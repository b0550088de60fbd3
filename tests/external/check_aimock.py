"""A cross-check against a server nobody here wrote. Run by `make check-aimock`, not by `make test`.

Jobs are created in aimock (npm, MIT) through the official client; TuneBell must discover them,
follow them to their end, show them, and ring once for each.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from openai import DefaultHttpxClient, OpenAI

from alerts import outbox
from alerts.models import Delivery
from jobs.models import Connection, Job
from tests import servers
from tests.alerts.house import LONG_AGO, House
from tests.builders import a_connection, a_member
from tests.receiver import Receiver

PACKAGE = "@copilotkit/aimock@1.43.0"
JOBS = 3

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def aimock(tmp_path_factory):
    """The address of a running aimock, installed by name into a folder that is thrown away."""
    folder = tmp_path_factory.mktemp("aimock")
    assert shutil.which("npm"), "this check needs npm"
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", PACKAGE],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    (folder / "fixtures").mkdir()
    (folder / "fixtures" / "empty.json").write_text('{"fixtures": []}')
    port = servers.free_port()
    command = [str(folder / "node_modules" / ".bin" / "llmock"), "-h", "127.0.0.1"]
    command += ["-p", str(port), "-f", str(folder / "fixtures")]
    server = servers.Server(command, env={"PATH": os.environ["PATH"], "HOME": str(folder)}).start()
    servers.eventually(lambda: servers.answers(port), what="aimock's answer")
    yield f"http://127.0.0.1:{port}/v1"
    server.stop()


@pytest.fixture
def receiver():
    one = Receiver().up()
    yield one
    one.down()


def create_jobs(url: str, folder: Path) -> list[str]:
    training = folder / "train.jsonl"
    training.write_text('{"messages": []}\n')
    with DefaultHttpxClient(trust_env=False) as transport:
        client = OpenAI(base_url=url, api_key="sk-aimock", http_client=transport)
        with training.open("rb") as content:
            uploaded = client.files.create(file=content, purpose="fine-tune")
        made = [
            client.fine_tuning.jobs.create(
                model="gpt-4o-mini-2024-07-18", training_file=uploaded.id, suffix=f"check-{number}"
            )
            for number in range(JOBS)
        ]
    return [job.id for job in made]


def test_jobs_of_a_server_not_written_here_are_followed_shown_and_told_once(
    aimock, receiver, poll, tmp_path
):
    house = House()
    house.hook(receiver)
    a_connection(house.team, base_url=aimock, slug="aimock", key="sk-aimock", created_at=LONG_AGO)
    Connection.objects.filter(pk=house.connection.pk).update(is_paused=True)
    poll()
    ids = create_jobs(aimock, tmp_path)
    seen = set()
    for _ in range(8):
        poll()
        seen |= set(Job.objects.values_list("state", flat=True))
        outbox.announce_all()
        outbox.deliver_all()
    found = list(Job.objects.order_by("provider_id"))
    assert sorted(job.provider_id for job in found) == sorted(ids)
    assert {job.state for job in found} == {"succeeded"}
    assert all(job.trained_tokens and job.fine_tuned_model and job.events.count() for job in found)
    told = [arrival.content for arrival in receiver.accepted]
    assert sorted(each["data"]["job"]["id"] for each in told) == sorted(ids)
    assert {each["type"] for each in told} == {"job.succeeded"}
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
    browser = Client()
    browser.force_login(a_member(house.team))
    listing = browser.get("/jobs/").content.decode()
    for job in found:
        assert job.name in listing
        page = browser.get(f"/jobs/aimock/{job.provider_id}/").content.decode()
        assert job.fine_tuned_model in page
        assert "Succeeded" in page
    print(
        f"\naimock: {len(found)} jobs created, seen as {', '.join(sorted(seen))}, "
        f"{len(told)} alerts, at {timezone.now():%Y-%m-%d %H:%M} UTC"
    )
