"""What a step reports: the members of a metrics event, of a checkpoint and of a row of the result file."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import orjson

from simulator import curves, dice, life

if TYPE_CHECKING:
    from simulator.spec import Spec

Numbers = dict[str, float]
GRADERS_APART = 0.14  # between the mean rewards of two graders of one job


def at_step(spec: Spec, step: int) -> dict[str, object]:
    """The `data` of the metrics event of this step."""
    numbers: dict[str, object] = {"step": step, "total_steps": life.plan(spec).total_steps}
    if spec.method == "reinforcement":
        return numbers | rewards(spec, step) | _reward_details(spec, step)
    return numbers | losses(spec, step)


def losses(spec: Spec, step: int) -> Numbers:
    """The names of OpenAI's events; valid_* at evaluations, full_valid_* at the ends of epochs."""
    shape, progress = curves.SHAPES[spec.curve], step / life.plan(spec).total_steps
    train = curves.train_loss(shape, spec.seed, step, progress)
    numbers = {
        "train_loss": train,
        "train_mean_token_accuracy": curves.accuracy(train, spec.seed, step),
    }
    if spec.validation_file and life.is_evaluated(spec, step):
        numbers |= _validation(spec, step, progress)
    if spec.validation_file and life.is_epoch_end(spec, step):
        full = curves.full_valid_loss(shape, spec.seed, step, progress)
        numbers["full_valid_loss"] = full
        numbers["full_valid_mean_token_accuracy"] = curves.accuracy(full, spec.seed, "full", step)
    return numbers


def _validation(spec: Spec, step: int, progress: float) -> Numbers:
    loss = curves.valid_loss(curves.SHAPES[spec.curve], spec.seed, step, progress)
    accuracy = curves.accuracy(loss, spec.seed, "valid", step)
    return {"valid_loss": loss, "valid_mean_token_accuracy": accuracy}


def rewards(spec: Spec, step: int) -> Numbers:
    """The flat numbers of a reinforcement step."""
    progress = step / life.plan(spec).total_steps
    thinking = 420 + 380 * progress + 25 * dice.bell(spec.seed, "thinking", step)
    numbers = {
        "train_mean_reward": curves.reward(spec.seed, step, progress),
        "reasoning_tokens_mean": round(thinking, 2),
        "completion_tokens_mean": round(0.4 * thinking + 90, 2),
        "mean_unresponsive_rewards": round(max(0.06 - 0.05 * progress, 0.0), 4),
    }
    if life.is_evaluated(spec, step):
        numbers["full_valid_mean_reward"] = curves.reward(spec.seed, step, progress, "valid")
        numbers["full_valid_mean_parse_error"] = round(max(0.04 - 0.035 * progress, 0.0), 4)
        numbers["valid_reasoning_tokens_mean"] = round(thinking * 0.98, 2)
    return numbers


def _reward_details(spec: Spec, step: int) -> dict[str, object]:
    """The nested part: one entry per grader in usage, errors, scores and timing."""
    graders = grader_names(spec)
    reward = curves.reward(spec.seed, step, step / life.plan(spec).total_steps)
    model = str((spec.grader or {}).get("model", "gpt-4.1-2025-04-14"))
    return {
        "usage": {
            "graders": [_grader_usage(each, spec.seed, step) for each in graders],
            "samples": {
                "train_reasoning_tokens_mean": 512.5,
                "train_completion_tokens_mean": 301.25,
            },
        },
        "errors": {
            "graders": [each | {"train_other_error_mean": 0.0} for each in graders],
        },
        "scores": {
            "graders": _grader_scores(graders, reward, spec.seed, step),
            "train_reward_mean": reward,
            "valid_reward_mean": round(reward * 0.97, 5),
        },
        "timing": _timing(graders, spec.seed, step),
        "model_graders_token_usage": {
            model: {"eval_prompt_tokens": 0, "train_prompt_tokens": 1800 + step},
        },
    }


def _grader_scores(
    graders: list[dict[str, object]], reward: float, seed: int, step: int
) -> list[dict[str, object]]:
    """What each grader gave: around the whole reward, the first below it and the last above."""
    middle, found = (len(graders) - 1) / 2, []
    for place, each in enumerate(graders):
        apart = GRADERS_APART * (place - middle)
        noise = 0.02 * dice.bell(seed, "grader", place, step) if middle else 0.0
        score = round(min(max(reward + apart + noise, 0.0), 1.0), 5)
        found.append(each | {"train_reward_mean": score})
    return found


