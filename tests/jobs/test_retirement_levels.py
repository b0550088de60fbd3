"""When the end of a base model is told, without a database."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.conditions.retirement import Known, Verb, notice

TODAY = date(2026, 11, 22)


def in_days(days):
    return TODAY + timedelta(days=days)


# days left when looked at, in turn, and the levels that ring
@pytest.mark.parametrize(
    ("days", "rings"),
    [
        ([200, 91], []),
        ([90, 89, 31, 30, 29, 8, 7, 1, 0], [90, 30, 7]),
        ([20, 19], [30]),  # first seen late: the level that holds, not those before it
        ([5], [7]),
        ([-3], []),
    ],
)
def test_each_level_rings_once(days, rings):
    assert told_levels((in_days(200 - left), in_days(200)) for left in days) == rings


def told_levels(moments):
    """Levels that ring when looked at on these days, each with the date said then."""
    return [said.level for said in story(moments) if said.rings and said.verb is not Verb.END]


def story(moments):
    known, told = Known(), []
    for today, day in moments:
        said = notice(known, day, today)
        if said is None:
            continue
        told.append(said)
        is_open = said.verb is not Verb.END
        is_told = said.rings or (known.is_open and known.is_told)
        known = Known(is_open, is_told if is_open else known.is_told, said.level, said.told)
    return told


def test_a_withdrawn_date_and_one_beyond_90_days_recover():
    for day, words in ((None, "withdrew"), (in_days(400), "in 400 days")):
        (_, ended) = story([(TODAY, in_days(20)), (TODAY, day)])
        assert (ended.verb, ended.rings) == (Verb.END, True)
        assert words in ended.reason


def test_a_model_that_has_retired_ends_without_a_word():
    *_, ended = story([(TODAY, in_days(5)), (in_days(6), in_days(5))])
    assert (ended.verb, ended.rings, ended.reason) == (Verb.END, False, "retired on 2026-11-27")


def test_a_date_that_moves_away_is_told_again_when_it_nears():
    later = in_days(80)
    days = [(TODAY, in_days(5)), (TODAY, later), (in_days(50), later), (in_days(73), later)]
    assert told_levels(days) == [7, 30, 7]


def test_a_date_that_jumps_to_and_fro_rings_once_for_each_day_named():
    jumps = [(TODAY, in_days(85)), (TODAY, in_days(95))] * 5
    assert [(said.verb, said.rings) for said in story(jumps)][:4] == [
        (Verb.BEGIN, True),
        (Verb.END, True),
        (Verb.BEGIN, False),
        (Verb.END, False),
    ]
    assert told_levels(jumps) == [90]


@given(st.lists(st.tuples(st.integers(0, 300), st.none() | st.integers(-50, 500)), max_size=20))
def test_whatever_dates_are_said_nothing_rings_twice(said):
    moments = [(in_days(now), None if day is None else in_days(day)) for now, day in said]
    told = [(s.reason.split(",")[0], s.level) for s in story(moments) if s.rings and s.level]
    assert len(told) == len(set(told))
