"""Providers' webhooks in: one effect each, whatever comes twice, at once, forged, or dies in between."""

import os
import threading
from datetime import timedelta

import pytest

from alerts import pollbell
from alerts.endpoint import active_secrets, add_secret, own_secrets, remove_secret
from alerts.inbound import KEPT_FOR, Event, accept, read_event
from alerts.models import InboundEvent
from alerts.signatures import Refused
from jobs.claims import claim, database_now
from jobs.failpoints import FailpointReached
from jobs.fetch import Errand, fetch
from jobs.looks import LISTS_APART
from jobs.models import Connection, Job, Transition
from jobs.poll import poll_due
from jobs.record import record_answer
from outbound.secret import Secret
from providers.base import connect
from tests.alerts.together import in_background, run_at_once
from tests.builders import NOON, a_connection, a_job
from tests.servers import eventually
from tests.signing import (
    OTHER_SECRET,
    SECRET,
    a_hook,
    a_listening_connection,
    event_of,
    post,
)

pytestmark = pytest.mark.django_db
LATER = timedelta(hours=1)


@pytest.fixture
def connection():
    return a_listening_connection(
        health="ok", next_sweep_at=database_now() + LATER, last_sweep_at=database_now()
    )


@pytest.fixture
def job(connection):
    return a_job(connection, next_poll_at=database_now() + LATER)


def is_due(job) -> bool:
    return Job.objects.filter(pk=job.pk, next_poll_at__lte=database_now()).exists()


def list_is_due_at(connection):
    return Connection.objects.get(pk=connection.pk).next_sweep_at


def statuses(*answers) -> list[int]:
    return [answer.status_code for answer in answers]


def test_an_event_makes_its_job_due_and_changes_nothing_else(connection, job):
    before = Job.objects.filter(pk=job.pk).values().get()
    assert statuses(post(connection, a_hook(job.provider_id))) == [200]

    after = Job.objects.filter(pk=job.pk).values().get()
    assert is_due(job)
    assert {name for name in before if before[name] != after[name]} == {"next_poll_at"}
    event = InboundEvent.objects.get()
    assert (event.type, event.provider_job_id) == ("fine_tuning.job.succeeded", job.provider_id)
    assert event.is_known_job


@pytest.mark.both_databases
def test_the_same_event_twice_has_one_effect(connection, job):
    hook = a_hook(job.provider_id)
    post(connection, hook)
    Job.objects.update(next_poll_at=database_now() + LATER)

    assert statuses(post(connection, hook)) == [200]
    assert InboundEvent.objects.count() == 1
    assert not is_due(job)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_have_one_effect(connection, job):
    hook, answers = a_hook(job.provider_id), []
    run_at_once(lambda: answers.append(post(connection, hook).status_code), 50)

    assert answers == [200] * 50
    assert InboundEvent.objects.count() == 1
    assert is_due(job)


@pytest.mark.both_databases
def test_a_replay_ten_minutes_later_is_refused(connection, job):
    hook = a_hook(job.provider_id, age=timedelta(minutes=10))
    assert statuses(post(connection, hook)) == [400]
    assert not InboundEvent.objects.exists()


def test_a_provider_that_tries_again_signs_anew_and_has_no_second_effect(connection, job):
    post(connection, a_hook(job.provider_id, webhook_id="wh_same"))
    Job.objects.update(next_poll_at=None)
    assert statuses(post(connection, a_hook(job.provider_id, webhook_id="wh_same"))) == [200]
    assert not is_due(job)


@pytest.mark.both_databases
def test_a_forged_event_is_refused(connection, job):
    assert statuses(post(connection, a_hook(job.provider_id, OTHER_SECRET))) == [400]
    assert not is_due(job)


@pytest.mark.both_databases
def test_the_job_of_another_team_is_not_looked_at(connection):
    foreign = a_job(next_poll_at=database_now() + LATER)
    assert statuses(post(connection, a_hook(foreign.provider_id))) == [200]
    assert not is_due(foreign)
    assert not InboundEvent.objects.get().is_known_job


def test_one_id_at_two_connections_is_two_events(connection):
    other = a_listening_connection()
    hook = a_hook("ftjob-1")
    post(connection, hook)
    post(other, hook)
    assert InboundEvent.objects.count() == 2


@pytest.mark.parametrize("kind", ["response.completed", "fine_tuning.job.completed", "x" * 300, ""])
def test_a_type_we_do_not_use_is_kept_and_has_no_effect(connection, job, kind):
    assert statuses(post(connection, a_hook(event_of(job.provider_id, kind)))) == [200]
    assert InboundEvent.objects.get().type == kind[:80]
    assert not is_due(job)


