"""The total parser: JSON values -> frozen values.

For any bytes and any JSON a reader returns a value or `Invalid(reason)`; it never raises. Every
member but a job's id is optional and nullable: real servers leave out or null even what OpenAI's
specification requires, and send words and types outside it.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeGuard, TypeVar

import orjson

from providers.decode import decode
from providers.fields import Fields, clean_text, moment, number
from providers.methods import block_of, mapping_or_none, read_hyperparameters, read_method
from providers.metrics import flattened, is_detailed, measurements
from providers.states import read_state
from providers.values import (
    Checkpoint,
    Element,
    Event,
    File,
    Invalid,
    Job,
    JobError,
    Page,
    Point,
)

__all__ = [
    "Checkpoint",
    "Element",
    "Event",
    "File",
    "Invalid",
    "Job",
    "JobError",
    "Page",
    "Point",
    "decode",
    "is_id",
    "make_element",
    "read_checkpoint",
    "read_element",
    "read_event",
    "read_file",
    "read_job",
    "read_page",
    "read_translated",
]

T = TypeVar("T")

MAX_ID = 256
MAX_KEPT_ID = 128
MAX_STATUS = 100
MAX_PAIRS = 64
MAX_LISTED = 100
EXACT = 2**53  # up to here a float is exactly the number that was meant
MAX_STEP = 2**31 - 1  # what a column of whole numbers holds; no training is longer
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
# Only what certainly is something else: older and foreign servers call a job by many names.
_OTHER_OBJECTS = frozenset(
    {"list", "file", "model", "event", "fine_tuning.job.event", "fine_tuning.job.checkpoint"}
)
_LEVELS = {
    "info": "info",
    "warn": "warn",
    "warning": "warn",
    "error": "error",
    "critical": "error",
    "fatal": "error",
}
_NOT_AN_OBJECT = Invalid("It is not a JSON object.")
_NO_ID = Invalid("It has no readable id.")
_TOO_DEEP = Invalid("It is nested too deeply or holds what cannot be stored.")


def is_id(value: object) -> TypeGuard[str]:
    """Whether a value is an id that may enter a path."""
    return isinstance(value, str) and _ID.match(value) is not None


def read_element(raw: object) -> Element | Invalid:
    """One job of a list, or the answer of a retrieve, with its fingerprint and not parsed further."""
    if not isinstance(raw, Mapping):
        return _NOT_AN_OBJECT
    job_id = raw.get("id")
    if not isinstance(job_id, str) or not _ID.match(job_id):
        return _NO_ID
    kind = raw.get("object")
    if isinstance(kind, str) and kind in _OTHER_OBJECTS:
        return Invalid("It is not a fine-tuning job.")
    lasting = dict(raw)
    estimated_finish = moment(lasting.pop("estimated_finish", None))
    return make_element(job_id, raw, lasting, estimated_finish)


def make_element(
    job_id: str,
    raw: Mapping[str, object],
    lasting: Mapping[str, object],
    estimated_finish: datetime | None = None,
) -> Element | Invalid:
    """An element whose fingerprint is made of `lasting`: the members that do not drift."""
    canonical = _canonical(lasting)
    if canonical is None:
        return _TOO_DEEP
    fingerprint = hashlib.blake2b(canonical, digest_size=16).hexdigest()
    return Element(job_id, raw, fingerprint, estimated_finish)


def read_translated(
    raw: object, translate: Callable[[Mapping[str, object]], Mapping[str, object]], dialect: str
) -> Job | Invalid:
    """A job of another shape: `translate` gives it OpenAI's, and `raw` stays as it came."""
    if not isinstance(raw, Mapping):
        return _NOT_AN_OBJECT
    if _canonical(raw) is None:
        return _TOO_DEEP
    job = read_job(translate(raw), dialect)
    return job if isinstance(job, Invalid) else replace(job, raw=raw)


def _canonical(raw: Mapping[str, object]) -> bytes | None:
    # orjson refuses what lies deeper than 254 levels, long before a database or a template would.
    try:
        return orjson.dumps(raw, option=orjson.OPT_SORT_KEYS)
    except (TypeError, RecursionError):
        return None


