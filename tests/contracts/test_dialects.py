"""Every dialect passes one suite against the simulator that speaks it."""

import dataclasses
import time
from dataclasses import dataclass, field

import pytest

from jobs.models import Job, Transition
from jobs.tracking import add_job
from outbound import policy
from outbound.client import Limits, close_clients
from outbound.secret import Secret
from providers import errors, http
from providers.base import Account, connect, dialects, pages
from providers.states import State
from simulator import editing
from simulator.faults import read_rule
from simulator.population import World
from simulator.serving import Options, serve_in_thread
from simulator.spec import Spec
from tests.builders import a_connection

KEY = "sk-contract-0123456789"
CREATED_S_AGO = 1000.0
FAILURE = {"code": "invalid_training_file", "message": "Line 7 is not JSON.", "param": None}


@dataclass(frozen=True)
class Case:
    """A dialect, the profile it is held against and where that is."""

    dialect: str
    profile: str
    path: str = "/v1"
    missing: frozenset = frozenset()
    account: dict = field(default_factory=dict)

    @property
    def name(self):
        return self.dialect + self.path.replace("/", "-") + ("-bare" if self.missing else "")


CASES = [
    Case("openai", "openai"),
    Case("azure", "azure", "/openai", account={"auth_header": "api-key"}),
    Case("azure", "azure", "/openai/v1", account={"auth_header": "api-key"}),
    Case("nebius", "nebius"),
    Case("generic", "openai", account={"extra_headers": {"x-portkey-provider": "@openai"}}),
    Case(
        "generic",
        "generic",
        missing=frozenset({"list", "events", "checkpoints", "files", "models", "results"}),
    ),
    Case("mistral", "mistral", missing=frozenset({"results"})),
    Case("together", "together", missing=frozenset({"results"})),
    Case(
        "fireworks",
        "fireworks",
        "/v1/accounts/acme",
        frozenset({"events", "checkpoints", "files", "results"}),
    ),
]


class Pair:
    """A provider and the simulator it asks."""

    def __init__(self, case, running):
        self.case, self.running = case, running
        self.ledger = running.desk.ledger
        self.traffic = []
        self.account = Account(
            case.dialect, running.origin + case.path, Secret(KEY), **case.account
        )
        self.provider = connect(self.account, self.traffic.append)

    def has(self, part):
        return part not in self.case.missing

    def a_job(self, name="ftjob-one", age_s=CREATED_S_AGO, running_s=10_000.0, **members):
        """A job that has been running for a while."""
        members = {"running_s": running_s, "suffix": "bell-v1", "queued_s": 30.0, **members}
        return self.ledger.keep(
            Spec(
                id=name,
                created_at=time.time() - age_s,
                seed=3,
                profile=self.case.profile,
                training_file="file-train",
                validation_file="file-valid",
                **members,
            )
        )

    def end(self, spec, outcome, error=None):
        return self.ledger.keep(editing.finish(spec, time.time(), outcome, error))

    def go_wrong(self, kind, path="*", **members):
        rule = {"match": path, "fault": {"kind": kind, **members}}
        self.running.desk.switchboard.add(read_rule(rule))

    def read(self, job_id="ftjob-one"):
        return self.provider.read_job(self.provider.retrieve_job(job_id))


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def pair(request):
    before = policy.current()
    policy.configure(policy.Policy(allow=policy.parse_allowances("127.0.0.0/8")))
    world = World(seed=7, epoch=time.time(), population="empty", profile=request.param.profile)
    running = serve_in_thread(world, Options(key=KEY))
    yield Pair(request.param, running)
    running.close()
    close_clients()
    policy.configure(before)


def test_every_dialect_is_held_against_a_simulator():
    assert {case.dialect for case in CASES} == set(dialects())


def test_all_jobs_are_discovered_page_by_page(pair):
    for number in range(7):
        pair.a_job(f"ftjob-{number}", age_s=100.0 + number)
    found = [
        item.id
        for page in pages(lambda after: pair.provider.list_jobs(after, limit=3), cap=None)
        for item in page.items
    ]
    assert found == ([f"ftjob-{number}" for number in range(7)] if pair.has("list") else [])
    assert pair.provider.has_list == pair.has("list")


