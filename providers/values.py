"""The frozen values of the fine-tuning API; `providers.wire` makes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from providers.states import State

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Invalid:
    """Why something could not be read."""

    reason: str


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list. `skipped`: unreadable elements. `last_id`: the cursor for the next page."""

    items: tuple[T, ...]
    has_more: bool
    skipped: int
    last_id: str | None


@dataclass(frozen=True, slots=True)
class Element:
    """A job as an answer holds it, not parsed yet.

    `fingerprint`: hex BLAKE2b-128 of the canonical JSON without `estimated_finish`, which drifts.
    """

    id: str
    raw: Mapping[str, object]
    fingerprint: str
    estimated_finish: datetime | None


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job failed. `extra`: the other members that hold something."""

    code: str | None
    message: str | None
    param: str | None
    extra: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Point:
    """One value of one curve."""

    metric: str
    step: float
    value: float


@dataclass(frozen=True, slots=True)
class Job:
    """A fine-tuning job as the provider describes it. Times are aware and in UTC.

    `predecessor`: the provider's id of the job that this one restarts or goes on from.
    """

    id: str
    raw_status: str
    state: State
    created_at: datetime | None
    finished_at: datetime | None
    estimated_finish: datetime | None
    model: str | None
    fine_tuned_model: str | None
    method: str | None
    hyperparameters: Mapping[str, object]
    method_details: Mapping[str, object]
    grader: Mapping[str, object] | None
    error: JobError | None
    training_file: str | None
    validation_file: str | None
    result_files: tuple[str, ...]
    seed: int | None
    trained_tokens: int | None
    organization_id: str | None
    integrations: tuple[Mapping[str, object], ...]
    metadata: Mapping[str, str]
    suffix: str | None
    step: int | None
    total_steps: int | None
    unreadable: tuple[str, ...]
    raw: Mapping[str, object]
    predecessor: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a job's log. `level`: info, warn or error; `points`: of a metrics event."""

    id: str
    created_at: datetime | None
    level: str
    raw_level: str
    type: str
    message: str
    data: Mapping[str, object] | None
    step: float | None
    total_steps: int | None
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model saved on the way."""

    id: str
    created_at: datetime | None
    step: int | None
    model: str | None
    metrics: Mapping[str, float]
    points: tuple[Point, ...]
    raw: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class File:
    """A file the provider keeps."""

    id: str
    bytes: int | None
    created_at: datetime | None
    expires_at: datetime | None
    filename: str | None
    purpose: str | None
    status: str | None
    raw: Mapping[str, object]
