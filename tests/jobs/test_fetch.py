"""The questions about one job: how many, and when none."""

import pytest

from jobs.fetch import Errand, fetch
from outbound.secret import Secret
from providers.base import Account, connect
from providers.errors import Missing, NotReadable
from tests.provider_double import ProviderDouble


@pytest.fixture
def provider():
    double = ProviderDouble()
    yield double
    double.close()


@pytest.fixture
def ask(provider):
    account = Account("openai", provider.url, Secret("sk-any-key-0000"))
    return lambda errand, **options: fetch(connect(account), errand, **options)


def paths(provider):
    return [each["path"].rpartition("/")[2] for each in provider.requests()]


def test_a_waiting_job_that_did_not_change_costs_one_request(provider, ask):
    job_id = provider.serves(status="queued")
    first = ask(Errand(job_id))
    asked = len(provider.requests())
    ask(Errand(job_id, fingerprint=first.element.fingerprint))
    assert len(provider.requests()) == asked + 1


def test_a_running_job_is_asked_for_events_and_checkpoints(provider, ask):
    job_id = provider.serves(status="running", training_file=None)
    ask(Errand(job_id))
    assert paths(provider) == [job_id, "events", "checkpoints"]


def test_a_refused_capability_is_not_asked_again(provider, ask):
    job_id = provider.serves(status="running", training_file=None)
    ask(Errand(job_id, refused=frozenset({"events"})))
    assert paths(provider) == [job_id, "checkpoints"]


def test_files_that_are_done_are_not_fetched_again(provider, ask):
    job_id = provider.serves(status="succeeded", training_file="file-t", result_files=["file-r"])
    answer = ask(Errand(job_id, done_files=frozenset({"file-t", "file-r"})))
    assert answer.files == []


def test_a_chain_that_took_too_long_starts_no_further_request(provider, ask):
    job_id = provider.serves(status="running")
    ticks = iter([0.0, 21.0, 22.0, 23.0])
    answer = ask(Errand(job_id), clock=lambda: next(ticks))
    assert paths(provider) == [job_id]
    assert not answer.is_complete


def test_an_unknown_job_is_an_error_and_no_exception(ask):
    assert isinstance(ask(Errand("ftjob-nowhere")).error, Missing)


def test_an_answer_about_another_job_is_refused(provider, ask):
    job_id = provider.serves()
    provider.breaks("wrong-id", match=f"*/{job_id}", id="ftjob-other")
    answer = ask(Errand(job_id))
    assert answer.job is None
    assert isinstance(answer.error, NotReadable)


def test_a_broken_event_list_costs_the_events_only(provider, ask):
    job_id = provider.serves(status="running")
    provider.breaks("html", match="*/events*")
    answer = ask(Errand(job_id))
    assert answer.job is not None
    assert not answer.is_complete
