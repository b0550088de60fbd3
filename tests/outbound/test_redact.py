import copy
import logging
import pickle

import pytest

from outbound.redact import MASK, RedactFilter, redact, redact_event, remember
from outbound.secret import Secret

KEY = "sk-proj-Abc123_def-456GHI789"


@pytest.mark.parametrize(
    "secret",
    [
        KEY,
        "sk-abcd1***********wxyz",
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "tb_r_0123456789abcdefghij",
    ],
)
def test_a_secret_is_known_by_its_shape(secret):
    cleaned = redact(f"Incorrect API key provided: {secret}. See the docs.")
    assert secret not in cleaned
    assert cleaned.startswith("Incorrect API key provided: [redacted]")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("authorization: bearer abc.def-ghi", f"authorization: bearer {MASK}"),
        ("at https://user:pa:ss@host/x", f"at https://{MASK}@host/x"),
        ("api-key: 0123456789abcdef", f"api-key: {MASK}"),
        (f"Too Many Requests: /feeds/{'aB3-_' * 8}xyz/", f"Too Many Requests: /feeds/{MASK}/"),
    ],
)
def test_what_stands_around_a_secret_is_kept(text, expected):
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "risk-adjusted task-list", "Bearer of news", "https://host/a@b", "tb_x sk-", "user@host"],
)
def test_ordinary_text_is_left_alone(text):
    assert redact(text) == text


def test_a_live_secret_of_any_shape_is_known_once_remembered():
    remember(Secret('odd "shape" 7/7'))
    for form in ('odd "shape" 7/7', "odd%20%22shape%22%207%2F7", 'odd \\"shape\\" 7/7'):
        assert redact(f"<{form}>") == f"<{MASK}>"


def test_a_short_value_is_not_remembered():
    remember("job")
    assert redact("job 7") == "job 7"


def test_an_event_is_cleaned_at_every_depth_and_kept_on_one_line():
    event = redact_event(
        None, "info", {"event": f"a\r\nb {KEY}", "more": {"x": [KEY, 1, None]}, "exception": "a\nb"}
    )
    assert event == {
        "event": f"a\\r\\nb {MASK}",
        "more": {"x": [MASK, 1, None]},
        "exception": "a\nb",
    }


def test_a_record_of_a_library_is_cleaned_with_its_arguments():
    record = logging.LogRecord("x", logging.INFO, "f", 1, "key %s\n", (KEY,), None)
    assert RedactFilter().filter(record)
    assert record.getMessage() == f"key {MASK}\\n"


def test_a_secret_shows_only_its_last_four_characters():
    secret = Secret(KEY)
    assert {str(secret), repr(secret), f"{secret}", f"{secret:s}"} == {"Secret(…I789)"}
    assert KEY not in repr({"key": secret, "list": [secret]})
    assert secret.reveal() == KEY
    assert Secret("short").last4 == ""


def test_a_secret_is_neither_pickled_nor_copied():
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            attempt(Secret(KEY))


def test_secrets_compare_by_value():
    assert Secret(KEY) == Secret(KEY)
    assert len({Secret(KEY), Secret(KEY), Secret("other")}) == 2
    assert Secret(KEY) != KEY
    assert not Secret("")
