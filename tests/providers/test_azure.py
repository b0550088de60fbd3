"""Azure's dialect, against the simulator that speaks it."""

import time

import pytest

from outbound.secret import Secret
from providers import errors
from providers.base import Account, connect
from providers.states import State
from simulator.population import World
from simulator.serving import serve_in_thread


@pytest.fixture
def azure():
    world = World(seed=7, epoch=time.time(), speed=60, profile="azure", population="demo")
    running = serve_in_thread(world)
    yield connect(
        Account(
            "azure",
            f"{running.origin}/openai",
            Secret("azure-key-0000"),
            auth_header="api-key",
            extra_query={"api-version": "2024-10-21"},
        )
    )
    running.close()


def test_every_job_of_an_azure_resource_is_read_without_an_unknown_word(azure):
    listed = azure.list_jobs()
    states = {azure.read_job(item).state for item in listed.items}
    assert len(listed.items) > 10
    assert State.UNKNOWN not in states


def test_minus_one_is_auto(azure):
    jobs = [azure.read_job(item) for item in azure.list_jobs().items]
    values = {value for job in jobs for value in job.hyperparameters.values()}
    assert "auto" in values
    assert -1 not in values


@pytest.mark.parametrize(
    ("path", "query", "sent"),
    [
        ("/openai", {}, {"api-version": "2024-10-21"}),
        ("/openai/", {"api-version": "2025-03-01"}, {"api-version": "2025-03-01"}),
        ("/openai/v1", {}, {}),
        ("/openai/v1", {"api-version": "preview"}, {"api-version": "preview"}),
    ],
)
def test_the_classic_api_always_gets_a_version(path, query, sent, httpserver, account):
    base_url = httpserver.url_for(path)
    httpserver.expect_request(path.rstrip("/") + "/fine_tuning/jobs").respond_with_json(
        {"data": []}
    )
    connect(account(dialect="azure", base_url=base_url, extra_query=query)).list_jobs()
    assert httpserver.log[0][0].args.to_dict() == {**sent, "limit": "100"}


@pytest.mark.parametrize(
    ("path", "actions"),
    [("/openai", {"cancel"}), ("/openai/v1", {"cancel", "pause", "resume"})],
)
def test_only_v1_can_pause_and_resume(path, actions, account):
    provider = connect(account(dialect="azure", base_url=f"https://r.openai.azure.com{path}"))
    assert provider.actions == actions


def test_azures_own_request_id_is_kept(httpserver, account):
    httpserver.expect_request("/v1/fine_tuning/jobs").respond_with_data(
        "", 500, {"apim-request-id": "apim-7"}
    )
    with pytest.raises(errors.ServerTrouble) as error:
        connect(account(dialect="azure")).list_jobs()
    assert error.value.request_id == "apim-7"
