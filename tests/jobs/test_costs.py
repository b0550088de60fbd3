"""What a job costs, from facts and dated prices alone."""

import doctest
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs import costs
from jobs.costs import HOUR, TOKENS, Estimate, Facts, Move, PriceList, PriceRow, Stage, Unknown, Why
from jobs.price_table import SHIPPED, VERSION
from providers.base import dialects
from providers.states import State
from tests.builders import NOON

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY = date(2026, 1, 1)
MINI = "gpt-4o-mini-2024-07-18"


def a_price(usd="3", **facts) -> PriceRow:
    said = {"dialect": "", "base_model": "gpt-4o-mini", "method": "", "unit": TOKENS}
    said |= {"valid_from": date(2025, 1, 1), "source": "a contract", **facts}
    return PriceRow(usd=Decimal(usd), **said)


def a_job(**facts) -> Facts:
    said = {"dialect": "openai", "base_model": MINI, "method": "supervised"}
    return Facts(**{**said, "state": State.SUCCEEDED, "ended_at": NOON, **facts})


def estimated(*prices: PriceRow, now=NOW, **facts):
    return costs.estimate(a_job(**facts), PriceList(prices), now)


BY_HOUR = {"base_model": "o4-mini", "method": "reinforcement", "unit": HOUR, "usd": "100"}
RFT = {"base_model": "o4-mini-2025-04-16", "method": "reinforcement"}


@pytest.mark.parametrize(
    ("price", "facts", "usd"),
    [
        ({}, {"trained_tokens": 1_204_331}, 3.612993),  # 1.204331 M × 3
        ({"usd": "25"}, {"trained_tokens": 40_000, "method": "dpo"}, 1.0),  # 0.04 M × 25
        ({"usd": "0.4"}, {"trained_tokens": 1, "method": None}, 0.0000004),  # 0.000001 M × 0.4
        ({}, {"trained_tokens": 500_000, "state": State.CANCELLED}, 1.5),  # 0.5 M × 3
        (BY_HOUR, {**RFT, "trained_s": 7200.0}, 200.0),  # 2 h × 100
        (BY_HOUR, {**RFT, "trained_s": 9180.0, "trained_tokens": 9}, 255.0),  # 2.55 h × 100
        ({"unit": HOUR, "usd": "2.5"}, {"trained_s": 1800.0}, 1.25),  # 0.5 h × 2.5
        ({"usd": "0"}, {}, 0.0),  # whatever it used
    ],
)
def test_what_an_ended_job_has_cost(price, facts, usd):
    found = estimated(a_price(**price), **facts)
    assert isinstance(found, Estimate)
    assert math.isclose(found.usd, usd)
    assert found.stage is Stage.FINAL


@pytest.mark.parametrize(
    ("facts", "stage", "usd"),
    [
        # 0.3 M so far at 25 % are 1.2 M in all, × 3
        ({"trained_tokens": 300_000, "progress": 0.25}, Stage.PROJECTED, 3.6),
        ({"trained_tokens": 300_000}, Stage.SO_FAR, 0.9),  # 0.3 M × 3
        ({"trained_tokens": 300_000, "progress": 0.001}, Stage.SO_FAR, 0.9),  # too early to tell
        ({"trained_tokens": 300_000, "progress": 1.0}, Stage.PROJECTED, 0.9),
    ],
)
def test_what_a_running_job_will_have_cost(facts, stage, usd):
    found = estimated(a_price(), state=State.RUNNING, ended_at=None, **facts)
    assert (found.stage, found.is_projection) == (stage, stage is Stage.PROJECTED)
    assert math.isclose(found.usd, usd)


def test_a_reinforcement_job_is_projected_from_its_time():
    facts = {**RFT, "trained_s": 3600.0, "progress": 0.5}  # 1 h at 50 % is 2 h, × 100
    found = estimated(a_price(**BY_HOUR), state=State.RUNNING, **facts)
    assert (found.usd, found.is_projection) == (200.0, True)


