"""Which of several jobs is better, and when nothing may be said of it."""

from dataclasses import replace

import pytest

from dashboard.fairness import Runner, answer, fairness
from dashboard.sameness import Data, Trained

HELD_OUT = Data("lab", "file-v", sha256="cc" * 32, size_bytes=900)
V7 = Runner(
    Trained(
        name="v7",
        training=Data("lab", "file-a", size_bytes=4000),
        validation=HELD_OUT,
        base_model="gpt-x",
        method="supervised",
        hyperparameters={"n_epochs": 3},
        method_details={},
        seed=1,
        is_done=True,
    ),
    origin="gpt-x",
    value=0.5,
)


def like(name: str, value: float | None, **given) -> Runner:
    """Another job, with what differs in what it was given."""
    facts = {name: given.pop(name) for name in ("origin", "note", "is_over") if name in given}
    return replace(V7, job=replace(V7.job, name=name, **given), value=value, **facts)


def told(*runners: Runner, metric: str = "valid_loss") -> str:
    return answer(metric, runners)


@pytest.mark.parametrize(
    ("runners", "sentence"),
    [
        ([V7, like("v9", 0.4)], "Lowest validation loss: v9, 0.4; next v7, 0.5. Their settings are equal."),
        ([V7, like("v9", 0.4, training=Data("lab", "b", size_bytes=9))], "Lowest validation loss: v9, 0.4; next v7, 0.5. They differ in training data."),
        ([V7, like("v9", 0.4, note="failed")], "Lowest validation loss: v9 (failed), 0.4; next v7, 0.5. Their settings are equal."),
        ([V7, like("v9", 0.6, is_over=False)], "Lowest validation loss so far: v7, 0.5; next v9, 0.6. Their settings are equal."),
        ([V7, like("v8", 0.5), like("v9", 0.6)], "Lowest validation loss: v7 and v8, 0.5; next v9, 0.6. Their settings are equal."),
        ([V7, like("v9", 0.5)], "Equal validation loss: 0.5 each. Their settings are equal."),
        ([V7, like("v9", 0.4), like("v6", None)], "Lowest validation loss: v9, 0.4; next v7, 0.5. Their settings are equal. Without one: v6."),
        ([V7, like("v6", None)], "Only v7 has a validation loss: 0.5."),
        ([V7, like("v9", 0.4, validation=Data("eu", "file-w", size_bytes=900))], "Lowest validation loss, if their validation files are the same: v9, 0.4; next v7, 0.5. Their settings are equal."),
    ],
)  # fmt: skip
def test_the_better_one_is_named_where_that_is_fair(runners, sentence):
    assert told(*runners) == sentence


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"origin": "gpt-y"}, "base models"),
        ({"method": "dpo"}, "methods"),
        ({"validation": Data("lab", "file-w", sha256="dd" * 32)}, "validation files"),
        ({"validation": Data("lab", "file-w", size_bytes=901)}, "validation files"),
        ({"validation": None}, "validation files"),
        ({"origin": "gpt-y", "method": "dpo"}, "base models and methods"),
    ],
)
def test_losses_of_other_things_are_said_not_to_compare(given, what):
    assert told(V7, like("v9", 0.1, **given)) == f"Their losses do not compare: {what} differ."


def test_what_may_have_made_the_difference_is_of_those_that_are_compared():
    other = like("v9", 0.4, hyperparameters={"n_epochs": 4, "a": 1, "b": 2, "c": 3})
    assert told(V7, other).endswith("They differ in n_epochs, a, b and 1 more.")
    without = like("v6", None, hyperparameters={"n_epochs": "auto"})
    assert told(V7, like("v9", 0.4), without).endswith("Their settings are equal. Without one: v6.")


def test_a_training_loss_is_judged_by_what_was_trained_on():
    other = like("v9", 0.4, training=Data("lab", "file-b", size_bytes=4001))
    assert fairness("train_loss", [V7, other]).unlike == ("training files",)
    assert fairness("valid_loss", [V7, other]).unlike == ()


def test_a_reward_compares_across_base_models_but_not_across_graders():
    def graded(name: str, kind: str, **facts) -> Runner:
        return like(
            name, 0.9, method_details={"reinforcement": {"grader": {"type": kind}}}, **facts
        )

    first, other = graded("v1", "string_check"), graded("v2", "string_check", origin="o9")
    assert fairness("valid_mean_reward", [first, other]) == fairness("valid_loss", [V7, V7])
    harsh = graded("v3", "python")
    assert told(first, harsh, metric="valid_mean_reward") == (
        "Their rewards do not compare: graders differ."
    )


def test_higher_is_better_of_a_reward_and_nothing_is_invented_without_values():
    details = {"reinforcement": {"grader": {"type": "string_check"}}}
    one, two = (
        like(name, value, method_details=details) for name, value in (("a", 0.2), ("b", 0.8))
    )
    assert told(one, two, metric="valid_mean_reward").startswith(
        "Highest validation mean reward: b, 0.8"
    )
    assert told(like("a", None), like("b", None)).startswith("Nothing tells which is better")
