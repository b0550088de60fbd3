from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerts.rules import RULE_STATES, Change, Rule, Target, alert_name, concerned
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
    assert concerned(FAILED, [RULE]) == {7: 3}


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
    assert concerned(FAILED, [rule]) == {}


def test_a_channel_named_by_two_rules_is_told_once_for_the_first():
    assert concerned(FAILED, [RULE, replace(RULE, rule_id=4)]) == {7: 3}