def test_a_list_that_never_ends_is_left(pair):
    job = {"id": "ftjob-one", "name": "accounts/acme/x/ftjob-one", "status": "running"}
    endless = {"data": [job], "has_more": True, "total": 10**9}
    endless |= {"supervisedFineTuningJobs": [job], "nextPageToken": "again"}
    pair.go_wrong("status", status=200, body=endless)
    listing = pages(pair.provider.list_jobs, cap=None)
    assert [item.id for page in listing for item in page.items] == ["ftjob-one"]
    assert len(pair.traffic) <= 2


def test_one_unreadable_job_does_not_lose_the_page(pair):
    good = {"id": "ftjob-one", "name": "accounts/acme/x/ftjob-one", "status": "running"}
    listed = [good, {"id": 5, "name": None}, "x"]
    body = {"data": listed, "supervisedFineTuningJobs": listed, "total": 3}
    pair.go_wrong("status", status=200, body=body)
    page = pair.provider.list_jobs()
    assert ([item.id for item in page.items], page.skipped) == (["ftjob-one"], 2)


def test_a_list_without_jobs_is_empty(pair):
    page = pair.provider.list_jobs()
    assert (page.items, page.has_more, page.skipped) == ((), False, 0)


def test_a_job_is_retrieved_and_read_whole(pair):
    pair.a_job(model="acme-7b")
    element = pair.provider.retrieve_job("ftjob-one")
    job = pair.provider.read_job(element)
    assert (job.id, job.state) == ("ftjob-one", State.RUNNING)
    assert job.model.endswith("acme-7b")
    assert job.training_file.endswith("file-train")
    assert abs(job.created_at.timestamp() - time.time() + CREATED_S_AGO) < 60
    assert (job.unreadable, job.error, job.fine_tuned_model) == ((), None, None)
    assert job.raw == element.raw
    assert type(pair.provider).parse_job(element.raw) == job


def test_an_unchanged_job_keeps_its_fingerprint(pair):
    pair.a_job(running_s=1e9)
    first, second = (pair.provider.retrieve_job("ftjob-one") for _ in range(2))
    assert first.fingerprint == second.fingerprint


def test_an_answer_about_another_job_is_refused(pair):
    other = "accounts/acme/supervisedFineTuningJobs/ftjob-two"
    body = {"id": "ftjob-two", "name": other, "status": "running", "state": "JOB_STATE_RUNNING"}
    pair.go_wrong("status", status=200, body=body)
    with pytest.raises(errors.NotReadable, match="another job"):
        pair.provider.retrieve_job("ftjob-one")


def test_a_job_is_followed_to_its_end_and_every_word_is_known(pair):
    spec = pair.a_job(age_s=1.0, validating_s=100.0, queued_s=100.0)
    states = [pair.read().state]
    for _ in range(3):
        spec = pair.ledger.keep(editing.advance(spec, time.time()))
        states.append(pair.read().state)
    first, *rest = states
    assert first in {State.VALIDATING, State.QUEUED}
    assert rest == [State.QUEUED, State.RUNNING, State.SUCCEEDED]


def test_a_cancelled_job_is_cancelled(pair):
    pair.end(pair.a_job(), "cancelled")
    assert pair.read().state is State.CANCELLED


def test_a_success_names_its_model_and_its_end(pair):
    pair.end(pair.a_job(), "succeeded")
    job = pair.read()
    assert (job.state, job.error) == (State.SUCCEEDED, None)
    if pair.case.profile != "generic":
        assert job.fine_tuned_model
        assert abs(job.finished_at.timestamp() - time.time()) < 60


def test_a_failure_says_why(pair):
    pair.end(pair.a_job(), "failed", FAILURE)
    job = pair.read()
    assert job.state is State.FAILED
    assert job.error.message == FAILURE["message"]


def test_events_are_read_once_each_and_carry_points(pair):
    pair.a_job()
    listing = pages(lambda after: pair.provider.list_events("ftjob-one", after, limit=10))
    found = [event for page in listing for event in page.items]
    ids = [event.id for event in found]
    assert len(ids) == len(set(ids))
    assert bool(found) == pair.has("events")
    again = pair.provider.list_events("ftjob-one")
    assert {event.id for event in again.items} <= set(ids)
    if pair.has("events"):
        assert all(event.created_at and event.message for event in found)
        assert {event.level for event in found} <= {"info", "warn", "error"}


