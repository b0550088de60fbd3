"""Which jobs trained the same thing."""

from dataclasses import replace

import pytest

from dashboard.sameness import UNTOLD, Data, Trained, verdicts

A = Data("lab", "file-a", sha256="aa" * 32)
V7 = Trained(
    name="v7",
    training=A,
    validation=None,
    base_model="gpt-4o-mini",
    method="supervised",
    hyperparameters={"n_epochs": 3, "batch_size": 8},
    method_details={},
    seed=42,
    is_done=True,
)
UNKNOWN_FILE = Data("lab", "file-a")


def said(*jobs: Trained) -> list[str]:
    return [verdict.sentence for verdict in verdicts(jobs)]


def test_equal_data_and_settings_are_the_same_thing():
    (verdict,) = verdicts([V7, replace(V7, name="v9")])
    assert verdict.sentence == "v7 and v9 trained the same thing."
    assert verdict.basis == (
        "Equal: training file (by its SHA-256), base model, method, hyperparameters, seed."
        " None of them names a validation file."
    )
    assert verdict.is_same


def test_more_than_two_are_named_together():
    twins = [replace(V7, name=name) for name in ("v7", "v9", "v12")]
    assert said(*twins, replace(V7, name="v8", seed=1)) == [
        "v7, v9 and v12 trained the same thing."
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"hyperparameters": {"n_epochs": 4, "batch_size": 8}},
        {"hyperparameters": {"n_epochs": 3}},
        {"hyperparameters": {}},
        {"method": "dpo"},
        {"method_details": {"reinforcement": {"grader": {"type": "string_check"}}}},
        {"base_model": "gpt-4o"},
        {"seed": 43},
        {"seed": None},  # one seed told and one not is not the same
        {"training": Data("lab", "file-b", sha256="bb" * 32)},
        {"training": None},
        {"validation": Data("lab", "file-v", sha256="cc" * 32)},
    ],
)
def test_one_difference_makes_them_unlike(change):
    assert said(V7, replace(V7, name="v9", **change)) == []


@pytest.mark.parametrize(
    ("mine", "yours", "verdict"),
    [
        # the same bytes under two ids, on two connections
        (A, Data("eu", "file-z", sha256="aa" * 32), "trained the same thing"),
        # one id of one connection is one file, hash or not
        (UNKNOWN_FILE, UNKNOWN_FILE, "trained the same thing"),
        # an id means nothing on another connection
        (UNKNOWN_FILE, Data("eu", "file-a"), "whether their data is the same is unknown"),
        (UNKNOWN_FILE, Data("lab", "file-b"), "whether their data is the same is unknown"),
        (A, Data("lab", "file-b"), "whether their data is the same is unknown"),
        # two sizes are two contents, whatever the hashes
        (replace(UNKNOWN_FILE, size_bytes=10), Data("eu", "file-a", size_bytes=11), ""),
        (replace(UNKNOWN_FILE, size_bytes=10), Data("eu", "file-a", size_bytes=10), "unknown"),
    ],
)
def test_files_are_the_same_by_hash_or_by_id_within_a_connection(mine, yours, verdict):
    found = said(replace(V7, training=mine), replace(V7, name="v9", training=yours))
    assert len(found) == bool(verdict)
    assert verdict in "".join(found)


def test_unknown_hashes_are_named_and_are_no_sameness():
    (verdict,) = verdicts(
        [replace(V7, training=UNKNOWN_FILE), replace(V7, name="v9", training=Data("eu", "x"))]
    )
    assert (verdict.basis, verdict.is_same) == (UNTOLD, False)


def test_jobs_whose_settings_nobody_tells_are_never_alike():
    silent = replace(V7, hyperparameters={})
    assert said(silent, replace(silent, name="v9")) == []


def test_what_the_provider_does_not_tell_is_named():
    silent = replace(V7, method="", seed=None)
    (verdict,) = verdicts([silent, replace(silent, name="v9")])
    assert verdict.basis.endswith("Not given: method and seed.")


def test_jobs_that_did_not_train_to_the_end_were_given_the_same_thing():
    assert said(V7, replace(V7, name="v9", is_done=False)) == [
        "v7 and v9 were given the same thing."
    ]


def test_a_number_written_with_a_point_is_the_same_number():
    other = replace(V7, name="v9", hyperparameters={"batch_size": 8.0, "n_epochs": 3.0})
    assert said(V7, other) == ["v7 and v9 trained the same thing."]
