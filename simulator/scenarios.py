"""What kinds of jobs the simulator knows, as data: one entry is one scenario."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Plain = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A team's habit of fine-tuning: base model, method, data and how its curve runs."""

    stem: str
    model: str
    method: str = "supervised"
    profile: str | None = None
    curve: str = "steady"
    n_examples: int = 240
    tokens_per_example: int = 310
    validated: bool = True
    requested: Plain = field(default_factory=dict)
    grader: str | None = None
    metadata: Mapping[str, str] | None = None
    wandb_project: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A way to fail: the error of the job, the phase it strikes in, and at which share of the running phase."""

    code: str
    message: str
    param: str | None = None
    ends_in: str = "running"
    ends_at: float = 1.0

    @property
    def error(self) -> dict[str, object]:
        return {"code": self.code, "message": self.message, "param": self.param}


SCENARIOS = {
    "support": Scenario(
        "support-bot",
        "gpt-4o-mini-2024-07-18",
        metadata={"team": "support", "dataset": "tickets-2026-10", "owner": "maria"},
    ),
    "triage": Scenario(
        "triage-nl",
        "gpt-4.1-nano-2025-04-14",
        curve="quick",
        n_examples=180,
        tokens_per_example=140,
        metadata={"team": "support", "language": "nl"},
    ),
    "contracts": Scenario(
        "contract-clauses",
        "meta-llama/Llama-3.1-8B-Instruct",
        profile="nebius",
        curve="slow",
        n_examples=420,
        tokens_per_example=960,
        requested={"n_epochs": 4, "batch_size": 8},
        metadata={"team": "legal", "git": "9f2c1ab"},
    ),
    "sql": Scenario(
        "text-to-sql",
        "Qwen/Qwen3-14B",
        profile="nebius",
        curve="overfit",
        n_examples=300,
        tokens_per_example=520,
        requested={"n_epochs": 6, "batch_size": 8},
        metadata={"team": "data", "git": "41d07e3"},
    ),
    "summaries": Scenario(
        "call-summaries",
        "gpt-4.1-mini-2025-04-14",
        curve="plateau",
        n_examples=350,
        tokens_per_example=1450,
        requested={"learning_rate_multiplier": 0.5},
        wandb_project="call-summaries",
    ),
    "tone": Scenario(
        "brand-tone-dpo",
        "gpt-4o-2024-08-06",
        method="dpo",
        curve="preference",
        n_examples=260,
        tokens_per_example=420,
        requested={"beta": 0.1, "n_epochs": 2},
        metadata={"team": "marketing"},
    ),
    "grading": Scenario(
        "claims-reasoner",
        "o4-mini-2025-04-16",
        method="reinforcement",
        n_examples=120,
        tokens_per_example=900,
        requested={"n_epochs": 2, "batch_size": 4, "reasoning_effort": "medium"},
        grader="score_model",
        metadata={"team": "claims", "eval": "claims-v3"},
    ),
    "math": Scenario(
        "unit-conversion",
        "o4-mini-2025-04-16",
        method="reinforcement",
        n_examples=150,
        tokens_per_example=640,
        requested={"n_epochs": 1, "batch_size": 3, "eval_interval": 5},
        grader="multi",
    ),
    "code": Scenario(
        "commit-messages",
        "mistralai/Mistral-7B-Instruct-v0.3",
        profile="nebius",
        curve="noisy",
        n_examples=200,
        tokens_per_example=700,
        validated=False,
        requested={"n_epochs": 3, "batch_size": 4},
    ),
    "search": Scenario(
        "query-rewriter",
        "gpt-4.1-nano-2025-04-14",
        curve="diverge",
        n_examples=220,
        tokens_per_example=90,
        requested={"learning_rate_multiplier": 12},
        metadata={"team": "search", "note": "learning rate sweep 4 of 6"},
    ),
}

FAILURES = {
    each.code: each
    for each in (
        Failure(
            "invalid_training_file",
            "The job failed due to an invalid training file. Invalid file format. "
            "Example 6174 message contains an invalid token",
            "training_file",
            "validating",
        ),
        Failure(
            "invalid_n_examples",
            "Training file has 7 example(s), but must have at least 10 examples",
            "training_file",
            "validating",
        ),
        Failure(
            "refusals_v3",
            "The job failed due to failing post-training safety evaluations: refusals_v3. "
            "The fine-tuned model answered requests that the base model refuses.",
        ),
        Failure(
            "moderation_blocked",
            "The job failed due to an unsafe training file. This training file was blocked by our moderation system "
            "because it contains too many examples that violate our usage policies.",
            "training_file",
            "queued",
        ),
        Failure(
            "server_error",
            "The job failed due to an internal error. Please try again.",
            ends_at=0.42,
        ),
        Failure(
            "exceeded_quota",
            "Creating this model would exceed your organization's quota.",
            ends_in="queued",
        ),
    )
}

_SCORE_MODEL: Plain = {
    "type": "score_model",
    "name": "claim_quality",
    "model": "gpt-4.1-2025-04-14",
    "input": [
        {"role": "system", "content": "Grade the decision from 0 to 1. Cite the clause."},
        {"role": "user", "content": "Claim: {{item.claim}}\nDecision: {{sample.output_text}}"},
    ],
    "range": [0, 1],
    "sampling_params": {"temperature": 0, "seed": 42},
}
_PYTHON: Plain = {
    "type": "python",
    "name": "exact_number",
    "source": "def grade(sample, item):\n"
    '    return 1.0 if sample["output_text"].strip() == item["reference"] else 0.0\n',
    "image_tag": "2025-05-08",
}
_STRING_CHECK: Plain = {
    "type": "string_check",
    "name": "has_unit",
    "input": "{{sample.output_text}}",
    "reference": "{{item.unit}}",
    "operation": "like",
}
_TEXT_SIMILARITY: Plain = {
    "type": "text_similarity",
    "name": "close_to_reference",
    "input": "{{sample.output_text}}",
    "reference": "{{item.reference}}",
    "evaluation_metric": "rouge_l",
}
GRADERS: dict[str, Plain] = {
    "score_model": _SCORE_MODEL,
    "python": _PYTHON,
    "string_check": _STRING_CHECK,
    "text_similarity": _TEXT_SIMILARITY,
    "multi": {
        "type": "multi",
        "name": "number_and_unit",
        "graders": {"number": _PYTHON, "unit": _STRING_CHECK},
        "calculate_output": "0.8 * number + 0.2 * unit",
    },
}

MODELS = tuple(dict.fromkeys(each.model for each in SCENARIOS.values()))
