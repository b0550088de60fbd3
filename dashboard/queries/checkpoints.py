"""A job's checkpoints: what each scored, and which is the best by validation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard import charts
from jobs.models import Checkpoint


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    step: int | None
    model: str
    provider_id: str
    created_at: datetime | None
    values: tuple[float | None, ...]
    is_best: bool


@dataclass(frozen=True, slots=True)
class Checkpoints:
    columns: tuple[str, ...]
    rows: tuple[CheckpointRow, ...]
    rose_after: str  # says so when validation loss rose after the best one


def marks_on_axis(checkpoints: Sequence[Checkpoint]) -> list[tuple[float, str]]:
    return [
        (float(one.step), f"Checkpoint at step {one.step}")
        for one in checkpoints
        if one.step is not None
    ]


def checkpoints_of(checkpoints: Sequence[Checkpoint]) -> Checkpoints:
    names = list(dict.fromkeys(name for one in checkpoints for name in one.metrics))
    best = best_checkpoint(checkpoints)
    rows = tuple(
        CheckpointRow(
            step=one.step,
            model=one.model,
            provider_id=one.provider_id,
            created_at=one.created_at,
            values=tuple(_number(one.metrics.get(name)) for name in names),
            is_best=one is best,
        )
        for one in checkpoints
    )
    is_last = bool(checkpoints) and best is checkpoints[-1]
    rose = "Validation loss rose after the best checkpoint." if best and not is_last else ""
    return Checkpoints(tuple(charts.label_of(name) for name in names), rows, rose)


def best_checkpoint(checkpoints: Sequence[Checkpoint]) -> Checkpoint | None:
    """The one with the lowest validation loss, the whole validation set first; None without one."""
    for name in ("full_valid_loss", "valid_loss"):
        scored = [
            (value, one)
            for one in checkpoints
            if (value := _number(one.metrics.get(name))) is not None
        ]
        if scored:
            return min(scored, key=lambda pair: pair[0])[1]
    return None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
