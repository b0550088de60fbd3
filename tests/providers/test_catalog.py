from datetime import date

import pytest

from providers import errors
from providers.catalog import BaseModel, ModelLimit, read_limits, read_models
from providers.wire import Invalid

LIMIT = {"max_total_jobs": 200, "max_concurrent_jobs": 3, "active_jobs": 1}
NUMBERS = {"max_total_jobs": 200, "max_concurrent_jobs": 3, "active_jobs": 1}


@pytest.mark.parametrize(
    "value",
    [
        {"object": "list", "data": [{"model": "m-1", **LIMIT}]},
        [{"id": "m-1", **LIMIT}],
        {"m-1": LIMIT},
        {"data": {"m-1": {**LIMIT, "note": "x", "is_active": True}}},
        {"model_limits": [{"name": "m-1", **LIMIT, "created": 5}]},
    ],
)
def test_limits_are_found_in_every_shape_that_was_guessed(value):
    (limit,) = read_limits(value)
    assert (limit.model, limit.numbers) == ("m-1", NUMBERS)


def test_nested_counts_are_named_by_their_way():
    (limit,) = read_limits({"m-1": {"limits": {"jobs": 3, "days": 1.5}, "max": {"a": 1}}})
    assert limit.numbers == {"limits.jobs": 3, "max.a": 1}


@pytest.mark.parametrize("value", [{"weather": "fine"}, "soon", 7, [1, 2]])
def test_an_unknown_shape_is_kept_to_be_shown(value):
    assert read_limits(value) == (ModelLimit("", {}, value),)


@pytest.mark.parametrize("value", [None, {}, []])
def test_nothing_is_no_limit(value):
    assert read_limits(value) == ()


def test_models_may_be_a_list_or_in_one_and_may_retire():
    listed = [
        {"id": "a", "owned_by": "system", "shutdown_date": "2026-10-23"},
        {"id": "b", "shutdown_date": None},
        {"name": "c", "deprecationDate": {"year": 2027, "month": 1, "day": 14}},
        {"id": "d", "deprecation": {"fine_tune": 1, "inference": 1800000000}},
        {"id": "e", "deprecation": "2026-12-01T00:00:00Z"},
        {"id": 5},
        "f",
    ]
    expected = (
        BaseModel("a", date(2026, 10, 23), "system"),
        BaseModel("b", None, None),
        BaseModel("c", date(2027, 1, 14), None),
        BaseModel("d", date(2027, 1, 15), None),
        BaseModel("e", date(2026, 12, 1), None),
    )
    assert read_models(listed) == read_models({"data": listed}) == expected
    assert read_models({"models": listed}) == expected


@pytest.mark.parametrize("value", [None, {}, "x", {"data": 5}])
def test_what_is_no_list_of_models_is_invalid(value):
    assert isinstance(read_models(value), Invalid)


def test_a_server_without_limits_has_none(httpserver, provider):
    httpserver.expect_request("/v1/fine_tuning/model_limits").respond_with_data("", 404)
    assert provider.limits() == ()


def test_limits_that_are_no_json_are_invalid(httpserver, provider):
    httpserver.expect_request("/v1/fine_tuning/model_limits").respond_with_data("<html>")
    assert isinstance(provider.limits(), Invalid)


def test_limits_may_be_forbidden(httpserver, provider):
    httpserver.expect_request("/v1/fine_tuning/model_limits").respond_with_data("", 403)
    with pytest.raises(errors.Forbidden) as error:
        provider.limits()
    assert error.value.capability == "limits"


def test_models_that_are_none_are_not_readable(httpserver, provider):
    httpserver.expect_request("/v1/models").respond_with_json({"object": "list"})
    with pytest.raises(errors.NotReadable, match="not a list of models"):
        provider.models()
