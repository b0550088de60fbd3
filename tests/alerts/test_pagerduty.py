import json
from dataclasses import replace

import pytest

from alerts.channels.base import Cap, SendError
from alerts.channels.pagerduty import KIND, dedup_key, event_of
from alerts.message import sample
from alerts.setup import create_channel, update_channel
from tests.alerts import hostile
from tests.channel_sides.pagerduty import ROUTING_KEY, PagerDutySide, faults_of
from tests.contracts.test_channels import AT, FAILED, KEY
from tests.receiver import Answer

STUCK = replace(FAILED, name="stuck", incident="prod-eu:ftjob-a41:stuck")
RECOVERED = replace(STUCK, name="recovered")


@pytest.fixture
def side(settings):
    side = PagerDutySide(settings)
    yield side
    side.close()


def good(**changed) -> dict:
    event = event_of(FAILED, ROUTING_KEY, KEY)
    return {**event, "payload": {**event["payload"], **changed.pop("payload", {})}, **changed}


@pytest.mark.parametrize(
    "changed",
    [
        {"routing_key": "short"},
        {"event_action": "open"},
        {"dedup_key": "k" * 256},
        {"payload": {"summary": "s" * 1025}},
        {"payload": {"summary": ""}},
        {"payload": {"severity": "fatal"}},
        {"payload": {"timestamp": "yesterday"}},
        {"payload": {"custom_details": "text"}},
        {"payload": {"Component": "x"}},
        {"links": [{"text": "no address"}]},
        {"links": [{"href": "javascript:alert(1)"}]},
        {"payload": {"component": "\ud800"}},
        {"payload": {"component": "x" * 600_000}},
    ],
)
def test_the_receiver_here_refuses_what_pagerduty_does(changed):
    assert faults_of(json.dumps(good()).encode()) == []
    assert faults_of(json.dumps(good(**changed)).encode())


def test_a_trigger_without_payload_and_a_resolve_without_key_are_refused_here():
    assert faults_of(json.dumps({k: v for k, v in good().items() if k != "payload"}).encode())
    resolve = {"routing_key": ROUTING_KEY, "event_action": "resolve"}
    assert faults_of(json.dumps(resolve).encode())


@pytest.mark.parametrize("message", hostile.ALL.values(), ids=hostile.ALL)
def test_hostile_text_in_every_field_is_taken_and_reads_as_text(side, message):
    KIND.send(*side.settings(), message, KEY)
    (text,) = side.texts()

    assert [sign for sign in hostile.SIGNS_NEVER_SENT if sign in text] == []


def test_what_begins_opens_an_incident_and_what_ends_resolves_it(side):
    KIND.send(*side.settings(), STUCK, "key-1")
    assert list(side.server.open_incidents) == ["prod-eu:ftjob-a41:stuck"]
    receipt = KIND.send(*side.settings(), RECOVERED, "key-2")

    assert side.server.open_incidents == {}
    assert receipt.answer == "PagerDuty resolved the incident prod-eu:ftjob-a41:stuck."


def test_a_second_try_is_the_same_incident(side):
    for _ in range(2):
        KIND.send(*side.settings(), FAILED, KEY)

    assert list(side.server.open_incidents) == ["prod-eu:ftjob-a41:end"]


@pytest.mark.parametrize(
    ("name", "action", "severity"),
    [
        ("failed", "trigger", "error"),
        ("missing", "trigger", "error"),
        ("rejected", "trigger", "error"),
        ("unreachable", "trigger", "error"),
        ("stuck", "trigger", "warning"),
        ("eta_slipped", "trigger", "warning"),
        ("cancelled", "trigger", "info"),
        ("succeeded", "resolve", None),
        ("recovered", "resolve", None),
    ],
)
def test_each_state_opens_or_resolves(name, action, severity):
    event = event_of(replace(FAILED, name=name), ROUTING_KEY, KEY)

    assert event["event_action"] == action
    assert event.get("payload", {}).get("severity") == severity


def test_an_urgent_rule_makes_it_critical():
    event = event_of(replace(STUCK, is_urgent=True), ROUTING_KEY, KEY)

    assert event["payload"]["severity"] == "critical"


def test_a_test_is_an_incident_of_its_own_and_says_so(side):
    test = replace(sample("https://bell.example.com/alerts/", AT), incident="prod-eu:x:failed")
    receipt = KIND.send(*side.settings(), test, KEY)

    assert side.server.open_incidents[f"tunebell:{KEY}"]["severity"] == "info"
    assert "Resolve it there" in receipt.answer


def test_long_incidents_keep_apart_within_255_characters():
    one, two = (dedup_key(replace(STUCK, incident="j" * 300 + end), KEY) for end in "ab")

    assert len(one) == len(two) == 255
    assert one != two
    assert one == dedup_key(replace(STUCK, incident="j" * 300 + "a"), "another key")


@pytest.mark.parametrize(("status", "is_permanent"), [(400, True), (429, False), (500, False)])
def test_only_an_invalid_event_is_permanent(side, status, is_permanent):
    side.server.script.append(Answer(status, body=f"no: {ROUTING_KEY}".encode()))
    with pytest.raises(SendError) as caught:
        KIND.send(*side.settings(), FAILED, KEY)

    assert caught.value.permanent is is_permanent
    assert ROUTING_KEY not in caught.value.detail


def test_an_answer_that_is_not_pagerdutys_is_no_success(side):
    side.server.script.append(Answer(200, body=b"<html>hello</html>"))
    with pytest.raises(SendError, match="not PagerDuty"):
        KIND.send(*side.settings(), FAILED, KEY)


def test_each_region_has_its_address():
    assert KIND.show({"region": "us"}) == "events.pagerduty.com"
    assert KIND.show({"region": "eu"}) == "events.eu.pagerduty.com"


def test_another_region_asks_for_the_key_again(house):
    values = {"routing_key": ROUTING_KEY, "region": "us", "server": ""}
    channel = create_channel(house.team, "pagerduty", "On call", values).channel
    kept = {**values, "routing_key": ""}
    assert update_channel(channel, "On call", kept).channel.config["region"] == "us"
    with pytest.raises(ValueError, match="enter the routing key again"):
        update_channel(channel, "On call", {**kept, "region": "eu"})


def test_incidents_are_not_gathered_into_digests():
    assert not KIND.has_digests
    assert KIND.cap == Cap(120, 60)
