from __future__ import annotations

import time

import httpx
import pytest
from openai import DefaultHttpxClient, OpenAI

from simulator.population import World
from simulator.serving import Options, serve_in_thread

FAST = 1e6


@pytest.fixture
def simulator():
    world = World(seed=7, epoch=time.time(), speed=FAST, population="empty")
    running = serve_in_thread(world)
    yield running
    running.close()


@pytest.fixture
def http(simulator):
    with httpx.Client(
        base_url=simulator.origin, trust_env=False, verify=False, timeout=10
    ) as client:
        yield client


@pytest.fixture
def locked():
    """A simulator that lets one key in."""
    world = World(seed=7, epoch=time.time(), speed=FAST, population="empty")
    running = serve_in_thread(world, Options(key="sk-right-key-000001"))
    yield running
    running.close()


@pytest.fixture
def openai_client(simulator):
    with DefaultHttpxClient(trust_env=False, verify=False) as transport:
        yield OpenAI(
            base_url=simulator.base_url, api_key="sk-any", http_client=transport, max_retries=0
        )