def test_curves_come_from_events_checkpoints_or_not_at_all(pair):
    pair.end(pair.a_job(), "succeeded")
    spots = [*pair.provider.list_events("ftjob-one").items]
    spots += pair.provider.list_checkpoints("ftjob-one").items
    names = {point.metric for spot in spots for point in spot.points}
    assert ("train_loss" in names) == pair.has("events")


def test_checkpoints_are_read_or_there_are_none(pair):
    pair.end(pair.a_job(), "succeeded")
    found = pair.provider.list_checkpoints("ftjob-one").items
    assert bool(found) == pair.has("checkpoints")
    assert len({checkpoint.id for checkpoint in found}) == len(found)
    assert all(checkpoint.step and checkpoint.created_at for checkpoint in found)


def test_a_result_file_is_read_or_there_is_none(pair):
    pair.end(pair.a_job(), "succeeded")
    files = pair.read().result_files
    assert bool(files) == pair.has("results")
    for file_id in files:
        assert pair.provider.file(file_id).bytes == len(pair.provider.file_content(file_id))


def test_the_training_file_is_known_where_there_are_files(pair):
    if not pair.has("files"):
        pair.a_job()
        assert pair.provider.has_files is False or pair.case.dialect == "generic"
        return
    pair.a_job()
    assert pair.provider.file("file-train").filename == "bell-v1-train.jsonl"


def test_a_rejected_key_is_told_apart(pair):
    pair.a_job()
    pair.running.desk.doorman.revoked.add(KEY)
    with pytest.raises(errors.KeyRejected) as error:
        pair.provider.retrieve_job("ftjob-one")
    assert (error.value.retryable, KEY in error.value.message) == (False, False)


def test_what_is_forbidden_names_the_capability(pair):
    pair.go_wrong("status", status=403, body={"error": {"message": "Missing scopes"}})
    with pytest.raises(errors.Forbidden) as error:
        pair.provider.list_jobs()
    assert (error.value.capability, error.value.retryable) == ("jobs", False)


def test_a_missing_job_is_missing_and_not_failed(pair):
    with pytest.raises(errors.Missing) as error:
        pair.provider.retrieve_job("ftjob-none")
    assert (error.value.status, error.value.retryable) == (404, False)


def test_a_limit_says_how_long_to_wait(pair):
    pair.go_wrong("status", status=429, headers={"Retry-After": "7"})
    with pytest.raises(errors.RateLimited) as error:
        pair.provider.retrieve_job("ftjob-one")
    assert error.value.retry_after == 7
    assert (pair.traffic[-1].status, pair.traffic[-1].retry_after) == (429, 7)


def test_a_web_page_is_not_readable(pair):
    pair.go_wrong("html")
    for ask in (pair.provider.list_jobs, lambda: pair.provider.retrieve_job("ftjob-one")):
        with pytest.raises(errors.NotReadable, match="HTML"):
            ask()


@pytest.mark.parametrize("kind", ["huge", "gzip-bomb"])
def test_an_answer_without_measure_is_cut(kind, pair):
    pair.go_wrong(kind, bytes=8 * 1024 * 1024)
    with pytest.raises(errors.NotReadable, match="larger"):
        pair.provider.list_jobs()


@pytest.mark.parametrize("kind", ["garbage", "empty", "not-an-object", "truncated"])
def test_an_answer_that_is_none_is_trouble_and_not_a_crash(kind, pair):
    pair.a_job()
    pair.go_wrong(kind)
    with pytest.raises((errors.NotReadable, errors.Unreachable)) as error:
        pair.provider.retrieve_job("ftjob-one")
    assert error.value.retryable


def test_a_redirect_is_not_followed(pair):
    pair.go_wrong("redirect")
    with pytest.raises(errors.Redirected):
        pair.provider.list_jobs()
    assert len(pair.traffic) == 1


def test_a_server_that_hangs_is_left_at_the_deadline(pair, monkeypatch):
    monkeypatch.setattr(http, "JOB_LIMITS", Limits(deadline_s=0.2, read_s=0.2))
    pair.go_wrong("hang")
    with pytest.raises(errors.Unreachable, match="too long"):
        pair.provider.get("/models", "models", limits=http.JOB_LIMITS)
    assert (pair.traffic[-1].status, pair.traffic[-1].capability) == (None, "models")


PAUSING = [case for case in CASES if case.name in {"openai-v1", "azure-openai-v1", "generic-v1"}]