def read_page(value: object, read: Callable[[object], T | Invalid]) -> Page[T] | Invalid:
    """One page of a list. An unreadable element is skipped and counted, never the whole page.

    `last_id` is the id of the last element that has one; without it there is no next page.
    """
    listed = value.get("data") if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(listed, list):
        return Invalid("The answer is not a list.")
    results = [read(raw) for raw in listed]
    items = tuple(result for result in results if not isinstance(result, Invalid))
    last_id = next((i for i in map(_cursor, reversed(listed)) if i), None)
    has_more = value.get("has_more") is True and last_id is not None
    return Page(items, has_more, len(results) - len(items), last_id)


def _short_id(some_id: str) -> str:
    """The id, or a hash in its place when it is longer than any column that keeps ids."""
    if len(some_id) <= MAX_KEPT_ID:
        return clean_text(some_id)
    return "made-" + hashlib.blake2b(some_id.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _cursor(raw: object) -> str | None:
    found = raw.get("id") if isinstance(raw, Mapping) else None
    return found if isinstance(found, str) and 0 < len(found) <= MAX_ID else None


def read_job(raw: object, dialect: str = "openai") -> Job | Invalid:
    """A job, whatever of it can be read; only an object without an id is refused."""
    element = read_element(raw)
    if isinstance(element, Invalid):
        return element
    fields = Fields(element.raw)
    raw_status = _read_status(fields)
    method, details = read_method(fields)
    block = block_of(details, method)
    return Job(
        id=element.id,
        raw_status=raw_status,
        state=read_state(raw_status, dialect),
        created_at=fields.when("created_at"),
        finished_at=fields.when("finished_at"),
        estimated_finish=fields.when("estimated_finish"),
        model=fields.text("model"),
        fine_tuned_model=fields.text("fine_tuned_model"),
        method=method,
        hyperparameters=read_hyperparameters(fields, block),
        method_details=details,
        grader=mapping_or_none(block.get("grader")),
        error=_read_error(fields),
        training_file=fields.text("training_file"),
        validation_file=fields.text("validation_file"),
        result_files=_read_result_files(fields),
        seed=fields.whole("seed", minimum=-(2**63)),
        trained_tokens=fields.whole("trained_tokens"),
        organization_id=fields.text("organization_id") or fields.text("organisation_id"),
        integrations=_read_integrations(fields),
        metadata=_read_metadata(fields),
        suffix=fields.text("user_provided_suffix") or fields.text("suffix"),
        step=fields.whole("trained_steps", maximum=MAX_STEP),
        total_steps=fields.whole("total_steps", maximum=MAX_STEP),
        unreadable=fields.unreadable,
        raw=element.raw,
        predecessor=_read_predecessor(fields, element.id),
    )


def _read_predecessor(fields: Fields, job_id: str) -> str | None:
    # No server of OpenAI's shape sends it; the dialects that restart a job under a new id set it.
    named = fields.raw.get("predecessor")
    return named if is_id(named) and named != job_id else None


def _read_status(fields: Fields) -> str:
    value = fields.raw.get("status")
    if isinstance(value, str):
        return clean_text(value.strip(), MAX_STATUS)
    if value is None:
        return ""
    fields.refuse("status")
    return str(value) if isinstance(value, int | float) and abs(value) < EXACT else ""


def _read_error(fields: Fields) -> JobError | None:
    value = fields.raw.get("error")
    if isinstance(value, str):
        return JobError(None, clean_text(value), None, {}) if value.strip() else None
    members = fields.mapping("error")
    code, message, param = (_said(members.get(name)) for name in ("code", "message", "param"))
    extra = {
        name: said
        for name, said in members.items()
        if said is not None and name not in {"code", "message", "param"}
    }
    # Healthy jobs carry {} or an error whose members are all null.
    return JobError(code, message, param, extra) if code or message or extra else None


def _said(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = value if isinstance(value, str) else str(value)[:MAX_STATUS]
    return clean_text(text) if text.strip() else None


def _read_result_files(fields: Fields) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for item in fields.items("result_files")[:MAX_LISTED]:
        # The legacy API lists whole file objects.
        file_id = item.get("id") if isinstance(item, Mapping) else item
        if is_id(file_id):
            found[file_id] = None
        else:
            fields.refuse("result_files")
    return tuple(found)


def _read_integrations(fields: Fields) -> tuple[Mapping[str, object], ...]:
    listed = fields.items("integrations")[:MAX_LISTED]
    found = tuple(item for item in listed if isinstance(item, Mapping))
    if len(found) < len(listed):
        fields.refuse("integrations")
    return found


def _read_metadata(fields: Fields) -> Mapping[str, str]:
    pairs = list(fields.mapping("metadata").items())[:MAX_PAIRS]
    return {clean_text(key, MAX_ID): _as_text(said) for key, said in pairs if said is not None}


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return clean_text(value)
    return clean_text(orjson.dumps(value).decode())


def read_event(raw: object, dialect: str = "openai") -> Event | Invalid:  # noqa: ARG001  # every reader takes a dialect
    """One event. Without an id it gets one made of its time, level and message."""
    if not isinstance(raw, Mapping):
        return _NOT_AN_OBJECT
    if _canonical(raw) is None:
        return _TOO_DEEP
    fields = Fields(raw)
    message, raw_level = fields.text("message") or "", fields.text("level") or ""
    event_id = _cursor(raw) or _made_id(raw)
    if event_id is None:
        return Invalid("The event is empty.")
    data = mapping_or_none(raw.get("data"))
    step, total_steps, points = _read_data(data)
    return Event(
        id=_short_id(event_id),
        created_at=fields.when("created_at"),
        level=_LEVELS.get(raw_level.strip().casefold(), "info"),
        raw_level=raw_level,
        type=fields.text("type") or ("metrics" if points else "message"),
        message=message,
        data=data,
        step=step,
        total_steps=total_steps,
        points=points,
    )


def _made_id(raw: Mapping[str, object]) -> str | None:
    known = [raw.get(name) for name in ("created_at", "level", "message")]
    if not any(known):
        return None
    return "made-" + hashlib.blake2b(orjson.dumps(known), digest_size=16).hexdigest()


def _read_data(
    data: Mapping[str, object] | None,
) -> tuple[float | None, int | None, tuple[Point, ...]]:
    if data is None:
        return None, None, ()
    step = read_step(data.get("step"))
    total = read_step(data.get("total_steps"))
    metrics = (
        flattened(data)
        if step is not None and is_detailed(step, total)
        else measurements(data.items())
    )
    return step, None if total is None else int(total), _points(step, metrics)


def read_step(value: object) -> float | None:
    """A step: a number from 0 up, also as a float or a digit string."""
    found = number(value)
    return found if found is not None and 0 <= found <= MAX_STEP else None


def _points(step: float | None, metrics: Mapping[str, float]) -> tuple[Point, ...]:
    if step is None:
        return ()
    return tuple(Point(metric, step, value) for metric, value in metrics.items())


def read_checkpoint(raw: object, dialect: str = "openai") -> Checkpoint | Invalid:  # noqa: ARG001  # every reader takes a dialect
    """One checkpoint; its step comes from `step_number`, else from its metrics."""
    if not isinstance(raw, Mapping):
        return _NOT_AN_OBJECT
    if _canonical(raw) is None:
        return _TOO_DEEP
    if (checkpoint_id := _cursor(raw)) is None:
        return _NO_ID
    fields = Fields(raw)
    numbers = fields.mapping("metrics")
    metrics = measurements(numbers.items())
    step = read_step(raw.get("step_number"))
    step = read_step(numbers.get("step")) if step is None else step
    return Checkpoint(
        id=_short_id(checkpoint_id),
        created_at=fields.when("created_at"),
        step=None if step is None else int(step),
        model=fields.text("fine_tuned_model_checkpoint"),
        metrics=metrics,
        points=_points(step, metrics),
        raw=raw,
    )


def read_file(raw: object, dialect: str = "openai") -> File | Invalid:  # noqa: ARG001  # every reader takes a dialect
    """What is known about a file."""
    if not isinstance(raw, Mapping):
        return _NOT_AN_OBJECT
    if not is_id(raw.get("id")):
        return _NO_ID
    if _canonical(raw) is None:
        return _TOO_DEEP
    fields = Fields(raw)
    return File(
        id=str(raw["id"]),
        bytes=fields.whole("bytes"),
        created_at=fields.when("created_at"),
        expires_at=fields.when("expires_at"),
        filename=fields.text("filename"),
        purpose=fields.text("purpose"),
        status=fields.text("status"),
        raw=raw,
    )
