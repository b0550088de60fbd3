"""The simulator tells of ends as OpenAI does: the reference library and the official SDK accept what it sends."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from openai import OpenAI
from standardwebhooks import Webhook

from simulator.webhooks import Announcer, Delivery, Target, send
from tests.receiver import Answer, Receiver
from tests.servers import eventually
from tests.simulator.test_command import Process

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def receiver():
    server = Receiver().up()
    yield server
    server.down()


@pytest.fixture
def announcer(simulator, receiver):
    one = Announcer(simulator.desk.ledger, Target.parse(receiver.url, SECRET))
    yield one
    one.close()


def serve(http, job_id: str, status: str) -> None:
    raw = {"object": "fine_tuning.job", "id": job_id, "created_at": 1, "status": status}
    assert http.post("/_control/jobs", json={"raw": raw}).status_code == 201


def told(receiver) -> list[tuple[str, str]]:
    return [(one.content["type"], one.content["data"]["id"]) for one in receiver.journal]


def test_each_end_after_the_start_is_told_once(announcer, http, receiver):
    serve(http, "ftjob-old", "succeeded")
    announcer.start()
    serve(http, "ftjob-a", "running")
    serve(http, "ftjob-a", "failed")
    serve(http, "ftjob-b", "cancelled")
    eventually(lambda: announcer.taken == 2, within_s=10)
    assert sorted(told(receiver)) == [
        ("fine_tuning.job.cancelled", "ftjob-b"),
        ("fine_tuning.job.failed", "ftjob-a"),
    ]


def test_a_life_is_told_when_it_is_finished(announcer, http, receiver):
    announcer.start()
    job = http.post("/_control/jobs", json={"running_s": 3600.0}).json()
    http.post("/_control/finish", json={"id": job["id"], "outcome": "succeeded"})
    eventually(lambda: announcer.taken == 1, within_s=10)
    assert told(receiver) == [("fine_tuning.job.succeeded", job["id"])]


def test_a_job_that_lives_again_and_ends_again_is_told_again(announcer, http, receiver):
    announcer.start()
    for number, status in enumerate(("failed", "succeeded")):
        serve(http, "ftjob-a", "running")
        eventually(lambda: "ftjob-a" not in announcer._over, within_s=10)
        serve(http, "ftjob-a", status)
        eventually(lambda number=number: announcer.taken == number + 1, within_s=10)
    assert len({one.key for one in receiver.journal}) == 2


def test_the_reference_library_and_the_sdk_accept_it(receiver):
    body = json.dumps({"type": "fine_tuning.job.succeeded", "data": {"id": "ftjob-x"}}).encode()
    assert send(Target.parse(receiver.url, SECRET), Delivery("wh_1", body))
    (arrival,) = receiver.journal
    assert Webhook(SECRET).verify(arrival.body, arrival.headers)["data"] == {"id": "ftjob-x"}
    client = OpenAI(api_key="sk-none", webhook_secret=SECRET)
    client.webhooks.verify_signature(arrival.body, arrival.headers)


def test_what_is_not_taken_is_tried_again_under_the_same_id(announcer, http, receiver):
    receiver.script.append(Answer(503))
    announcer.start()
    serve(http, "ftjob-a", "failed")
    eventually(lambda: announcer.taken == 1, within_s=10)
    assert [one.status for one in receiver.journal] == [503, 200]
    assert len({one.key for one in receiver.journal}) == 1


def test_nobody_there_is_no_error(receiver):
    receiver.down()
    assert not send(Target.parse(receiver.url, SECRET), Delivery("wh_1", b"{}", time.monotonic()))


def test_the_command_sends_them(receiver):
    options = ("--webhook-url", receiver.url, "--webhook-secret", SECRET, "--speed", "2000")
    simulator = Process("--population", "demo", *options)
    eventually(lambda: receiver.accepted, within_s=20)
    assert simulator.stop() == (0, "", "")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--webhook-url", "http://x/"), "go together"),
        (("--webhook-url", "ftp://x/", "--webhook-secret", SECRET), "begins with http"),
        (("--webhook-url", "http://x/", "--webhook-secret", "whsec_"), "whsec_ and base64"),
    ],
)
def test_a_wrong_option_is_one_clear_line(options, reason):
    ended = subprocess.run(
        [sys.executable, "-m", "simulator", *options], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert reason in ended.stderr.splitlines()[-1]
