"""Fireworks' shape, with ids and numbers of our own."""

import pytest

from providers.base import connect
from providers.fireworks import Fireworks
from providers.states import State
from providers.wire import Invalid

PARENT = "accounts/acme/supervisedFineTuningJobs"


def a_fireworks_job(**changes):
    return {
        "name": f"{PARENT}/bell7",
        "displayName": "bell",
        "createTime": "2025-10-09T08:53:20.123456Z",
        "completedTime": None,
        "dataset": "accounts/acme/datasets/tickets",
        "state": "JOB_STATE_RUNNING",
        "status": {"code": "OK", "message": ""},
        "createdBy": "maria@acme.test",
        "outputModel": "accounts/acme/models/bell",
        "baseModel": "accounts/fireworks/models/llama",
        "epochs": 3,
        "learningRate": 0.0001,
        "jobProgress": {"percent": 37},
        **changes,
    }


def read(**changes):
    return Fireworks.parse_job(a_fireworks_job(**changes))


def test_a_job_is_read_whole():
    job = read()
    assert (job.id, job.state, job.model) == (
        "bell7",
        State.RUNNING,
        "accounts/fireworks/models/llama",
    )
    assert (job.step, job.total_steps, job.suffix) == (37, 100, "bell")
    assert job.hyperparameters == {"n_epochs": 3, "learning_rate": 0.0001}
    assert job.metadata == {"createdBy": "maria@acme.test"}
    assert (job.error, job.fine_tuned_model, job.unreadable) == (None, None, ())


def test_an_end_names_the_model_and_the_time():
    job = read(state="JOB_STATE_COMPLETED", completedTime="2025-10-09T09:53:20Z")
    assert job.fine_tuned_model == "accounts/acme/models/bell"
    assert job.finished_at.timestamp() == 1760003600


def test_a_status_is_an_error_of_a_failed_job_only():
    status = {"code": "INTERNAL", "message": "Node lost"}
    error = read(state="JOB_STATE_FAILED", status=status).error
    assert (error.code, error.message) == ("INTERNAL", "Node lost")
    assert read(status=status).error is None


def test_keys_and_signed_addresses_are_not_kept():
    raw = a_fireworks_job(
        wandbConfig={"enabled": True, "apiKey": "wandb-key-1", "project": "p"},
        metricsFileSignedUrl="https://storage.test/x?signature=1",
    )
    element = Fireworks.parse_element(raw)
    assert "wandb-key-1" not in str(element.raw)
    assert "signature" not in str(element.raw)
    job = Fireworks.parse_job(element.raw)
    assert job.integrations == ({"type": "wandb", "wandb": {"project": "p"}},)


def test_a_signed_address_that_changes_is_no_change():
    first, second = (
        Fireworks.parse_element(a_fireworks_job(trainerLogsSignedUrl=f"https://x/{n}"))
        for n in range(2)
    )
    assert first.fingerprint == second.fingerprint


def test_a_list_is_paged_by_its_token(httpserver, account):
    path = f"/v1/{PARENT}"
    pages = {
        "pageSize=1": {"supervisedFineTuningJobs": [a_fireworks_job()], "nextPageToken": "t/=1"},
        "pageSize=1&pageToken=t%2F%3D1": {
            "supervisedFineTuningJobs": [a_fireworks_job(name=f"{PARENT}/bell6")],
            "nextPageToken": "",
        },
    }
    for query, body in pages.items():
        httpserver.expect_request(path, query_string=query).respond_with_json(body)
    base_url = httpserver.url_for("/v1/accounts/acme")
    provider = connect(account(dialect="fireworks", base_url=base_url))
    first = provider.list_jobs(limit=1)
    second = provider.list_jobs(first.last_id, limit=1)
    assert [item.id for item in (*first.items, *second.items)] == ["bell7", "bell6"]
    assert (first.has_more, second.has_more) == (True, False)


@pytest.mark.parametrize("name", [None, "", "accounts/acme/", 5, "a/b c", "a/" + "x" * 200])
def test_a_job_without_a_readable_name_is_refused(name):
    raw = a_fireworks_job(name=name)
    assert isinstance(Fireworks.parse_element(raw), Invalid)
    assert isinstance(Fireworks.parse_job(raw), Invalid)