@pytest.mark.parametrize("data", [None, [], "x", {}, {"id": 7}, {"id": "../x"}, {"id": "a" * 129}])
def test_an_event_that_names_no_job_is_kept_and_has_no_effect(connection, job, data):
    before = list_is_due_at(connection)
    assert statuses(post(connection, a_hook({**event_of("x"), "data": data}))) == [200]
    assert InboundEvent.objects.get().provider_job_id == ""
    assert (list_is_due_at(connection), is_due(job)) == (before, False)


@pytest.mark.parametrize("facts", [{"is_paused": True}, {"archived_at": NOON}])
def test_a_job_that_is_not_watched_is_not_looked_at(connection, job, facts):
    Job.objects.update(**facts)
    assert statuses(post(connection, a_hook(job.provider_id))) == [200]
    assert not is_due(job)


@pytest.mark.parametrize("facts", [{"is_paused": True}, {"archived_at": NOON}])
def test_a_connection_that_is_not_watched_is_not_asked(connection, job, facts):
    Connection.objects.update(**facts)
    before = list_is_due_at(connection)
    assert statuses(post(connection, a_hook(job.provider_id))) == [200]
    assert statuses(post(connection, a_hook("ftjob-new"))) == [200]
    assert (is_due(job), list_is_due_at(connection)) == (False, before)


def test_a_settled_job_gets_a_late_look(connection, provider):
    Connection.objects.update(base_url=provider.url)
    facts = {"settled_at": NOON, "ended_at": NOON, "applied_request_at": NOON}
    job = a_job(connection, state="failed", **facts)
    provider.serves(job.provider_id, "failed", error={"code": "x", "message": "y"})
    post(connection, a_hook(job.provider_id))
    assert is_due(job)
    poll_due(budget_s=10)
    assert Job.objects.get(pk=job.pk).is_settled
    assert not Transition.objects.filter(job=job).exists()


def test_a_wait_that_the_provider_asked_for_stays(connection, job, provider):
    until = database_now() + LATER
    Connection.objects.update(base_url=provider.url, wait_until=until)
    post(connection, a_hook(job.provider_id))
    poll_due(budget_s=5)
    assert provider.requests() == []
    assert Connection.objects.get().wait_until == until


def test_a_job_we_do_not_know_makes_the_list_due_once_in_a_while(connection):
    last = connection.last_sweep_at
    for number in range(20):
        assert statuses(post(connection, a_hook(f"ftjob-new{number}"))) == [200]
    assert list_is_due_at(connection) == last + LISTS_APART
    Connection.objects.update(last_sweep_at=NOON)
    post(connection, a_hook("ftjob-newer"))
    assert list_is_due_at(connection) <= database_now()


def test_the_list_of_a_connection_in_trouble_keeps_its_wait(connection):
    Connection.objects.update(trouble_count=2, last_sweep_at=NOON)
    before = list_is_due_at(connection)
    post(connection, a_hook("ftjob-new"))
    assert list_is_due_at(connection) == before


def test_a_list_that_is_due_is_not_put_off(connection):
    Connection.objects.update(next_sweep_at=NOON)
    post(connection, a_hook("ftjob-new"))
    assert list_is_due_at(connection) == NOON


def test_the_state_comes_from_the_look_not_from_the_event(connection, job, provider):
    """The event says "succeeded"; the provider says what is."""
    Connection.objects.update(base_url=provider.url)
    provider.serves(job.provider_id, "failed", error={"code": "x", "message": "y"})
    post(connection, a_hook(job.provider_id))
    poll_due(budget_s=10)
    assert Transition.objects.get(job=job).to_state == "failed"


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_a_poll_and_an_event_at_once_have_one_effect(connection, job, provider):
    Connection.objects.update(base_url=provider.url)
    Job.objects.update(next_poll_at=NOON)
    provider.serves(job.provider_id, "succeeded")
    hooks = [a_hook(job.provider_id) for _ in range(4)]
    work = [*(lambda hook=hook: post(connection, hook) for hook in hooks), *[poll_due] * 2]
    for thread in [in_background(one) for one in work]:
        thread.join(60)
    poll_due(budget_s=10)

    assert Transition.objects.filter(job=job, to_state="succeeded").count() == 1
    assert not is_due(job)


@pytest.mark.both_databases
def test_a_poll_that_began_before_the_event_does_not_put_the_look_off(connection, job, provider):
    Connection.objects.update(base_url=provider.url)
    Job.objects.update(next_poll_at=NOON, applied_request_at=NOON)
    provider.serves(job.provider_id, "running")
    taken, _ = claim(Job.objects.all(), 1)
    answer = fetch(connect(connection.account()), Errand(job.provider_id))
    provider.serves(job.provider_id, "succeeded")
    post(connection, a_hook(job.provider_id))
    record_answer(job.pk, taken, answer)

    assert is_due(job)
    poll_due(budget_s=10)
    assert Transition.objects.get(job=job).to_state == "succeeded"


