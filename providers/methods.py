"""Reads how a job trains: its method, its hyperparameters, and what belongs to either."""

from collections.abc import Mapping

from providers.fields import Fields, clean_text

MAX_NAME = 100
_TUNABLE = frozenset(
    {
        "batch_size",
        "beta",
        "compute_multiplier",
        "eval_interval",
        "eval_samples",
        "learning_rate_multiplier",
        "n_epochs",
    }
)
_METHODS = ("supervised", "dpo", "reinforcement")


def read_method(fields: Fields) -> tuple[str | None, Mapping[str, object]]:
    """The name of the method and its raw block; of a block without a name, what is in it."""
    value = fields.raw.get("method")
    if isinstance(value, str):
        return clean_text(value.strip(), MAX_NAME) or None, {}
    details = fields.mapping("method")
    named = details.get("type")
    if isinstance(named, str) and named.strip():
        return clean_text(named.strip(), MAX_NAME), details
    return next((m for m in _METHODS if isinstance(details.get(m), Mapping)), None), details


def block_of(details: Mapping[str, object], method: str | None) -> Mapping[str, object]:
    """The part of a method that belongs to this type."""
    return mapping_or_none(details.get(method or "")) or {}


def mapping_or_none(value: object) -> Mapping[str, object] | None:
    """An object with something in it."""
    return value if isinstance(value, Mapping) and value else None


def read_hyperparameters(fields: Fields, block: Mapping[str, object]) -> Mapping[str, object]:
    """Of the method first, then of the top level; -1 of a tunable one means auto."""
    found: dict[str, object] = {}
    own = mapping_or_none(block.get("hyperparameters")) or {}
    for name, value in [*own.items(), *fields.mapping("hyperparameters").items()]:
        if value is not None:
            found.setdefault(name, _resolved(name, value))
    return found


def _resolved(name: str, value: object) -> object:
    if name not in _TUNABLE or not isinstance(value, int | float | str):
        return value
    return "auto" if value in {-1, "-1"} and not isinstance(value, bool) else value
