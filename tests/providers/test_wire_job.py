from datetime import UTC, datetime

import pytest

from providers.states import State
from providers.wire import Invalid, read_element, read_job, read_page
from tests.providers.wire_json import a_job, a_list


def read(**changes):
    job = read_job(a_job(**changes))
    assert not isinstance(job, Invalid)
    return job


def test_a_job_is_read_whole():
    job = read(
        status="succeeded",
        finished_at=1760003600,
        estimated_finish=1760003000,
        fine_tuned_model="ft:gpt-4.1-mini:org:bell:x1",
        trained_tokens=4480,
        validation_file="file-valid",
        result_files=["file-result"],
        metadata={"team": "search"},
        integrations=[{"type": "wandb", "wandb": {"project": "p", "run_id": "r"}}],
        user_provided_suffix="bell",
    )
    assert (job.id, job.raw_status, job.state) == ("ftjob-Tn7", "succeeded", State.SUCCEEDED)
    assert job.created_at == datetime.fromtimestamp(1760000000, UTC)
    assert job.finished_at == datetime.fromtimestamp(1760003600, UTC)
    assert job.estimated_finish == datetime.fromtimestamp(1760003000, UTC)
    assert (job.model, job.fine_tuned_model) == (
        "gpt-4.1-mini-2025-04-14",
        "ft:gpt-4.1-mini:org:bell:x1",
    )
    assert (job.training_file, job.validation_file) == ("file-train", "file-valid")
    assert (job.result_files, job.trained_tokens, job.seed) == (("file-result",), 4480, 7)
    assert (job.metadata, job.suffix, job.organization_id) == ({"team": "search"}, "bell", "org-1")
    assert job.integrations[0]["type"] == "wandb"
    assert (job.error, job.unreadable) == (None, ())
    assert job.raw["seed"] == 7


def test_everything_but_the_id_may_be_missing():
    job = read_job({"id": "ftjob-1"})
    assert (job.state, job.raw_status, job.error, job.hyperparameters) == (
        State.UNKNOWN,
        "",
        None,
        {},
    )
    assert (job.created_at, job.model, job.method, job.result_files) == (None, None, None, ())
    assert job.unreadable == ()


def test_everything_but_the_id_may_be_null():
    job = read_job(dict.fromkeys(a_job()) | {"id": "ftjob-1"})
    assert (job.state, job.metadata, job.integrations, job.unreadable) == (
        State.UNKNOWN,
        {},
        (),
        (),
    )


@pytest.mark.parametrize("job_id", [None, "", 5, [], "a/b", "../x", "a b", "x" * 129, "ü", "a\n"])
def test_a_job_without_a_readable_id_is_refused(job_id):
    assert isinstance(read_job(a_job(id=job_id)), Invalid)


@pytest.mark.parametrize("raw", [None, [], "job", 7, True, {}])
def test_what_is_no_object_is_refused(raw):
    assert isinstance(read_job(raw), Invalid)
    assert isinstance(read_element(raw), Invalid)


@pytest.mark.parametrize("name", ["file", "list", "model", "fine_tuning.job.event"])
def test_another_kind_of_object_is_no_job(name):
    assert isinstance(read_job(a_job(object=name)), Invalid)


@pytest.mark.parametrize("name", ["fine-tune", "job", None, "FineTuningJob", [], {}, 5])
def test_a_job_may_be_called_differently(name):
    assert read(object=name).id == "ftjob-Tn7"


@pytest.mark.parametrize(
    "error",
    [
        {},
        None,
        "",
        " ",
        {"code": None, "message": None, "param": None},
        {"code": "", "message": " "},
        {"param": "training_file"},
        {"code": True},
    ],
)
def test_an_empty_error_is_no_error(error):
    assert read(error=error).error is None


def test_a_missing_error_is_no_error():
    raw = a_job()
    del raw["error"]
    assert read_job(raw).error is None


