"""What a message says of cost: always as an estimate, with the day of its price, or nothing."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from alerts.announcing import announce
from alerts.message import Message, compose
from jobs.models import Price
from providers.states import State
from tests.alerts.house import the_delivery
from tests.alerts.test_message import DONE
from tests.builders import NOON, a_job, a_transition

DAY = date(2026, 11, 1)


def told(**facts) -> dict[str, str]:
    return dict(compose(replace(DONE, job=replace(DONE.job, **facts))).facts)


@pytest.mark.parametrize(
    ("facts", "label", "words"),
    [
        ({"cost_usd": 3.612993, "prices_of": DAY}, "Tokens", "1 204 331 · estimate $3.61 (prices of 2026-11-01)"),
        ({"cost_usd": 3.612993}, "Tokens", "1 204 331 · estimate $3.61"),
        ({}, "Tokens", "1 204 331"),
        ({"cost_usd": 0.0, "prices_of": DAY}, "Tokens", "1 204 331 · estimate $0.00 (prices of 2026-11-01)"),
        ({"trained_tokens": None, "cost_usd": 1255.0, "prices_of": DAY}, "Cost", "estimate $1 255.00 (prices of 2026-11-01)"),
        ({"cost_usd": 0.001, "prices_of": DAY}, "Tokens", "1 204 331 · estimate <$0.01 (prices of 2026-11-01)"),
    ],
)  # fmt: skip
def test_the_estimate_stands_beside_what_it_is_of(facts, label, words):
    assert told(**facts)[label] == words


def test_what_nobody_knows_is_left_out():
    found = told(trained_tokens=None)
    assert not {"Tokens", "Cost"} & found.keys()


def test_machines_get_the_number_and_the_day():
    found = compose(replace(DONE, job=replace(DONE.job, cost_usd=3.5, prices_of=DAY))).data["facts"]
    assert (found["cost_usd_estimate"], found["prices_of"]) == (3.5, "2026-11-01")
    found = compose(DONE).data["facts"]
    assert (found["cost_usd_estimate"], found["prices_of"]) == (None, None)


@pytest.fixture
def ended(house, receiver):
    house.hook(receiver)
    return a_job(
        house.connection,
        state=State.SUCCEEDED,
        created_at=NOON - timedelta(hours=1),
        ended_at=NOON,
        trained_tokens=1_000_000,
        cost_usd=3.0,
    )


def facts_sent() -> dict[str, str]:
    announce()
    return dict(Message.from_json(the_delivery().message).facts)


def test_the_day_is_that_of_the_price_that_was_used(ended):
    Price.objects.create(
        team=ended.team, base_model="gpt-4o-mini", usd=3, valid_from=date(2025, 5, 1), source="x"
    )
    a_transition(ended)
    assert facts_sent()["Tokens"] == "1 000 000 · estimate $3.00 (prices of 2025-05-01)"


def test_the_day_of_a_shipped_price_is_told_too(ended):
    a_transition(ended)
    assert facts_sent()["Tokens"].endswith("(prices of 2024-07-18)")