@pytest.mark.parametrize(
    ("prices", "facts", "why"),
    [
        ([], {"trained_tokens": 5}, Why.NO_PRICE),
        ([a_price()], {"base_model": ""}, Why.NO_MODEL),
        ([a_price()], {"ended_at": None}, Why.NO_DAY),
        ([a_price()], {}, Why.NO_TOKENS),
        ([a_price()], {"trained_tokens": 0}, Why.NO_TOKENS),
        ([a_price()], {"trained_tokens": -5}, Why.NO_TOKENS),
        ([a_price()], {"state": State.FAILED}, Why.NO_TOKENS),
        ([a_price()], {"state": State.RUNNING}, Why.AT_END),
        ([a_price()], {"state": State.RUNNING, "trained_tokens": 0, "progress": 0.5}, Why.AT_END),
        ([a_price()], {"state": State.QUEUED}, Why.NOT_YET),
        ([a_price(**BY_HOUR)], {**RFT, "trained_tokens": 7}, Why.NO_TIME),
        # by tokens for any method is no price of reinforcement
        ([a_price(base_model="o4-mini")], {**RFT, "trained_tokens": 7}, Why.NO_PRICE),
    ],
)  # fmt: skip
def test_what_is_not_known_has_a_reason_and_no_number(prices, facts, why):
    assert estimated(*prices, **facts) == Unknown(why)


def test_the_examples_in_the_words_of_the_module_hold():
    failed, tried = doctest.testmod(costs)
    assert (failed, tried > 0) == (0, True)


def test_free_is_nothing_and_unknown_is_not():
    free = a_price("0", base_model="*")
    assert estimated(free, base_model="my-own-model").usd == 0
    assert estimated(free, state=State.QUEUED).is_projection
    assert isinstance(estimated(), Unknown)


@pytest.mark.parametrize(
    ("prices", "day", "usd"),
    [
        # the newest that holds on the day
        ([a_price("3"), a_price("4", valid_from=DAY)], DAY, 4),
        ([a_price("3"), a_price("4", valid_from=DAY)], DAY - timedelta(days=1), 3),
        ([a_price("3", valid_from=DAY)], DAY - timedelta(days=1), None),
        # own before shipped, however it is dated; shipped until the own one begins
        ([a_price("9", key=1), a_price("3", valid_from=DAY)], DAY, 9),
        ([a_price("9", key=1, valid_from=DAY), a_price("3")], DAY - timedelta(days=1), 3),
        # the more specific one, however old
        ([a_price("1", base_model="*", valid_from=DAY), a_price("3")], DAY, 3),
        ([a_price("1", base_model="gpt-*", valid_from=DAY), a_price("3")], DAY, 3),
        ([a_price("1", base_model="*"), a_price("2", base_model="gpt-*")], DAY, 2),
        ([a_price("3", valid_from=DAY), a_price("4", base_model=MINI)], DAY, 4),
        ([a_price("3", valid_from=DAY), a_price("4", dialect="openai")], DAY, 4),
        ([a_price("3", valid_from=DAY), a_price("4", method="supervised")], DAY, 4),
        # what is of another provider or method is no price of it
        ([a_price("4", dialect="azure"), a_price("5", method="dpo")], DAY, None),
        # of two units on one day the usual one of the method
        ([a_price("5", unit=HOUR), a_price("6")], DAY, 6),
    ],
)
def test_which_price_counts(prices, day, usd):
    for shuffled in (prices, prices[::-1]):
        found = PriceList(shuffled).find("openai", MINI, "supervised", day)
        assert (found and float(found.usd)) == usd


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06", True),
        ("gpt-4o", "gpt-4o", True),
        ("GPT-4o", "gpt-4o", True),
        ("gpt-4o", "gpt-4o-mini", False),
        ("gpt-3.5-turbo", "gpt-3.5-turbo-0125", True),
        ("gpt-3.5-turbo", "gpt-3.5-turbo-16k-0613", False),
        ("gpt-4o-mini", f"ft:{MINI}:acme::9xYz", True),
        ("gpt-4o-mini", f"{MINI}.ft-0a1b2c", True),
        ("gpt-4o-mini", "ft:gpt-4o-2024-08-06:acme", False),
        ("meta-llama/*", "meta-llama/Llama-3.1-8B-Instruct", True),
        ("*", "\u202e<b>", True),
    ],
)
def test_which_models_a_price_is_of(pattern, name, expected):
    assert costs.is_model(pattern, name) is expected


