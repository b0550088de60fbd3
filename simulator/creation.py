"""A request to create a job -> the spec of its life, or what OpenAI would say against it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import orjson

from simulator import dice, life
from simulator.population import World, durations
from simulator.scenarios import FAILURES, GRADERS, MODELS
from simulator.spec import METHODS, Spec, job_id

Body = Mapping[str, object]

# Limits of the published API description.
FEWEST_EXAMPLES = 10
LONGEST_SUFFIX = 64
MOST_PAIRS, LONGEST_KEY, LONGEST_VALUE = 16, 64, 512
MOST_INTEGRATIONS = 5


class Refused(Exception):
    """The request breaks a rule of the API; `param` names the member."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message, self.param = message, param


@dataclass(frozen=True, slots=True)
class Findings:
    """What looking into an uploaded training file brought: its examples, and the error the job will fail with."""

    n_examples: int
    error: Mapping[str, object] | None = None


def inspect_training_file(content: bytes) -> Findings:
    lines = [line for line in content.splitlines() if line.strip()]
    for number, line in enumerate(lines, start=1):
        if not _is_example(line):
            text = f"The job failed due to an invalid training file. Invalid file format. Example {number} is not valid JSON"
            return Findings(len(lines), _error("invalid_training_file", text))
    if len(lines) < FEWEST_EXAMPLES:
        text = f"Training file has {len(lines)} example(s), but must have at least 10 examples"
        return Findings(len(lines), _error("invalid_n_examples", text))
    return Findings(len(lines))