def test_an_error_is_kept_whole():
    message = "Example 6174 message contains an invalid token. " * 50
    error = read(
        error={"code": "invalid_training_file", "message": message, "param": "training_file"}
    ).error
    assert (error.code, error.message, error.param) == (
        "invalid_training_file",
        message,
        "training_file",
    )
    assert error.extra == {}


def test_an_error_may_be_a_text_or_hold_other_members():
    assert read(error="broken").error.message == "broken"
    other = read(error={"reason": "gpu lost", "at": None}).error
    assert (other.code, other.message, other.extra) == (None, None, {"reason": "gpu lost"})


def test_an_error_message_is_bounded():
    assert len(read(error={"message": "x" * 100_000}).error.message) == 8192


def test_hyperparameters_come_from_the_method_first():
    job = read(
        hyperparameters={"n_epochs": "auto", "batch_size": 4},
        method={
            "type": "dpo",
            "dpo": {"hyperparameters": {"beta": 0.1, "n_epochs": 2, "batch_size": None}},
            "supervised": None,
        },
    )
    assert job.method == "dpo"
    assert job.hyperparameters == {"beta": 0.1, "n_epochs": 2, "batch_size": 4}


def test_hyperparameters_may_be_null_beside_a_method():
    job = read(
        hyperparameters=None,
        method={"type": "dpo", "dpo": {"hyperparameters": {"beta": "auto"}}},
    )
    assert job.hyperparameters == {"beta": "auto"}


@pytest.mark.parametrize("value", [-1, -1.0, "-1", "auto"])
def test_minus_one_means_auto(value):
    assert read(hyperparameters={"n_epochs": value}).hyperparameters == {"n_epochs": "auto"}


def test_minus_one_of_a_foreign_hyperparameter_is_kept():
    job = read(hyperparameters={"lora_layers": -1, "warmup_ratio": 0.1, "packing": True, "x": None})
    assert job.hyperparameters == {"lora_layers": -1, "warmup_ratio": 0.1, "packing": True}


def test_a_reinforcement_job_has_a_grader():
    grader = {"type": "string_check", "name": "g", "operation": "eq"}
    hyperparameters = {"reasoning_effort": "high", "eval_interval": -1, "compute_multiplier": 1.5}
    job = read(
        hyperparameters={},
        method={
            "type": "reinforcement",
            "reinforcement": {"grader": grader, "hyperparameters": hyperparameters},
        },
    )
    assert job.grader == grader
    assert job.hyperparameters == hyperparameters | {"eval_interval": "auto"}
    assert job.method_details["type"] == "reinforcement"


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ({"supervised": {"hyperparameters": {}}}, "supervised"),
        ({"type": "preference", "preference": {}}, "preference"),
        ("dpo", "dpo"),
        ({}, None),
        (None, None),
    ],
)
def test_a_method_is_named_even_by_its_block_alone(method, expected):
    assert read(method=method).method == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1760000000, 1760000000),
        (1760000000.5, 1760000000.5),
        ("1760000000", 1760000000),
        ("2025-10-09T08:53:20Z", 1760000000),
        ("2025-10-09T10:53:20+02:00", 1760000000),
        ("2025-10-09T08:53:20", 1760000000),
    ],
)
def test_a_time_is_read_in_every_spelling(value, expected):
    found = read(finished_at=value).finished_at
    assert found == datetime.fromtimestamp(expected, UTC)
    assert found.tzinfo is UTC


@pytest.mark.parametrize("value", [0, None, ""])
def test_zero_is_no_time_and_not_1970(value):
    job = read(estimated_finish=value)
    assert (job.estimated_finish, job.unreadable) == (None, ())


@pytest.mark.parametrize("value", [-5, 1e18, 2**62, float("nan"), True, "soon", [], {"s": 1}])
def test_an_absurd_time_is_none_and_noted(value):
    job = read(finished_at=value)
    assert (job.finished_at, job.unreadable) == (None, ("finished_at",))