def test_the_sum_is_said_in_words():
    found = estimated(a_price(), trained_tokens=1_204_331)
    assert found.basis == "1\u2009204\u2009331 tokens × $3.00 per 1 M tokens"
    found = estimated(a_price(**BY_HOUR), **RFT, trained_s=7500.0)
    assert found.basis == "2 h 05 min of training × $100.00 per hour"
    assert found.caveat == "graders that are models are billed besides"
    found = estimated(a_price(), trained_tokens=5, state=State.FAILED)
    assert found.caveat == "what it used until then may be billed"


# How long it trained.
RUN, OVER = "running", "succeeded"
START = NOON


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("moves", "end", "minutes"),
    [
        # measured: the wait before does not count
        ([Move("queued", RUN, at(9), 540.0), Move(RUN, OVER, at(69), 3600.0)], at(69), 60),
        # not measured: from move to move
        ([Move("queued", RUN, at(9)), Move(RUN, OVER, at(49))], at(49), 40),
        # a pause does not count: 10 + 20
        ([Move("queued", RUN, at(0)), Move(RUN, "paused", at(10), 600.0), Move("paused", RUN, at(30)), Move(RUN, OVER, at(50), 1200.0)], at(50), 30),
        # still running
        ([Move("queued", RUN, at(5), 300.0)], at(15), 10),
        # at work already when it was first seen
        ([Move("", RUN, at(0)), Move(RUN, OVER, at(30))], at(30), None),
        ([Move("", RUN, at(0))], at(30), None),
        # ... but so young that its whole stay was measured
        ([Move("", RUN, at(0)), Move(RUN, OVER, at(30), 1800.0)], at(30), 30),
        # never ran, never seen
        ([Move("", "failed", at(0))], at(0), None),
        ([], at(0), None),
        # clocks that disagree
        ([Move("queued", RUN, at(9)), Move(RUN, OVER, at(8))], at(8), 0),
    ],
)  # fmt: skip
def test_how_long_it_trained(moves, end, minutes):
    found = costs.trained_s(moves, end)
    assert found == (None if minutes is None else minutes * 60)


WHOLE = st.none() | st.integers(-(2**63), 2**63 - 1)
SPAN = st.none() | st.integers(-(10**9), 10**9).map(lambda ms: ms / 1000)


ANY_JOB = st.builds(
    dict,
    trained_tokens=WHOLE,
    trained_s=SPAN,
    progress=st.none() | st.floats(0, 1, exclude_min=True),
    state=st.sampled_from(State),
    method=st.sampled_from([None, "supervised", "dpo", "reinforcement", "grpo"]),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    facts=ANY_JOB,
    unit=st.sampled_from([TOKENS, HOUR]),
    usd=st.decimals("0.0001", "1000000", places=4),
)
def test_no_cost_is_negative_and_what_has_a_price_is_never_free(facts, unit, usd):
    found = estimated(a_price(usd, unit=unit), **facts)
    assert isinstance(found, Unknown) or 0 < found.usd < math.inf


def test_the_shipped_prices_are_dated_sourced_and_none_stands_twice():
    keys = [(r.dialect, r.base_model, r.method, r.unit, r.valid_from) for r in SHIPPED]
    assert len(set(keys)) == len(SHIPPED) >= 10
    for row in SHIPPED:
        assert row.dialect in dialects()
        assert row.usd > 0
        assert row.source
        assert row.url.startswith("https://")
        assert date(2023, 1, 1) < row.valid_from <= date.fromisoformat(VERSION)
        assert row.key is None


@pytest.mark.parametrize(
    ("model", "method", "price"),
    [
        ("gpt-4.1-2025-04-14", "supervised", "$25.00 per 1 M tokens"),
        ("gpt-4.1-nano-2025-04-14", "dpo", "$1.50 per 1 M tokens"),
        (MINI, "supervised", "$3.00 per 1 M tokens"),
        ("gpt-3.5-turbo-0125", None, "$8.00 per 1 M tokens"),
        ("babbage-002", None, "$0.40 per 1 M tokens"),
        ("o4-mini-2025-04-16", "reinforcement", "$100.00 per hour"),
        ("o4-mini-2025-04-16", "supervised", None),
        ("gpt-5", "supervised", None),
    ],
)
def test_the_shipped_price_of(model, method, price):
    found = PriceList(SHIPPED).find("openai", model, method, NOW.date())
    assert (found and found.words) == price