@pytest.mark.parametrize("pair", PAUSING, indirect=True, ids=lambda case: case.name)
def test_a_job_is_paused_and_resumed(pair):
    pair.a_job()
    paused, resumed = (
        pair.provider.read_job(pair.provider.act("ftjob-one", action)).state
        for action in ("pause", "resume")
    )
    assert (paused, resumed) == (State.PAUSED, State.QUEUED)


def test_pausing_is_offered_by_the_dialects_that_have_it(pair):
    assert ("pause" in pair.provider.actions) == (pair.case in PAUSING or not pair.has("list"))


def test_cancelling_ends_a_job_with_every_dialect(pair):
    pair.a_job()
    element = pair.provider.act("ftjob-one", "cancel")
    assert element.id == "ftjob-one"
    assert pair.read().state is State.CANCELLED


def test_an_action_the_dialect_lacks_is_never_sent(pair):
    for action in ("delete", *({"cancel", "pause", "resume"} - pair.provider.actions)):
        with pytest.raises(errors.BadRequest, match=action):
            pair.provider.act("ftjob-one", action)
    assert pair.traffic == []


def test_a_refused_action_is_shown_and_not_retryable(pair):
    pair.end(pair.a_job(), "succeeded")
    with pytest.raises(errors.BadRequest, match="cannot change any more"):
        pair.provider.act("ftjob-one", "cancel")
    pair.go_wrong("status", status=409, body={"error": {"message": "It is being saved"}})
    with pytest.raises(errors.Conflict, match="being saved") as error:
        pair.provider.act("ftjob-one", "cancel")
    assert not error.value.retryable


@pytest.mark.parametrize(
    ("kind", "members"), [("reset", {}), ("truncated", {}), ("status", {"status": 502})]
)
def test_an_action_without_an_answer_leaves_the_outcome_unknown(pair, kind, members):
    pair.a_job()
    pair.go_wrong(kind, **members)
    with pytest.raises(errors.OutcomeUnknown) as error:
        pair.provider.act("ftjob-one", "cancel")
    assert not error.value.retryable
    posts = [told for told in pair.traffic if told.method == "POST"]
    assert len(posts) == 1


def test_models_and_limits_are_told_where_there_are_some(pair):
    pair.a_job()
    if pair.has("models"):
        assert len(pair.provider.models()) > 3
    else:
        with pytest.raises(errors.Missing):
            pair.provider.models()
    limits = pair.provider.limits()
    assert limits == () or limits[0].numbers["active_jobs"] == 1


def test_every_request_is_told_with_what_it_cost(pair):
    pair.a_job()
    pair.provider.retrieve_job("ftjob-one")
    told = pair.traffic[0]
    assert (told.status, told.capability, told.method) == (200, "jobs", "GET")
    assert told.elapsed_s > 0
    assert told.at.tzinfo is not None
    assert len(pair.traffic) == pair.provider.requests_made == 1


def test_the_test_of_a_good_connection_finds_nothing_wrong(pair):
    pair.a_job()
    checks = pair.provider.check()
    if pair.case.profile == "generic":
        assert [check.ok for check in checks] == [False, False]
        assert "check the base URL" in checks[0].detail
    else:
        assert [check.capability for check in checks if not check.ok] == []


def test_every_dialect_has_what_the_form_shows(pair):
    kind = type(pair.provider)
    assert kind.label
    assert kind.help.endswith(".")
    assert kind.default_base_url.startswith("https://") or kind.name == "generic"
    assert ("experimental" in kind.label) == kind.is_experimental


def test_an_account_can_be_told_to_use_no_key(pair):
    pair.running.desk.doorman.required = None
    pair.a_job()
    provider = connect(dataclasses.replace(pair.account, api_key=None))
    assert provider.retrieve_job("ftjob-one").id == "ftjob-one"


@pytest.mark.django_db(transaction=True)
def test_a_job_is_watched_to_its_end_and_rings_once(pair, poll):
    spec = pair.a_job()
    account = {name: getattr(pair.account, name) for name in ("dialect", "base_url", "auth_header")}
    connection = a_connection(key=KEY, extra_headers=dict(pair.account.extra_headers), **account)
    add_job(connection, "ftjob-one")
    poll()
    pair.end(spec, "failed", FAILURE)
    poll(2)
    job = Job.objects.get(connection=connection)
    assert (job.state, job.error_message) == ("failed", FAILURE["message"])
    assert bool(job.events.count()) == pair.has("events")
    assert Transition.objects.filter(job=job, rings=True).count() == 1