def test_members_of_a_wrong_kind_are_noted_and_cost_nothing_else():
    job = read(
        status=5,
        seed="x",
        trained_tokens=-4,
        model=[],
        metadata=[1],
        result_files="f",
        integrations={},
        hyperparameters=3,
        error=[1],
    )
    assert (job.raw_status, job.state, job.training_file) == ("5", State.UNKNOWN, "file-train")
    assert set(job.unreadable) == {
        "status",
        "seed",
        "trained_tokens",
        "model",
        "metadata",
        "result_files",
        "integrations",
        "hyperparameters",
        "error",
    }


def test_numbers_may_be_floats_or_digit_strings():
    job = read(trained_tokens="4480", seed=7.0, trained_steps=12, total_steps=99.0)
    assert (job.trained_tokens, job.seed, job.step, job.total_steps) == (4480, 7, 12, 99)
    assert {type(job.trained_tokens), type(job.seed), type(job.total_steps)} == {int}


def test_legacy_result_files_are_objects():
    job = read(result_files=[{"id": "file-a", "object": "file"}, "file-b", "file-b", "../c", None])
    assert (job.result_files, job.unreadable) == (("file-a", "file-b"), ("result_files",))


def test_metadata_is_text_whatever_it_holds():
    job = read(metadata={"a": "b", "n": 5, "none": None, "deep": {"x": [1]}, "nul": "\x00"})
    assert job.metadata == {"a": "b", "n": "5", "deep": '{"x":[1]}', "nul": "\ufffd"}


def test_an_unknown_status_keeps_its_own_word():
    job = read(status="Warming_Up")
    assert (job.raw_status, job.state) == ("Warming_Up", State.UNKNOWN)


def test_other_names_for_suffix_and_organisation_are_known():
    raw = a_job(suffix="nebius", organisation_id="o-1")
    del raw["user_provided_suffix"], raw["organization_id"]
    job = read_job(raw)
    assert (job.suffix, job.organization_id) == ("nebius", "o-1")


def test_a_fingerprint_ignores_order_and_the_estimate_alone():
    first = read_element(a_job(estimated_finish=1))
    second = read_element(dict(reversed(a_job(estimated_finish=1760009999).items())))
    assert first.fingerprint == second.fingerprint
    assert len(first.fingerprint) == 32
    assert second.estimated_finish == datetime.fromtimestamp(1760009999, UTC)
    assert second.raw["estimated_finish"] == 1760009999


@pytest.mark.parametrize(
    "changes", [{"trained_tokens": 1}, {"new": None}, {"error": None}, {"seed": 7.5}]
)
def test_a_fingerprint_changes_with_everything_else(changes):
    assert read_element(a_job()).fingerprint != read_element(a_job(**changes)).fingerprint


def test_an_unreadable_element_does_not_lose_the_page():
    page = read_page(
        a_list(a_job(id="a"), "x", a_job(id="b"), {"id": 5}, has_more=True), read_element
    )
    assert ([item.id for item in page.items], page.skipped) == (["a", "b"], 2)
    assert (page.has_more, page.last_id) == (True, "b")


@pytest.mark.parametrize("has_more", [None, "true", 1, 0, False, []])
def test_only_true_means_more(has_more):
    assert not read_page({"data": [a_job()], "has_more": has_more}, read_element).has_more


def test_an_empty_page_has_no_more():
    page = read_page(a_list(has_more=True), read_element)
    assert (page.items, page.has_more, page.last_id) == ((), False, None)


@pytest.mark.parametrize(
    "value", [None, [], {}, {"data": None}, {"data": {}}, {"data": "x"}, "data", 5]
)
def test_what_is_no_list_is_refused(value):
    assert isinstance(read_page(value, read_element), Invalid)


def test_more_steps_than_a_column_can_hold_are_unreadable():
    job = read(trained_steps=2**31 - 1, total_steps=2**31)
    assert (job.step, job.total_steps, job.unreadable) == (2**31 - 1, None, ("total_steps",))
