import doctest
import fnmatch
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import quiet_hours, rules
from alerts.quiet_hours import QuietHours
from alerts.rules import RULE_STATES, Change, Rule, Target, Told, alert_name, concerned, fits
from jobs.health import TROUBLES

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
FAILED = Change("state", "running", "failed", team_id=1, connection_id=5, recorded_at=AT)
CHANNEL = Target(7, AT)
RULE = Rule(3, 1, frozenset({"failed"}), frozenset(), AT, (CHANNEL,))


@pytest.mark.parametrize(
    ("kind", "before", "after", "name"),
    [
        ("state", "running", "succeeded", "succeeded"),
        ("state", "", "cancelled", "cancelled"),
        ("state", "queued", "running", None),
        ("state", "failed", "queued", None),
        ("missing", "running", "missing", "missing"),
        ("missing", "missing", "running", None),
        ("health", "ok", "rejected", "rejected"),
        ("health", "ok", "out_of_quota", "out_of_quota"),
        ("health", "unreachable", "ok", "recovered"),
        ("health", "limited", "ok", None),
        ("health", "new", "ok", None),
        ("health", "ok", "limited", None),
    ],
)
def test_a_change_is_named_as_rules_name_it(kind, before, after, name):
    assert alert_name(replace(FAILED, kind=kind, from_state=before, to_state=after)) == name


def test_every_trouble_of_a_connection_can_be_named_by_a_rule():
    assert set(RULE_STATES) >= TROUBLES


def test_a_rule_that_wants_the_state_tells_its_channels():
    assert concerned(FAILED, [RULE], AT) == (Told(7, 3),)


@pytest.mark.parametrize(
    "rule",
    [
        replace(RULE, states=frozenset({"succeeded"})),
        replace(RULE, team_id=2),
        replace(RULE, connection_ids=frozenset({6})),
        replace(RULE, created_at=AT + timedelta(milliseconds=1)),
        replace(RULE, targets=(Target(7, AT + timedelta(seconds=1)),)),
        replace(RULE, targets=()),
    ],
    ids=["other state", "other team", "other connection", "newer rule", "newer channel", "none"],
)
def test_a_rule_that_does_not_fit_tells_nobody(rule):
    assert concerned(FAILED, [rule], AT) == ()


def test_a_channel_named_by_two_rules_is_told_once_for_the_first():
    assert concerned(FAILED, [RULE, replace(RULE, rule_id=4)], AT) == (Told(7, 3),)


def tells(rule: Rule, change: Change = FAILED) -> bool:
    return bool(concerned(change, [rule], AT))


@pytest.mark.parametrize(
    ("pattern", "model", "does_fit"),
    [
        ("gpt-4o-mini*", "gpt-4o-mini-2024-07-18", True),
        ("GPT-4o-Mini*", "gpt-4o-mini-2024-07-18", True),
        ("gpt-4o-mini", "gpt-4o-mini-2024-07-18", False),
        ("*mini*", "gpt-4o-mini-2024-07-18", True),
        ("*-18", "gpt-4o-mini-2024-07-18", True),
        ("gpt*mini*18", "gpt-4o-mini-2024-07-18", True),
        ("mini*gpt", "gpt-4o-mini", False),
        ("ab*ba", "aba", False),
        ("*", "", True),
        ("", "", True),
        ("", "x", False),
        ("gpt-[34]*", "gpt-4", False),
        ("a?c", "abc", False),
    ],
)
def test_a_pattern_knows_stars_and_nothing_else(pattern, model, does_fit):
    assert fits(pattern, model) is does_fit


def test_a_hostile_pattern_does_not_stop_the_worker():
    # Every star tried at every place would be 10,000 to the power of 100.
    assert not fits("*a" * 100 + "*b", "a" * 10_000)


@given(st.text("ab*", max_size=8), st.text("ab", max_size=10))
def test_a_pattern_fits_what_the_shell_says(pattern, text):
    assert fits(pattern, text) is fnmatch.fnmatchcase(text, pattern)


def test_a_rule_of_base_models_wants_one_of_them():
    rule = replace(RULE, base_models=("gpt-4o-mini*", "llama*"))
    assert tells(rule, replace(FAILED, base_model="Llama-3.1-8B"))
    assert not tells(rule, replace(FAILED, base_model="gpt-4o-2024-08-06"))
    assert not tells(rule)


def test_a_rule_of_metadata_wants_all_of_it():
    rule = replace(RULE, metadata=(("project", "x"), ("owner", "*")))
    assert tells(rule, replace(FAILED, metadata={"project": "x", "owner": "dana", "run": "3"}))
    assert not tells(rule, replace(FAILED, metadata={"project": "x"}))
    assert not tells(rule, replace(FAILED, metadata={"project": "X", "owner": "dana"}))


def test_a_connection_in_trouble_rings_whatever_jobs_a_rule_asks_for():
    trouble = replace(FAILED, kind="health", from_state="ok", to_state="rejected")
    rule = replace(RULE, states=frozenset({"rejected"}), base_models=("x",), metadata=(("a", "b"),))
    assert tells(rule, trouble)


def test_a_base_model_that_retires_is_asked_for_by_name_only():
    retiring = replace(FAILED, kind="condition", from_state="", to_state="retiring", base_model="b")
    rule = replace(RULE, states=frozenset({"retiring"}), metadata=(("a", "b"),))
    assert tells(rule, retiring)
    assert tells(replace(rule, base_models=("b",)), retiring)
    assert not tells(replace(rule, base_models=("c",)), retiring)


QUIET = replace(RULE, rule_id=5, quiet=QuietHours(time_of_day(11), time_of_day(14)))
UNTIL = AT + timedelta(hours=2)


def test_quiet_hours_hold_back_until_they_end():
    assert concerned(FAILED, [QUIET], AT) == (Told(7, 5, quiet_until=UNTIL),)
    assert concerned(FAILED, [QUIET], UNTIL) == (Told(7, 5),)


def test_an_urgent_rule_is_never_held():
    assert concerned(FAILED, [replace(QUIET, is_urgent=True)], AT) == (Told(7, 5, is_urgent=True),)


URGENT = replace(RULE, rule_id=6, is_urgent=True)
LONGER = replace(QUIET, rule_id=8, quiet=QuietHours(time_of_day(11), time_of_day(23)))


@pytest.mark.parametrize(
    ("asked", "rule_id"),
    [([QUIET, RULE], 3), ([RULE, URGENT], 6), ([QUIET, URGENT], 6), ([LONGER, QUIET], 5)],
    ids=["now before quiet", "urgent before now", "urgent before quiet", "shorter before longer"],
)
def test_of_two_rules_the_more_hasty_one_tells(asked, rule_id):
    for order in (asked, asked[::-1]):
        assert [told.rule_id for told in concerned(FAILED, order, AT)] == [rule_id]


def test_a_newer_channel_does_not_hide_an_older_one_of_another_rule():
    newer = replace(URGENT, targets=(Target(7, AT + timedelta(seconds=1)), Target(9, AT)))
    assert concerned(FAILED, [newer, RULE], AT) == (Told(9, 6, is_urgent=True), Told(7, 3))


@pytest.mark.parametrize("module", [rules, quiet_hours])
def test_the_examples_in_the_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0
