"""The names of curves: one vocabulary for events, checkpoints and result files."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from providers.fields import clean_text, number

MAX_NAME = 200
_NO_VALUE = -1.0
# Azure and the legacy API write -1 into these when nothing was measured; a reward of -1 is real.
_PANELS_WITHOUT_MINUS_ONE = frozenset({"loss", "accuracy"})
_STEP_NAMES = frozenset({"step", "total_steps"})


@dataclass(frozen=True, slots=True)
class Metric:
    """What a curve shows.

    `better`: lower, higher or None; `panel`: loss, accuracy, reward, tokens, timing or other.
    """

    name: str
    unit: str
    better: str | None
    panel: str


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric("train_loss", "", "lower", "loss"),
            Metric("valid_loss", "", "lower", "loss"),
            Metric("full_valid_loss", "", "lower", "loss"),
            Metric("train_accuracy", "", "higher", "accuracy"),
            Metric("valid_accuracy", "", "higher", "accuracy"),
            Metric("full_valid_accuracy", "", "higher", "accuracy"),
            Metric("training_sequence_accuracy", "", "higher", "accuracy"),
            Metric("validation_sequence_accuracy", "", "higher", "accuracy"),
            Metric("train_mean_reward", "", "higher", "reward"),
            Metric("valid_mean_reward", "", "higher", "reward"),
            Metric("full_valid_mean_reward", "", "higher", "reward"),
            Metric("reasoning_tokens_mean", "tokens", None, "tokens"),
            Metric("valid_reasoning_tokens_mean", "tokens", None, "tokens"),
            Metric("completion_tokens_mean", "tokens", None, "tokens"),
            Metric("elapsed_tokens", "tokens", None, "tokens"),
            Metric("elapsed_examples", "examples", None, "other"),
            Metric("mean_unresponsive_rewards", "", "lower", "other"),
            Metric("full_valid_mean_parse_error", "", "lower", "other"),
            Metric("learning_rate", "", None, "other"),
            Metric("grad_norm", "", None, "other"),
        )
    }
)

_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "training_loss": "train_loss",
        "train_mean_token_accuracy": "train_accuracy",
        "training_token_accuracy": "train_accuracy",
        "validation_loss": "valid_loss",
        "valid_mean_token_accuracy": "valid_accuracy",
        "validation_mean_token_accuracy": "valid_accuracy",
        "validation_token_accuracy": "valid_accuracy",
        "full_valid_mean_token_accuracy": "full_valid_accuracy",
    }
)

# Asked in this order: "reward_error" is an error, "reasoning_tokens_time" a number of tokens.
_GUESSES = (
    ("error", "", "lower", "other"),
    ("unresponsive", "", "lower", "other"),
    ("loss", "", "lower", "loss"),
    ("accuracy", "", "higher", "accuracy"),
    ("reward", "", "higher", "reward"),
    ("tokens", "tokens", None, "tokens"),
    ("timing", "s", "lower", "timing"),
    ("seconds", "s", "lower", "timing"),
)


def canonical(name: str) -> str:
    """The one name of a metric behind every provider's spelling.

    >>> canonical("train_mean_token_accuracy")
    'train_accuracy'
    """
    cleaned = clean_text(name.strip(), MAX_NAME)
    return _ALIASES.get(cleaned.casefold(), cleaned)


def describe(name: str) -> Metric:
    """What is known about a metric; an unknown one is judged by the words in its name."""
    known = METRICS.get(name)
    if known is not None:
        return known
    lowered = name.casefold()
    for word, unit, better, panel in _GUESSES:
        if word in lowered:
            return Metric(name, unit, better, panel)
    return Metric(name, "", None, "other")


def is_measured(name: str, value: float) -> bool:
    """Whether a number is a measurement and not a provider's way to write "none"."""
    return value != _NO_VALUE or describe(name).panel not in _PANELS_WITHOUT_MINUS_ONE


def measurements(members: Iterable[tuple[str, object]]) -> dict[str, float]:
    """The finite top-level numbers by canonical name, without step and total_steps.

    Of two spellings of one metric the first counts. Nested members stay in the raw object.
    """
    found: dict[str, float] = {}
    for raw_name, raw_value in members:
        value = None if isinstance(raw_value, str) else number(raw_value)
        name = canonical(raw_name)
        if value is None or not name or name in _STEP_NAMES or not is_measured(name, value):
            continue
        found.setdefault(name, value)
    return found
