"""From the official client's request to the signed message: a whole life, and whose it is."""

from itertools import pairwise

import pytest
from openai import DefaultHttpxClient, OpenAI
from standardwebhooks import Webhook

from alerts.channels import secrets_of
from jobs.models import File, Job, Transition
from tests.servers import eventually
from tests.stack.town import Town, job_of

pytestmark = [pytest.mark.stack, pytest.mark.django_db(transaction=True)]

SPEED = "3600"
LIFE = ("validating", "queued", "running", "succeeded")
EXAMPLES = b'{"messages": [{"role": "user", "content": "Hi"}]}\n' * 40


@pytest.fixture
def live_provider(simulator):
    """The simulator as a program of its own, without jobs."""
    return simulator("--population", "empty", "--speed", SPEED, "--seed", "3")


def create_job(url: str) -> str:
    with DefaultHttpxClient(trust_env=False) as transport:
        client = OpenAI(base_url=url, api_key="sk-any", http_client=transport)
        uploaded = client.files.create(file=("train.jsonl", EXAMPLES), purpose="fine-tune")
        method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}}
        return client.fine_tuning.jobs.create(
            model="gpt-4.1-nano-2025-04-14", training_file=uploaded.id, suffix="bot", method=method
        ).id


def test_a_whole_life_is_followed_kept_and_told_once(town, live_provider, receiver):
    connection = town.watch(live_provider.url)
    channel = town.hook(receiver)
    town.start()
    town.looks(connection)
    job_id = create_job(live_provider.url)
    over = Job.objects.filter(provider_id=job_id, state="succeeded")
    eventually(lambda: town.looks(connection) or over.exists(), what="the job's success")
    stored = File.objects.filter(purpose="fine-tune-results", fetch="stored")
    eventually(stored.exists, what="the result file")
    eventually(lambda: receiver.accepted, what="the alert")
    town.looks_again(connection)

    job = Job.objects.get()
    changes = Transition.objects.filter(kind="state").order_by("id")
    seen = [LIFE.index(state) for state in changes.values_list("to_state", flat=True)]
    assert all(before < after for before, after in pairwise(seen))
    assert seen[-2:] == [LIFE.index("running"), LIFE.index("succeeded")]
    assert job.events.exists()
    assert job.checkpoints.count() == 3
    assert job.points.filter(metric="train_loss").exists()
    assert job.trained_tokens
    assert stored.get().received()
    (arrival,) = receiver.journal
    assert (arrival.content["type"], job_of(arrival)) == ("job.succeeded", job_id)
    signed = Webhook(secrets_of(channel)["secret"]).verify(arrival.body, arrival.headers)
    assert signed["data"]["job"]["fine_tuned_model"] == job.fine_tuned_model


def test_a_team_is_told_of_its_own_jobs_only(town, a_provider, receiver, a_receiver):
    """Both watch a job of the same id: only the connection tells them apart."""
    ours, theirs = a_provider(), a_provider()
    others, their_receiver = Town(town.stack, town.broker), a_receiver().up()
    our_connection = town.watch(ours)
    their_connection = others.watch(theirs)
    town.hook(receiver)
    others.hook(their_receiver)
    town.start()
    for double in (ours, theirs):
        double.serves("ftjob-same", status="running")
    both = Job.objects.filter(state="running").exclude(retrieved_at=None)
    town.sees(lambda: both.count() == 2, "both jobs")
    ours.serves("ftjob-same", status="succeeded")
    town.sees(lambda: receiver.accepted, "our alert")
    town.looks_again(our_connection)
    assert their_receiver.journal == []

    theirs.serves("ftjob-same", status="failed", error={"code": "x", "message": "y"})
    town.sees(lambda: their_receiver.accepted, "their alert")
    town.looks_again(their_connection)
    told = {"ours": receiver.journal, "theirs": their_receiver.journal}
    types = {whose: [one.content["type"] for one in journal] for whose, journal in told.items()}
    assert types == {"ours": ["job.succeeded"], "theirs": ["job.failed"]}
    assert our_connection.slug.encode() not in their_receiver.journal[0].body
