"""The decision what an answer says about a connection, without a database."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jobs import health
from jobs.health import Condition, after_error, after_good
from providers import errors
from tests.builders import NOON

WELL = Condition(health.OK, good_count=2)
INTERVAL_S = 15.0


def after(error, times, known=WELL):
    """The condition after so many polls in a row went wrong, each asked after the pause."""
    now = NOON
    for _ in range(times):
        known = after_error(known, error, now, INTERVAL_S)
        now = known.wait_until
    return known


@pytest.mark.parametrize(
    ("error", "polls", "state"),
    [
        (errors.KeyRejected("no"), 2, health.REJECTED),
        (errors.Forbidden("no"), 2, health.REJECTED),
        (errors.QuotaExhausted("no"), 1, health.OUT_OF_QUOTA),
        (errors.RateLimited("no"), 1, health.LIMITED),
        (errors.ServerTrouble("no"), 3, health.UNREACHABLE),
        (errors.Unreachable("no"), 3, health.UNREACHABLE),
        (errors.Redirected("no"), 1, health.UNREACHABLE),
        (errors.NotReadable("no"), 3, health.UNREADABLE),
    ],
)
def test_a_trouble_is_believed_after_its_number_of_polls(error, polls, state):
    assert after(error, polls).health == state
    if polls > 1:
        assert after(error, polls - 1).health == health.OK


def test_the_reason_is_told_from_the_first_bad_answer_on():
    assert after(errors.ServerTrouble("500: overloaded"), 1).reason == "500: overloaded"


def test_a_rejected_key_is_tried_again_hourly():
    rejected = after(errors.KeyRejected("no"), 2)
    again = after_error(rejected, errors.KeyRejected("no"), rejected.wait_until, INTERVAL_S)
    assert again.wait_until - rejected.wait_until == timedelta(hours=1)


def test_retry_after_is_honoured_to_the_second():
    limited = after_error(WELL, errors.RateLimited("slow", retry_after=90), NOON, INTERVAL_S)
    assert limited.wait_until == NOON + timedelta(seconds=90)


@pytest.mark.parametrize("longer", [0.0, 0.1])
def test_jitter_draws_a_wait_out_and_never_cuts_it_short(longer):
    limited = errors.RateLimited("slow", retry_after=90)
    came = after_error(WELL, limited, NOON, INTERVAL_S, longer=longer)
    assert came.wait_until - NOON == timedelta(seconds=90 * (1 + longer))


def test_retry_after_counts_with_trouble_at_the_server_too():
    down = after_error(WELL, errors.ServerTrouble("503", retry_after=600), NOON, INTERVAL_S)
    assert down.wait_until == NOON + timedelta(minutes=10)


def test_pauses_double_up_to_five_minutes():
    first, second = (after(errors.ServerTrouble("no"), times) for times in (1, 2))
    assert first.wait_until - NOON == timedelta(seconds=15)
    assert second.wait_until - first.wait_until == timedelta(seconds=30)
    late = after(errors.ServerTrouble("no"), 40)
    later = after_error(late, errors.ServerTrouble("no"), late.wait_until, INTERVAL_S)
    assert later.wait_until - late.wait_until == timedelta(minutes=5)


def test_questions_asked_together_count_as_one_trouble():
    first = after_error(WELL, errors.ServerTrouble("no"), NOON, INTERVAL_S)
    second = after_error(first, errors.ServerTrouble("no"), NOON, INTERVAL_S)
    assert second.trouble_count == 1


def test_a_trouble_ends_with_the_second_good_answer():
    down = after(errors.ServerTrouble("no"), 3)
    once = after_good(down, down.wait_until)
    assert once.health == health.UNREACHABLE
    assert after_good(once, down.wait_until).health == health.OK


def test_one_bad_answer_among_good_ones_leaves_no_trace():
    shaken = after(errors.ServerTrouble("no"), 1)
    assert after_good(shaken, shaken.wait_until) == Condition(health.OK, good_count=1)


def test_an_answer_from_before_the_request_to_wait_does_not_lift_it():
    limited = after_error(WELL, errors.RateLimited("slow", retry_after=90), NOON, INTERVAL_S)
    assert after_good(limited, NOON) == limited


@pytest.mark.parametrize(
    ("before", "after", "rings"),
    [
        (health.OK, health.UNREACHABLE, True),
        (health.NEW, health.REJECTED, True),
        (health.UNREACHABLE, health.OK, True),
        (health.OK, health.LIMITED, False),
        (health.LIMITED, health.OK, False),
        (health.NEW, health.OK, False),
        (health.REJECTED, health.REJECTED, False),
    ],
)
def test_people_are_told_when_the_provider_is_out_of_sight_and_when_it_is_back(
    before, after, rings
):
    assert health.rings(before, after) is rings


def test_the_last_words_of_a_trouble_are_shown():
    down = after(errors.ServerTrouble("500"), 3)
    now = after_error(down, errors.Unreachable("no route"), down.wait_until, INTERVAL_S)
    assert now == replace(
        now, health=health.UNREACHABLE, reason="no route", trouble_count=4, good_count=0
    )


def test_a_request_to_wait_amid_a_trouble_is_no_recovery():
    down = after(errors.ServerTrouble("no"), 3)
    slowed = after_error(down, errors.RateLimited("slow"), down.wait_until, INTERVAL_S)
    assert slowed.health == health.UNREACHABLE
