"""The names of curves: one vocabulary for events, checkpoints and result files.

The rules by which nested numbers get their names are told in docs/metrics.md.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType

from providers.fields import clean_text, number

MAX_NAME = 200
MAX_FLAT = 100  # numbers taken from the top of one object
MAX_NESTED = 150  # and from below it: three graders make about 60
MAX_DEPTH = 8
MAX_VISITED = 20_000  # members looked at below the top of one object
DETAILED_STEPS = 200  # of a longer run about so many steps keep their nested numbers
# A name stands inside of sentences and legends: one that turns the direction would turn our words.
_UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
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
            Metric("elapsed_tokens", "tokens", None, "other"),
            Metric("elapsed_examples", "examples", None, "other"),
            Metric("mean_unresponsive_rewards", "", "lower", "other"),
            Metric("full_valid_mean_parse_error", "", "lower", "other"),
            Metric("learning_rate", "", None, "other"),
            Metric("grad_norm", "", None, "other"),
            Metric("classification/accuracy", "", "higher", "accuracy"),
            Metric("classification/precision", "", "higher", "other"),
            Metric("classification/recall", "", "higher", "other"),
            Metric("classification/auroc", "", "higher", "other"),
            Metric("classification/auprc", "", "higher", "other"),
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
    cleaned = clean_text(_UNSEEN.sub("", name.strip()), MAX_NAME)
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


def measurements(members: Iterable[tuple[str, object]], cap: int = MAX_FLAT) -> dict[str, float]:
    """The finite numbers by canonical name, at most `cap`, without step and total_steps.

    Of two spellings of one metric the first counts. Texts, booleans and containers are passed over.
    """
    found: dict[str, float] = {}
    for raw_name, raw_value in members:
        value = None if isinstance(raw_value, str) else number(raw_value)
        name = canonical(raw_name)
        if value is None or not name or _is_step(name) or not is_measured(name, value):
            continue
        found.setdefault(name, value)
        if len(found) == cap:
            break
    return found


def flattened(data: Mapping[str, object]) -> dict[str, float]:
    """The finite numbers of a tree by name: its own, then the nested ones by their path.

    What lies less deep comes first, so that one long list does not push out the rest; of two
    numbers with one name the first counts.

    >>> flattened({"reward": 1, "errors": {"graders": [{"name": "exact", "mean": 0.5}, {"mean": 2}]}})
    {'reward': 1.0, 'errors/graders/exact/mean': 0.5, 'errors/graders/1/mean': 2.0}
    """
    flat = measurements(data.items())
    nested = measurements(islice(_nested(data), MAX_VISITED), MAX_NESTED)
    return {**flat, **nested, **flat}


def _nested(data: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """(path, member) of everything below the top, level by level."""
    waiting: deque[tuple[str, object, int]] = deque(
        (name[:MAX_NAME], member, 1) for name, member in data.items()
    )
    while waiting:
        path, container, depth = waiting.popleft()
        for name, member in _members(container):
            # A path that is too long is cut where a column of a result file would be.
            own = f"{path}/{name[:MAX_NAME]}"[:MAX_NAME]
            yield ("" if _is_step(name) else own), member
            if depth < MAX_DEPTH and isinstance(member, Mapping | list):
                waiting.append((own, member, depth + 1))


def _members(container: object) -> Iterator[tuple[str, object]]:
    """Members of an object by name; of a list by their own `name`, else by their place from 0."""
    if isinstance(container, Mapping):
        yield from container.items()
    elif isinstance(container, list):
        for place, member in enumerate(container):
            named = member.get("name") if isinstance(member, Mapping) else None
            is_named = isinstance(named, str) and named.strip()
            yield str(named) if is_named else str(place), member


def _is_step(name: str) -> bool:
    return name in _STEP_NAMES


def is_detailed(step: float, total_steps: float | None) -> bool:
    """Whether the nested numbers of this step are kept: of every n-th step, the first and the last.

    All of a run of up to DETAILED_STEPS. Where the total is not known, the longer it runs the fewer.
    """
    stride = -(-int(max(step, total_steps or 0)) // DETAILED_STEPS) or 1
    return (int(step) - 1) % stride == 0 or step == total_steps
