"""Rules in words: each part of a rule is part of its sentence, and nothing is said that it is not."""

import doctest
from datetime import time

import pytest

from alerts.quiet_hours import QuietHours
from alerts.rules import RULE_STATES
from dashboard import sentences
from dashboard.sentences import COUNTED, RuleWords, plain, rule_sentence, would_have_rung

NIGHT = QuietHours(time(22), time(7), "Europe/Berlin")


def said(**facts) -> str:
    words = {"states": ["failed"], "channels": ["Slack #ml"], **facts}
    return plain(rule_sentence(RuleWords(**words)))


def test_a_rule_with_all_its_parts_is_one_sentence():
    assert said(
        states=["failed", "stuck"],
        connections=["prod-eu"],
        base_models=["gpt-4o-mini*"],
        metadata={"project": "x", "owner": "*"},
        is_urgent=True,
    ) == (
        "When any job on prod-eu trained from gpt-4o-mini* with any owner and project=x "
        "becomes failed or stuck, tell Slack #ml, urgently."
    )


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({}, "When any job becomes failed, tell Slack #ml."),
        ({"channels": ["a", "b"]}, "When any job becomes failed, tell a, b."),
        ({"channels": []}, "When any job becomes failed, tell nobody."),
        (
            {"quiet": NIGHT},
            "When any job becomes failed, tell Slack #ml; quiet 22:00–07:00 Europe/Berlin.",
        ),
        (
            {"states": ["rejected", "out_of_quota"], "connections": ["a", "b"]},
            "When a or b reports key rejected or out of quota, tell Slack #ml.",
        ),
        (
            {"states": ["failed", "unreachable"]},
            "When any job becomes failed, or any connection reports provider unreachable, tell Slack #ml.",
        ),
        (
            {"states": ["retiring", "recovered"], "base_models": ["gpt-4*", "llama*"]},
            "When a base model like gpt-4* or llama* is about to retire, or a trouble is over, tell Slack #ml.",
        ),
    ],
)
def test_a_rule_is_read_as_it_rings(facts, sentence):
    assert said(**facts) == sentence


@pytest.mark.parametrize("state", RULE_STATES)
def test_no_state_is_left_out(state):
    assert said(states=[state]) != said(states=[])
    assert state in COUNTED


def test_a_preview_says_how_often_and_for_what():
    counts = (("succeeded", 9), ("failed", 5))
    expected = "It would have rung 14 times in the last 30 days: 9 succeeded, 5 failed."
    assert would_have_rung(14, counts, 30) == expected
    assert would_have_rung(1, (("failed", 1),), 30).startswith("It would have rung once in")
    assert would_have_rung(0, (), 30) == "It would not have rung in the last 30 days."


def test_the_example_in_the_docstring_holds():
    assert doctest.testmod(sentences).failed == 0