@pytest.mark.both_databases
@pytest.mark.parametrize(("name", "kept"), [("hook.verified", 0), ("hook.committed", 1)])
def test_dying_before_the_answer_loses_nothing(connection, job, monkeypatch, name, kept):
    hook = a_hook(job.provider_id)
    monkeypatch.setenv("FAILPOINT", f"{name}:raise")
    with pytest.raises(FailpointReached):
        post(connection, hook)
    monkeypatch.delenv("FAILPOINT")
    assert InboundEvent.objects.count() == kept
    assert is_due(job) == bool(kept)

    assert statuses(post(connection, hook)) == [200]
    assert InboundEvent.objects.count() == 1
    assert is_due(job)
    assert os.environ.get("FAILPOINT") is None


@pytest.mark.django_db(transaction=True)
def test_the_poll_worker_is_woken_after_the_commit(connection, job, monkeypatch):
    seen = []
    monkeypatch.setattr(pollbell, "ring", lambda: seen.append(is_due(job)))
    post(connection, a_hook(job.provider_id))
    post(connection, a_hook(event_of(job.provider_id, "response.completed")))
    assert seen == [True]


def test_a_lost_wake_up_costs_no_more_than_the_tick(connection, job, provider, monkeypatch):
    Connection.objects.update(base_url=provider.url)
    provider.serves(job.provider_id, "succeeded")
    monkeypatch.setattr(pollbell, "ring", lambda: None)
    post(connection, a_hook(job.provider_id))
    poll_due(budget_s=10)
    assert Transition.objects.get(job=job).to_state == "succeeded"


@pytest.mark.django_db(transaction=True)
def test_a_real_poll_worker_is_woken_without_beat(celery_stack, valkey, provider, monkeypatch):
    from jobs.tasks import look_now

    connection = a_listening_connection(base_url=provider.url, next_sweep_at=None)
    job = a_job(connection, next_poll_at=database_now() + LATER)
    provider.serves(job.provider_id, "succeeded")
    celery_stack(["poll"], beat=False)
    bell = pollbell._new_bell()
    monkeypatch.setattr(pollbell, "bell", bell)
    with look_now.app.connection_for_write(valkey.url) as broker:
        bell.options["connection"] = broker
        post(connection, a_hook(job.provider_id))
        eventually(Transition.objects.filter(job=job, to_state="succeeded").exists)
    assert (bell.published, bell.failed) == (1, 0)


def test_what_is_long_past_is_forgotten(connection):
    now = database_now()
    old = InboundEvent.objects.create(connection=connection, webhook_id="old")
    InboundEvent.objects.update(received_at=now - KEPT_FOR - timedelta(days=1))
    accept(connection, "new", Event("response.completed", ""))
    assert not InboundEvent.objects.filter(pk=old.pk).exists()
    assert InboundEvent.objects.count() == 1


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"x"', b"{", b'{"type": 7}', b"[" * 9000])
def test_a_signed_body_that_is_no_event_is_refused(body):
    with pytest.raises(Refused):
        read_event(body)


def test_two_secrets_sign_while_one_is_rotated(connection, job):
    add_secret(connection, Secret(OTHER_SECRET))
    add_secret(connection, Secret(OTHER_SECRET))
    connection = Connection.objects.get(pk=connection.pk)
    assert [one.reveal() for one in own_secrets(connection)] == [OTHER_SECRET, SECRET]
    for secret in (SECRET, OTHER_SECRET):
        assert statuses(post(connection, a_hook(job.provider_id, secret))) == [200]


def test_a_third_secret_ends_the_first(connection, job):
    for text in (OTHER_SECRET, "whsec_" + "dGhpcmQt" * 4):
        add_secret(connection, Secret(text))
    assert statuses(post(connection, a_hook(job.provider_id))) == [400]
    assert statuses(post(connection, a_hook(job.provider_id, OTHER_SECRET))) == [200]


def test_a_removed_secret_signs_nothing(connection, job):
    add_secret(connection, Secret(OTHER_SECRET))
    assert remove_secret(connection, SECRET[-4:])
    assert not remove_secret(connection, "none")
    assert statuses(post(connection, a_hook(job.provider_id))) == [400]


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_secrets_added_at_once_leave_the_two_that_came_last():
    connection = a_connection()
    texts = [f"whsec_{letter * 32}" for letter in "ABCD"]
    lock = threading.Lock()

    def add() -> None:
        with lock:
            text = texts.pop()
        add_secret(Connection.objects.get(pk=connection.pk), Secret(text))

    run_at_once(add, 4)
    assert len(active_secrets(Connection.objects.get(pk=connection.pk))) == 2
