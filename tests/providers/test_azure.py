"""Azure's dialect, against the simulator that speaks it."""

import time

import pytest

from outbound.secret import Secret
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
