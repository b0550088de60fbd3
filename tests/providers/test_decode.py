import json

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers.base import dialects
from providers.catalog import read_limits, read_models
from providers.together import _CURVES, _STEPS, as_metrics_event
from providers.wire import (
    Invalid,
    decode,
    read_checkpoint,
    read_element,
    read_event,
    read_file,
    read_job,
    read_page,
)
from tests.providers.test_fireworks import a_fireworks_job
from tests.providers.test_mistral import a_mistral_job
from tests.providers.test_together import a_together_job
from tests.providers.wire_json import a_checkpoint, a_job, an_event

# The machine may be busy; how long an example takes is no part of these tests.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
READERS = (read_element, read_job, read_event, read_checkpoint, read_file)
FOREIGN = tuple(
    read
    for kind in dialects().values()
    for read in (kind.parse_element, kind.parse_job, kind.parse_event, kind.parse_checkpoint)
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["auto", -1, 0, 10**400, 1e300, "9" * 50, "\x00", "\ud800", "2020-13-40T99"])
)
NAMES = st.sampled_from(
    [
        *a_job(),
        *an_event(),
        *a_checkpoint(),
        "code",
        "type",
        "dpo",
        "grader",
        "step",
        "trained_steps",
    ]
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(), inner, max_size=8)
    ),
    max_leaves=25,
)


def read_all(value):
    read_limits(value)
    read_models(value)
    for read in (*READERS, *FOREIGN):
        read(value)
        read_page(value, read)
        read_page({"data": [value], "has_more": value}, read)


@UNHURRIED
@given(st.binary())
def test_any_bytes_give_a_value_or_a_reason(body):
    value = decode(body)
    if not isinstance(value, Invalid):
        read_all(value)


@UNHURRIED
@given(ANYTHING)
def test_any_json_gives_a_value_or_a_reason(value):
    read_all(value)


@UNHURRIED
@given(st.dictionaries(NAMES, ANYTHING))
def test_any_member_of_a_job_may_hold_anything(changes):
    job = read_job({**a_job(), **changes, "id": "ftjob-1", "object": "fine_tuning.job"})
    assert isinstance(job, Invalid) or job.id == "ftjob-1"


@UNHURRIED
@given(st.dictionaries(NAMES, ANYTHING), st.dictionaries(NAMES, ANYTHING))
def test_any_member_of_an_event_or_checkpoint_may_hold_anything(changes, inner):
    read_event(an_event(**{**changes, "data": inner}))
    read_checkpoint(a_checkpoint(**{**changes, "metrics": inner}))


SHAPES = {
    "mistral": (a_mistral_job(), "events", "training_files", "metadata", "total"),
    "together": (a_together_job(), "from_checkpoint", "training_type", "wandb_url", "progress"),
    "fireworks": (a_fireworks_job(), "jobProgress", "wandbConfig", "completedTime"),
}


@UNHURRIED
@given(st.sampled_from(sorted(SHAPES)), st.data())
def test_any_member_of_a_foreign_job_may_hold_anything(name, data):
    healthy, *others = SHAPES[name]
    names = st.sampled_from([*healthy, *others])
    raw = {**healthy, **data.draw(st.dictionaries(names, ANYTHING, max_size=6))}
    element = dialects()[name].parse_element(raw)
    job = dialects()[name].parse_job(raw)
    assert isinstance(element, Invalid) or isinstance(job, Invalid) or job.id == element.id


@UNHURRIED
@given(st.dictionaries(st.sampled_from([*_CURVES, *_STEPS, "timestamp"]), ANYTHING))
def test_any_row_of_curves_gives_an_event_or_a_reason(raw):
    event = as_metrics_event(raw)
    assert isinstance(event, Invalid) or event.points


@UNHURRIED
@given(ANYTHING)
def test_what_is_decoded_can_be_stored(value):
    text = json.dumps(value)
    decoded = decode(text.encode())
    stored = orjson.dumps(decoded)
    assert b"\\u0000" not in stored


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": NaN, "b": -Infinity, "c": 1e400}', {"a": None, "b": None, "c": None}),
        (b'{"a": ' + b"9" * 5000 + b"}", {"a": None}),
        (
            b'{"a": NaN, "b": 123456789012345678901234567890}',
            {"a": None, "b": 1.2345678901234568e29},
        ),
        (b'{"a": "x\\u0000y"}', {"a": "x\ufffdy"}),
        (b'{"a\\u0000": ["\\ud800"]}', {"a\ufffd": ["\ufffd"]}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        (b" [1] ", [1]),
        (b"null", None),
    ],
)
def test_hostile_json_becomes_storable_json(body, expected):
    assert decode(body) == expected


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"<html>502</html>", "HTML"),
        (b"\n<!DOCTYPE html>", "HTML"),
        (b'{"id": "ftjob-1", "sta', "not JSON"),
        (b"Internal Server Error", "not JSON"),
        (b"[" * 50_000, "deep"),
        (b"[" * 50_000 + b"]" * 50_000, "deep"),
        (b"[" * 2**20, "too many values"),
        (b"[" + b"{}," * 70_000 + b"{}]", "too many values"),
        (b"[" + b"1," * 200_000 + b"1]", "too many values"),
        (b"\n<p>" + b"," * 200_000, "HTML"),
    ],
)
def test_a_body_that_is_no_json_gives_a_reason(body, reason):
    found = decode(body)
    assert isinstance(found, Invalid)
    assert reason in found.reason


@pytest.mark.parametrize("depth", [100, 600, 1000])
def test_what_must_be_cleaned_may_be_nested_as_deeply_as_is_read(depth):
    found = decode(b"[" * depth + b'"\\u0000"' + b"]" * depth)
    for _ in range(depth):
        found = found[0]
    assert found == "\ufffd"


def test_limits_that_could_not_be_stored_are_refused():
    deep = decode(b'{"data": [{"id": "a", "max_x": 1, "y": ' + b"[" * 400 + b"]" * 400 + b"}]}")
    assert isinstance(read_limits(deep), Invalid)


@pytest.mark.parametrize("read", READERS)
def test_what_is_nested_too_deeply_to_store_is_refused_alone(read):
    deep = decode(b'{"id": "a-1", "message": "m", "x": ' + b"[" * 400 + b"]" * 400 + b"}")
    assert isinstance(read(deep), Invalid)
    page = read_page({"data": [deep, {"id": "a-2", "message": "m"}]}, read)
    assert (len(page.items), page.skipped) == (1, 1)
