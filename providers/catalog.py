"""Reads what a provider offers: its base models, when they retire, and how many jobs they take."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import orjson

from providers.fields import clean_text, moment
from providers.values import Invalid

MAX_LISTED = 2000
MAX_NAME = 200
MAX_DEPTH = 4
_MAX_COUNT = 2**63 - 1
_LIMIT_WORDS = ("max", "limit", "active")
_MODEL_NAMES = ("id", "model", "name")
_LIST_NAMES = ("data", "models", "model_limits", "limits")
_RETIREMENT_NAMES = ("shutdown_date", "deprecation", "deprecationDate")


@dataclass(frozen=True, slots=True)
class ModelLimit:
    """How many jobs of one base model are allowed or running: the provider's names and counts.

    `model` "" and no numbers: the shape is not known, and `raw` is all there is to show.
    """

    model: str
    numbers: Mapping[str, int]
    raw: object


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A model of the provider. `shutdown_on`: the day it stops answering, where it says so."""

    id: str
    shutdown_on: date | None
    owned_by: str | None


def read_limits(value: object) -> tuple[ModelLimit, ...] | Invalid:
    """The limits in an answer whose body OpenAI does not document (wire contract, section 11).

    A list of objects that name a model, a map from models to objects, or anything else: then one
    limit without a name holds the JSON to show. () when there is nothing in it.
    """
    if isinstance(value, Invalid):
        return value
    if not value:
        return ()
    if not _is_storable(value):
        return Invalid("The answer is nested too deeply.")
    found = tuple(limit for name, raw in _entries(value) if (limit := _limit(name, raw)))
    return found or (ModelLimit("", {}, value),)


def _is_storable(value: object) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def _entries(value: object) -> Iterator[tuple[str, object]]:
    """(name or "", object) of every model that may be described."""
    if isinstance(value, list):
        yield from (("", item) for item in value[:MAX_LISTED])
        return
    if not isinstance(value, Mapping):
        return
    inner = next((value[n] for n in _LIST_NAMES if isinstance(value.get(n), list | Mapping)), None)
    if inner is not None:
        yield from _entries(inner) if isinstance(inner, list) else _named(inner)
        return
    yield from _named(value)


def _named(value: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    yield from list(value.items())[:MAX_LISTED]


def _limit(name: str, raw: object) -> ModelLimit | None:
    if not isinstance(raw, Mapping):
        return None
    own = next((raw[n] for n in _MODEL_NAMES if isinstance(raw.get(n), str) and raw[n]), name)
    numbers = dict(_counts(raw, "", 0))
    model = clean_text(str(own), MAX_NAME)
    return ModelLimit(model, numbers, raw) if model and numbers else None


def _counts(raw: Mapping[str, object], path: str, depth: int) -> Iterator[tuple[str, int]]:
    for name, value in list(raw.items())[:MAX_LISTED]:
        whole = clean_text(f"{path}.{name}" if path else name, MAX_NAME)
        if isinstance(value, Mapping) and depth < MAX_DEPTH:
            yield from _counts(value, whole, depth + 1)
        elif _is_count(value) and any(word in whole.casefold() for word in _LIMIT_WORDS):
            yield whole, int(str(value))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MAX_COUNT


def read_models(value: object) -> tuple[BaseModel, ...] | Invalid:
    """The models of a list, of `{"data": [...]}` or of `{"models": [...]}`; the unreadable skipped."""
    if isinstance(value, Invalid):
        return value
    listed = value
    if isinstance(value, Mapping):
        listed = next((value[n] for n in _LIST_NAMES if isinstance(value.get(n), list)), None)
    if not isinstance(listed, list):
        return Invalid("The answer is not a list of models.")
    return tuple(model for raw in listed[:MAX_LISTED] if (model := _model(raw)))


def _model(raw: object) -> BaseModel | None:
    if not isinstance(raw, Mapping):
        return None
    name = next((raw[n] for n in ("id", "name") if isinstance(raw.get(n), str) and raw[n]), None)
    if name is None:
        return None
    dates = (_day(raw.get(said)) for said in _RETIREMENT_NAMES)
    owner = raw.get("owned_by") or raw.get("organization")
    return BaseModel(
        clean_text(str(name), MAX_NAME),
        next((day for day in dates if day), None),
        clean_text(owner, MAX_NAME) if isinstance(owner, str) else None,
    )


def _day(value: object) -> date | None:
    """A day from a date, a time or unix seconds.

    Azure nests it: the day on which inference ends counts, not that on which training ends.
    """
    if isinstance(value, Mapping):
        return _day(value.get("inference")) or _calendar_day(value)
    found = moment(value)
    return found.date() if found else None


def _calendar_day(value: Mapping[str, object]) -> date | None:
    parts = [value.get(name) for name in ("year", "month", "day")]
    try:
        return date(*(part for part in parts if isinstance(part, int)))
    except (ValueError, TypeError, OverflowError):
        return None