def _is_example(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _error(code: str, message: str) -> dict[str, object]:
    return FAILURES[code].error | {"message": message}


def accept(world: World, serial: int, now: float, body: Body, findings: Findings | None) -> Spec:
    """The spec of the asked job, the `serial`-th to be created. Raises Refused."""
    model = _text(body, "model", "you must provide a model parameter")
    training_file = _text(body, "training_file", "you must provide a training_file parameter")
    method, asked, grader = _method(body)
    key = f"created-{serial}"
    identity = job_id(world.seed, world.epoch, key)
    validating_s, queued_s, running_s = durations(world, key)
    spec = Spec(
        id=identity,
        created_at=now,
        seed=_seed(body, dice.digest(world.seed, key) % 2**31),
        model=model,
        method=method,
        profile=world.profile,
        suffix=_suffix(body),
        requested=asked,
        training_file=_file(training_file, "training_file"),
        validation_file=_file(body.get("validation_file"), "validation_file")
        if body.get("validation_file")
        else None,
        curve="preference" if method == "dpo" else "steady",
        grader=grader,
        integrations=_integrations(body, identity),
        metadata=_metadata(body),
        validating_s=validating_s,
        queued_s=queued_s,
        running_s=running_s,
    )
    return spec if findings is None else _with_findings(spec, findings)


def _with_findings(spec: Spec, findings: Findings) -> Spec:
    if findings.error is None:
        return replace(spec, n_examples=findings.n_examples)
    return replace(spec, outcome="failed", ends_in="validating", error=findings.error)


def _text(body: Body, name: str, missing: str) -> str:
    value = body.get(name)
    if not value:
        raise Refused(missing, name)
    if not isinstance(value, str):
        raise Refused(f"{name} must be a string", name)
    if name == "model" and value.startswith("ft:"):
        return value.split(":")[1]
    return value


def _file(value: object, name: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"file-[A-Za-z0-9_-]{1,122}", value):
        raise Refused(f"invalid file id: {value}", name)
    return value


def _suffix(body: Body) -> str | None:
    value = body.get("suffix")
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_SUFFIX:
        raise Refused("suffix must have 1 to 64 characters", "suffix")
    return value


def _seed(body: Body, otherwise: int) -> int:
    value = body.get("seed")
    if value is None:
        return otherwise
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise Refused("seed must be a whole number from 0 to 2147483647", "seed")
    return value


def _metadata(body: Body) -> Mapping[str, str] | None:
    value = body.get("metadata")
    if value is None:
        return None
    if not isinstance(value, dict) or len(value) > MOST_PAIRS:
        raise Refused("metadata must be an object with at most 16 pairs", "metadata")
    for name, text in value.items():
        if len(name) > LONGEST_KEY or not isinstance(text, str) or len(text) > LONGEST_VALUE:
            raise Refused(
                f"metadata.{name}: keys have at most 64, values at most 512 characters", "metadata"
            )
    return value


def _integrations(body: Body, identity: str) -> tuple[Mapping[str, object], ...]:
    value = body.get("integrations") or []
    if not isinstance(value, list) or len(value) > MOST_INTEGRATIONS:
        raise Refused("integrations must be a list of at most 5", "integrations")
    return tuple(_integration(each, identity) for each in value)


def _integration(each: object, identity: str) -> Mapping[str, object]:
    wandb = each.get("wandb") if isinstance(each, dict) and each.get("type") == "wandb" else None
    if not isinstance(wandb, dict) or not isinstance(wandb.get("project"), str):
        raise Refused("only wandb integrations with a project are supported", "integrations")
    blank: dict[str, object] = {"project": "", "name": None, "entity": None, "tags": []}
    return {"type": "wandb", "wandb": blank | wandb | {"run_id": identity}}


def _method(body: Body) -> tuple[str, Mapping[str, object], Mapping[str, object] | None]:
    """Type, asked hyperparameters and grader; the deprecated top-level hyperparameters count too."""
    method = body.get("method") or {"type": "supervised"}
    if not isinstance(method, dict) or method.get("type") not in METHODS:
        raise Refused(f"method.type must be one of {', '.join(METHODS)}", "method.type")
    name = str(method["type"])
    block = method.get(name) or {}
    if not isinstance(block, dict):
        raise Refused(f"method.{name} must be an object", f"method.{name}")
    old = body.get("hyperparameters") if name == "supervised" else None
    asked = block.get("hyperparameters") or old or {}
    if not isinstance(asked, dict):
        raise Refused("hyperparameters must be an object", "hyperparameters")
    grader = _grader(block) if name == "reinforcement" else None
    return name, _hyperparameters(name, asked), grader


def _grader(block: Body) -> Mapping[str, object]:
    grader = block.get("grader")
    if not isinstance(grader, dict) or grader.get("type") not in GRADERS:
        raise Refused(
            f"grader.type must be one of {', '.join(GRADERS)}", "method.reinforcement.grader"
        )
    return grader


def _whole(low: int, high: int) -> Callable[[object], bool]:
    return lambda value: (
        isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    )


def _above(low: float, high: float) -> Callable[[object], bool]:
    return lambda value: (
        isinstance(value, int | float) and not isinstance(value, bool) and low < value <= high
    )


# Ranges of the published API description (CreateFineTuningJobRequest); "auto" is always allowed.
RANGES: dict[str, Callable[[object], bool]] = {
    "n_epochs": _whole(1, 50),
    "batch_size": _whole(1, 256),
    "learning_rate_multiplier": _above(0, float("inf")),
    "beta": _above(0, 2),
    "compute_multiplier": _above(0.00001, 10),
    "eval_interval": _whole(1, 2**31),
    "eval_samples": _whole(1, 2**31),
    "reasoning_effort": lambda value: value in ("default", "low", "medium", "high"),
}


def _hyperparameters(method: str, asked: Mapping[str, object]) -> Mapping[str, object]:
    for name, value in asked.items():
        if name not in life.AUTO[method]:
            raise Refused(f"Unknown hyperparameter for {method}: {name}", name)
        if value != "auto" and not RANGES[name](value):
            raise Refused(f"{name} is out of range: {value}", name)
    return {name: value for name, value in asked.items() if value != "auto"}


# Days on which fine-tuned models stop answering with their base model.
RETIREMENT = {
    "gpt-4.1-nano-2025-04-14": "2026-10-23",
    "gpt-4.1-mini-2025-04-14": "2027-01-14",
    "gpt-4o-2024-08-06": "2027-01-14",
    "gpt-4o-mini-2024-07-18": "2027-01-14",
}


def base_models() -> list[dict[str, object]]:
    """Objects of the models route, oldest name first."""
    return [
        {
            "id": name,
            "object": "model",
            "created": 1721172741,
            "owned_by": _owner(name),
            "shutdown_date": RETIREMENT.get(name),
        }
        for name in sorted(MODELS)
    ]


def _owner(name: str) -> str:
    return name.partition("/")[0] if "/" in name else "system"
