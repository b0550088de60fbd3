import json
from dataclasses import replace

import pytest

from alerts.channels.layout import (
    TAIL_ROOM,
    Gravity,
    fitting,
    gravity,
    harmless,
    is_reachable_from_outside,
    web_url,
)
from alerts.message import Entry
from tests.alerts import hostile
from tests.contracts.test_channels import FAILED


@pytest.mark.parametrize("message", hostile.ALL.values(), ids=hostile.ALL)
def test_a_harmless_message_can_be_encoded_and_has_one_line_a_field(message):
    safe = harmless(message)
    read = json.dumps([safe.to_json() | {"data": {}, "incident": ""}], ensure_ascii=False)

    assert len(read.encode()) < 40_000
    assert [sign for sign in hostile.SIGNS_NEVER_SENT if sign in safe.text] == []


def test_a_message_of_ours_stays_as_it_is():
    assert harmless(FAILED) == FAILED


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "https://b.example/ x",
        'https://b.example/"onclick',
        "https://b.example/<b>",
        "https://b.example/\u202e",
        "ftp://b.example/",
        "https://b.example/" + "z" * 1000,
        "",
    ],
)
def test_what_is_no_web_address_is_no_link(url):
    assert web_url(url) == ""


@pytest.mark.parametrize(
    ("url", "is_reachable"),
    [
        ("https://bell.example.com/jobs/a/b%2Fc/?x=1", True),
        ("http://93.184.216.34:8000/", True),
        ("http://127.0.0.1:8000/", False),
        ("http://localhost:8000/", False),
        ("http://bell/", False),
        ("http://bell.local/", False),
        ("http://192.168.1.4/", False),
        ("http://[::1]/", False),
        ("http://[x/", False),
        ("https://user@bell.example.com/", False),
    ],
)
def test_a_vendor_takes_public_addresses(url, is_reachable):
    assert is_reachable_from_outside(url) is is_reachable


def test_what_does_not_fit_leaves_room_to_say_so():
    assert fitting([10] * 10, 109) == 10
    assert fitting([10] * 10, 108) == (108 - TAIL_ROOM) // 11
    assert fitting([10], 5) == 0


def test_a_digest_is_as_grave_as_its_gravest():
    good, bad = Entry("succeeded", "a"), Entry("failed", "b")

    assert gravity(FAILED) is Gravity.TROUBLE
    assert gravity(hostile.DIGEST) is Gravity.WARNING  # names that nobody knows
    assert gravity(replace(hostile.DIGEST, entries=(good, bad))) is Gravity.TROUBLE