def _grader_usage(grader: dict[str, object], seed: int, step: int) -> dict[str, object]:
    prompt = round(dice.between(240, 280, seed, "prompt", step), 1)
    return grader | {"train_prompt_tokens_mean": prompt, "train_completion_tokens_mean": 42.0}


def _timing(graders: list[dict[str, object]], seed: int, step: int) -> dict[str, object]:
    sampling = round(dice.between(31, 44, seed, "sampling", step), 2)
    training = round(dice.between(18, 25, seed, "training", step), 2)
    whole = round(sampling + training + 6.5, 2)
    return {
        "step": {"eval": 6.5, "sampling": sampling, "training": training, "full_iteration": whole},
        "graders": [each | {"train_execution_latency_mean": 0.83} for each in graders],
    }


def grader_names(spec: Spec) -> list[dict[str, object]]:
    """Name and type of each grader; a multi grader counts as its parts. n >= 1."""
    grader = dict(spec.grader or {"type": "score_model", "name": "grader"})
    parts = [each for each in _parts(grader.get("graders")) if isinstance(each, dict)]
    return [
        {"name": each.get("name", "grader"), "type": each.get("type", "score_model")}
        for each in parts or [grader]
    ]


def _parts(graders: object) -> list[object]:
    # The description has a single grader here, its own example a list, the guide a map of names.
    if isinstance(graders, dict):
        return [graders] if isinstance(graders.get("type"), str) else list(graders.values())
    return graders if isinstance(graders, list) else []


SUPERVISED_COLUMNS = {
    "train_loss": "train_loss",
    "train_accuracy": "train_mean_token_accuracy",
    "valid_loss": "valid_loss",
    "valid_mean_token_accuracy": "valid_mean_token_accuracy",
}
REWARD_COLUMNS = {
    name: name
    for name in (
        "train_mean_reward",
        "full_valid_mean_reward",
        "completion_tokens_mean",
        "reasoning_tokens_mean",
        "mean_unresponsive_rewards",
    )
}


def result_csv(spec: Spec, columns: dict[str, str], missing: str = "") -> str:
    """The result file as text: a header and one row per step. `columns`: name in the file -> name in the event."""
    if spec.method == "reinforcement":
        return _rewards_csv(spec)
    rows = ["step," + ",".join(columns)]
    for step in range(1, life.plan(spec).total_steps + 1):
        numbers = losses(spec, step)
        cells = [_cell(numbers.get(name), missing) for name in columns.values()]
        rows.append(f"{step}," + ",".join(cells))
    return "\n".join(rows) + "\n"


def _rewards_csv(spec: Spec) -> str:
    errors = [
        f"errors/graders/{each['name']}/train_other_error_count" for each in grader_names(spec)
    ]
    rows = [",".join(["step", *REWARD_COLUMNS, *errors])]
    for step in range(1, life.plan(spec).total_steps + 1):
        numbers = rewards(spec, step)
        cells = [_cell(numbers.get(name), "") for name in REWARD_COLUMNS] + ["0"] * len(errors)
        rows.append(f"{step}," + ",".join(cells))
    return "\n".join(rows) + "\n"


def _cell(value: float | None, missing: str) -> str:
    return missing if value is None else repr(value)


@lru_cache(maxsize=128)
def training_lines(spec: Spec) -> bytes:
    """A training file that fits the job: JSON lines in the form its method asks for."""
    lines = (orjson.dumps(_example(spec.method, number)) for number in range(spec.n_examples))
    return b"\n".join(lines) + b"\n"


def _example(method: str, number: int) -> dict[str, object]:
    asked = {"role": "user", "content": f"Where is order {number:06d}?"}
    good = {"role": "assistant", "content": "On its way."}
    bad = {"role": "assistant", "content": "No idea."}
    if method == "dpo":
        return {
            "input": {"messages": [asked]},
            "preferred_output": [good],
            "non_preferred_output": [bad],
        }
    if method == "reinforcement":
        return {"messages": [asked], "reference": "On its way."}
    return {"messages": [asked, good]}
