"""How fast a connection may be asked, without a database."""

import doctest
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import manners
from providers.ratelimits import RateLimits
from tests.builders import NOON

HALF_A_DAY = timedelta(hours=12)


def sent(cap: int, pauses_ms: list[int], cost: int = 1) -> list:
    """When requests go out if somebody wants to ask after each of these pauses."""
    rate, now, gate, times = manners.rate_of(cap), NOON, None, []
    for pause in pauses_ms:
        now += timedelta(milliseconds=pause)
        if manners.free_questions(gate, now, rate, cost):
            gate = manners.after_requests(gate, now, rate, cost)
            times += [now] * cost
    return times


@given(st.integers(1, 600), st.lists(st.integers(0, 20_000), max_size=200))
def test_no_minute_has_more_requests_than_the_cap(cap, pauses_ms):
    times = sent(cap, pauses_ms)
    for first in times:
        assert sum(first <= at < first + manners.WINDOW for at in times) <= cap


@given(st.integers(18, 600), st.lists(st.integers(0, 20_000), max_size=100))
def test_questions_of_several_requests_keep_to_the_cap_too(cap, pauses_ms):
    times = sent(cap, pauses_ms, cost=3)
    for first in times:
        assert sum(first <= at < first + manners.WINDOW for at in times) <= cap


@pytest.mark.parametrize("cap", [1, 2, 5, 17])
def test_a_question_larger_than_the_burst_begins_all_the_same(cap):
    assert len(sent(cap, [1], cost=3)) == 3


@pytest.mark.parametrize("cap", [1, 7, 60, 6000])
def test_somebody_who_always_asks_gets_most_of_the_cap(cap):
    per_minute = len(sent(cap, [10] * 12_000)) / 2
    assert 0.8 * cap <= per_minute <= 1.5 * cap


def test_the_example_of_a_rate_is_true():
    assert doctest.testmod(manners).failed == 0


def test_a_refund_opens_the_gate_sooner():
    rate = manners.rate_of(6)
    closed = manners.after_requests(NOON, NOON, rate, 3)
    assert manners.after_requests(closed, NOON, rate, -2) == NOON + rate.step


def test_a_gate_long_in_the_past_allows_one_burst_and_no_more():
    rate = manners.rate_of(60)
    assert manners.free_requests(NOON - HALF_A_DAY, NOON, rate) == rate.burst
    assert manners.free_requests(None, NOON, rate) == rate.burst


@pytest.mark.parametrize(
    ("limit", "left", "reset_s", "rest_s"),
    [
        (100, 100, 9.0, 0),
        (100, 6, 9.0, 0),  # 5 % are left to others
        (100, 5, 9.0, 9),
        (100, 0, 9.0, 9),
        (10_000, 11, 9.0, 0),  # but never more than 10
        (10_000, 10, 9.0, 9),
        (3, 1, 9.0, 9),
        (100, 0, None, 60),  # no reset said: a minute
        (100, 0, 1e9, 3600),
        (100, 0, 0.02, 0.02),
        (0, 0, 9.0, 0),  # Azure where it does not count
        (None, 0, 9.0, 0),
        (100, None, 9.0, 0),
        (5, 7, 9.0, 0),  # more left than there is: nonsense
        (None, None, None, 0),
    ],
)
def test_the_providers_own_count_is_heeded_when_it_makes_sense(limit, left, reset_s, rest_s):
    said = RateLimits(limit_requests=limit, remaining_requests=left, reset_requests_s=reset_s)
    assert manners.rest_s(said) == rest_s


@pytest.mark.parametrize(
    ("state", "trouble_count", "is_on_trial"),
    [
        ("ok", 0, False),
        ("ok", 2, False),
        ("new", 0, False),
        ("new", 3, True),
        ("limited", 1, True),
        ("unreachable", 0, True),  # one good answer is no recovery
        ("rejected", 2, True),
        ("out_of_quota", 1, True),
    ],
)
def test_the_breaker_is_half_open_until_two_good_answers(state, trouble_count, is_on_trial):
    assert manners.is_on_trial(state, trouble_count) is is_on_trial


def test_what_is_refused_is_asked_again_after_a_day():
    stored = manners.with_refusals({}, {"events": "no"}, NOON)
    assert manners.refused_now(stored, NOON + timedelta(hours=23)) == {"events"}
    assert manners.refused_now(stored, NOON + timedelta(hours=24)) == frozenset()


def test_a_second_refusal_keeps_the_day_of_the_first():
    stored = manners.with_refusals({}, {"events": "no"}, NOON)
    again = manners.with_refusals(stored, {"events": "still no"}, NOON + timedelta(days=1))
    (refusal,) = manners.read_refusals(again)
    assert (refusal.said, refusal.since) == ("still no", NOON)
    assert refusal.again_at == NOON + timedelta(days=2)


def test_asking_again_by_hand_makes_every_refusal_due_and_forgets_none():
    stored = manners.with_refusals({}, {"events": "no", "files": "no"}, NOON)
    asked = manners.asked_again(stored)
    assert manners.refused_now(asked, NOON) == frozenset()
    assert [one.since for one in manners.read_refusals(asked)] == [NOON, NOON]


@pytest.mark.parametrize("value", ["The key may not.", {"said": "x", "since": 5}, {}, 7, None])
def test_a_refusal_of_another_release_is_readable_and_due(value):
    stored = {"files": value}
    (refusal,) = manners.read_refusals(stored)
    assert refusal.capability == "files"
    assert manners.refused_now(stored, NOON) == frozenset()
