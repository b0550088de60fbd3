"""Cancel, pause and resume at the provider: asked once, answered plainly, seen by the next poll."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone

from accounts.models import AuditEntry
from jobs import actions, record
from jobs.actions import Action, NotAsked, Verdict
from jobs.claims import claim, database_now
from jobs.fetch import Errand, fetch
from jobs.models import Connection, Job, RequestTally, Snapshot
from providers.base import connect
from providers.states import State
from tests.builders import a_connection, a_job, a_transition
from tests.jobs.acting import Actor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def actor():
    one = Actor()
    yield one
    one.close()


@pytest.fixture
def job(actor):
    actor.runs()
    return actor.job(actor.connection())


@pytest.fixture
def log():
    return []


def ask(job, action, log=None, stage=None):
    entries = [] if log is None else log
    return actions.ask(job, Action(action), lambda *entry: entries.append(entry), stage)


@pytest.mark.parametrize(
    ("state", "suits"),
    [
        (State.VALIDATING, ["cancel"]),
        (State.QUEUED, ["cancel"]),
        (State.RUNNING, ["pause", "cancel"]),
        (State.PAUSED, ["resume", "cancel"]),
        (State.UNKNOWN, ["pause", "resume", "cancel"]),
        (State.SUCCEEDED, []),
        (State.FAILED, []),
        (State.CANCELLED, []),
    ],
)
def test_what_is_offered_fits_the_state(state, suits):
    assert [action.value for action in actions.offered(a_job(state=state))] == suits


@pytest.mark.parametrize(
    ("dialect", "path", "has"),
    [
        ("openai", "/v1", {"cancel", "pause", "resume"}),
        ("azure", "/openai", {"cancel"}),
        ("azure", "/openai/v1", {"cancel", "pause", "resume"}),
        ("together", "/v1", {"cancel"}),
        ("gone", "/v1", set()),
    ],
)
def test_what_is_offered_is_what_this_server_has(dialect, path, has):
    connection = a_connection(dialect=dialect, base_url=f"http://127.0.0.1:9{path}")
    assert actions.can_do(connection) == has


@pytest.mark.parametrize("facts", [{"archived_at": timezone.now()}, {"state": State.SUCCEEDED}])
def test_nothing_is_offered_for_what_is_archived_or_over(facts):
    assert actions.offered(a_job(**facts)) == ()


@pytest.mark.parametrize(("action", "answered"), [("cancel", "cancelled"), ("pause", "paused")])
def test_what_was_accepted_says_the_state_that_was_answered(actor, job, action, answered):
    outcome = ask(job, action)
    assert (outcome.verdict, outcome.raw_status) == (Verdict.ACCEPTED, answered)
    assert f"says the job is now {answered}" in actions.sentence(job, Action(action), outcome)


def test_a_paused_job_is_resumed(actor):
    actor.pauses(actor.runs())
    outcome = ask(actor.job(actor.connection(), state="paused"), "resume")
    assert (outcome.verdict, outcome.raw_status) == (Verdict.ACCEPTED, "queued")


def test_the_answer_is_not_recorded_but_the_next_poll_is_due_and_records_it(poll, actor, job):
    Connection.objects.update(next_sweep_at=None)
    ask(job, "cancel")
    job.refresh_from_db()
    assert (job.state, job.next_poll_at <= database_now()) == ("running", True)
    poll()
    job.refresh_from_db()
    assert job.state == "cancelled"


@pytest.mark.both_databases
def test_a_poll_under_way_neither_records_the_time_before_nor_puts_the_look_off(actor, job):
    Job.objects.update(next_poll_at=timezone.now() - timedelta(hours=1), applied_request_at=None)
    taken, (claimed,) = claim(Job.objects.all(), 1)
    before = fetch(connect(job.connection.account()), Errand(job.provider_id))
    Job.objects.update(applied_request_at=timezone.now() - timedelta(hours=1))
    ask(job, "cancel")
    record.record_answer(claimed.pk, taken, before)
    job.refresh_from_db()
    assert (job.state, job.next_poll_at <= database_now()) == ("running", True)
    assert Snapshot.objects.get().is_late


def test_the_first_answer_of_a_job_never_read_stays_the_first(actor, poll):
    actor.runs(created_at=timezone.now().timestamp() - 900)
    job = actor.job(actor.connection(), state="unknown", was_seen_alive=False)
    ask(job, "cancel")
    job.refresh_from_db()
    assert job.applied_request_at is None


def test_a_refusal_says_why_and_may_be_tried_again(actor, job):
    actor.ends(actor.runs())
    outcome = ask(job, "pause")
    assert (outcome.verdict, outcome.status) == (Verdict.REFUSED, 409)
    assert "409: Job ftjob-one cannot be paused" in actions.sentence(job, Action.PAUSE, outcome)
    ask(job, "pause")
    assert actor.posts() == ["pause", "pause"]


def test_a_key_that_may_not_do_it_says_so_here_and_on_the_connection(actor, job):
    actor.breaks("status", status=403, body={"error": {"message": "Missing scope write"}})
    outcome = ask(job, "cancel")
    assert outcome.verdict is Verdict.REFUSED
    assert "The key of this connection may not cancel jobs. Missing scope write" in outcome.words
    assert "Missing scope write" in str(Connection.objects.get().refused["cancel"])


def test_what_is_granted_later_is_no_longer_said_to_be_refused(actor, job):
    actor.breaks("status", status=403)
    ask(job, "cancel")
    actor.running.desk.switchboard.remove()
    actor.runs()
    ask(Job.objects.get(), "cancel")
    assert Connection.objects.get().refused == {}


@pytest.mark.parametrize(
    "fault",
    [{"kind": "reset"}, {"kind": "status", "status": 502}, {"kind": "status", "status": 500}],
)
def test_an_answer_that_is_lost_is_said_to_be_unknown_and_asked_once(actor, job, fault):
    actor.breaks(**fault)
    outcome = ask(job, "cancel")
    assert outcome.verdict is Verdict.UNKNOWN
    assert "Nobody knows whether bell was cancelled" in actions.sentence(
        job, Action.CANCEL, outcome
    )
    job.refresh_from_db()
    assert job.next_poll_at <= database_now()
    with pytest.raises(NotAsked, match="a moment ago"):
        ask(job, "cancel")
    assert actor.posts() == ["cancel"]


def test_a_server_that_cannot_be_reached_was_sent_nothing():
    job = a_job(a_connection(base_url="http://127.0.0.1:9/v1"))
    outcome = ask(job, "cancel")
    assert outcome.verdict is Verdict.NOT_SENT
    assert actions.sentence(job, Action.CANCEL, outcome).startswith("Nothing was sent")
    assert ask(job, "cancel").verdict is Verdict.NOT_SENT


def test_a_key_that_cannot_be_opened_sends_nothing(actor, job):
    Connection.objects.update(key_env="OPENAI_API_KEY_GONE")
    job.connection.refresh_from_db()
    outcome = ask(job, "cancel")
    assert (outcome.verdict, actor.posts()) == (Verdict.NOT_SENT, [])
    assert "OPENAI_API_KEY_GONE" in outcome.words


def test_a_redirect_is_a_refusal_and_not_followed(actor, job):
    actor.breaks("redirect")
    assert ask(job, "cancel").verdict is Verdict.REFUSED
    assert len(actor.posts()) == 1


@pytest.mark.both_databases
def test_asked_from_many_sides_at_once_it_is_sent_once(actor, job):
    actor.breaks("slow", seconds=0.3)

    def try_it(_):
        try:
            return ask(Job.objects.select_related("connection").get(), "cancel").verdict
        except NotAsked:
            return "not asked"
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as people:
        said = list(people.map(try_it, range(4)))
    assert sorted(said) == ["accepted", "not asked", "not asked", "not asked"]
    assert actor.posts() == ["cancel"]


def test_a_job_that_moved_on_since_the_form_was_shown_is_left_alone(actor, job):
    stage = actions.stage_of(job)
    a_transition(job, rings=False)
    with pytest.raises(NotAsked, match="has changed"):
        ask(job, "cancel", stage=stage)
    assert actor.posts() == []


def test_what_was_paused_and_resumed_may_be_paused_again_at_once(actor, job):
    ask(job, "pause")
    for state in ("paused", "running"):
        a_transition(job, to_state=state, rings=False)
    actor.runs()
    assert ask(job, "pause").verdict is Verdict.ACCEPTED


def test_the_log_has_the_asking_and_what_came_of_it(actor, job, log):
    ask(job, "cancel", log)
    assert log == [
        ("job cancel asked", "ftjob-one (lab)"),
        ("job cancel accepted", "ftjob-one (lab): cancelled"),
    ]


def test_what_is_not_offered_is_not_sent(actor, job):
    with pytest.raises(NotAsked, match="The job is running: there is nothing to resume"):
        ask(job, "resume")
    assert actor.posts() == []


def test_the_request_is_counted_with_the_connection(actor, job):
    ask(job, "cancel")
    assert RequestTally.objects.get().number == 1


def run(*arguments):
    out = StringIO()
    call_command("job_action", *arguments, stdout=out)
    return out.getvalue()


def exit_code_of(*arguments):
    with pytest.raises(CommandError) as ended:
        run(*arguments)
    return ended.value.returncode


def test_the_command_asks_the_provider_and_writes_the_log(actor, job):
    assert "accepted to cancel bell" in run("ftjob-one", "cancel", "--connection", "lab", "--yes")
    entries = AuditEntry.objects.for_team(job.team).order_by("pk")
    assert [entry.action for entry in entries] == ["job cancel asked", "job cancel accepted"]
    assert all("by a command" in entry.subject for entry in entries)


def test_the_command_sends_nothing_without_a_yes(actor, job):
    with pytest.raises(CommandError, match="--yes"):
        run("ftjob-one", "cancel")
    assert actor.posts() == []


def test_the_command_says_by_its_exit_code_what_came_of_it(actor, job):
    assert exit_code_of("ftjob-nobody", "cancel", "--yes") == 2
    assert exit_code_of("ftjob-one", "resume", "--yes") == 1
    actor.breaks("status", status=403)
    assert exit_code_of("ftjob-one", "pause", "--yes") == 1
    actor.running.desk.switchboard.remove()
    actor.breaks("status", status=504)
    assert exit_code_of("ftjob-one", "cancel", "--yes") == 3
