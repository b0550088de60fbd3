"""A job's checkpoints: what each scored, which is the best, and whether it is still there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard import charts
from jobs.models import Checkpoint, Job
from providers.metrics import describe

# What decides, in this order: the first that any checkpoint has. A whole validation set before a part.
DECIDING = (
    ("full_valid_loss", "valid_loss"),
    ("full_valid_accuracy", "valid_accuracy", "validation_sequence_accuracy"),
    ("full_valid_mean_reward", "valid_mean_reward", "train_mean_reward"),
)
SAME_LOOK = timedelta(minutes=1)  # a checkpoint and the time of its reading are written together


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """`gone_since`: our last look at which the provider still listed it, None while it does."""

    step: int | None
    model: str
    provider_id: str
    created_at: datetime | None
    values: tuple[float | None, ...]
    is_best: bool
    gone_since: datetime | None


@dataclass(frozen=True, slots=True)
class Best:
    """`words`: "best by validation loss"."""

    checkpoint: Checkpoint
    metric: str
    words: str


@dataclass(frozen=True, slots=True)
class Checkpoints:
    columns: tuple[str, ...]
    rows: tuple[CheckpointRow, ...]
    best: str
    rose_after: str  # says so when it got worse after the best one

    @property
    def has_gone(self) -> bool:
        return any(row.gone_since for row in self.rows)


def marks_on_axis(checkpoints: Sequence[Checkpoint]) -> list[tuple[float, str]]:
    return [
        (float(one.step), f"Checkpoint at step {one.step}")
        for one in checkpoints
        if one.step is not None
    ]


def checkpoints_of(job: Job, checkpoints: Sequence[Checkpoint]) -> Checkpoints:
    names = list(dict.fromkeys(name for one in checkpoints for name in one.metrics))
    best = best_checkpoint(checkpoints)
    rows = tuple(
        CheckpointRow(
            step=one.step,
            model=one.model,
            provider_id=one.provider_id,
            created_at=one.created_at,
            values=tuple(_number(one.metrics.get(name)) for name in names),
            is_best=best is not None and one is best.checkpoint,
            gone_since=_gone_since(job, one),
        )
        for one in checkpoints
    )
    return Checkpoints(
        columns=tuple(charts.label_of(name) for name in names),
        rows=rows,
        best=best.words if best else "",
        rose_after=_rose_after(best, checkpoints[-1]) if best else "",
    )


def best_checkpoint(checkpoints: Sequence[Checkpoint]) -> Best | None:
    """By the loss on validation; where there is none by accuracy, then by reward. Else None."""
    for name in (name for family in DECIDING for name in family):
        scored = [
            (value, one)
            for one in checkpoints
            if (value := _number(one.metrics.get(name))) is not None
        ]
        if scored:
            choose = min if describe(name).better == "lower" else max
            return Best(choose(scored, key=lambda pair: pair[0])[1], name, _words(name))
    return None


def _words(name: str) -> str:
    label = charts.label_of(name)
    return f"best by {label[:1].lower()}{label[1:]}"


def _rose_after(best: Best, last: Checkpoint) -> str:
    """Of a last one without the figure nothing is known."""
    value = _number(last.metrics.get(best.metric))
    if last is best.checkpoint or value is None or value == best.checkpoint.metrics[best.metric]:
        return ""
    verb = "rose" if describe(best.metric).better == "lower" else "fell"
    return f"{charts.label_of(best.metric)} {verb} after the best checkpoint."


def _gone_since(job: Job, checkpoint: Checkpoint) -> datetime | None:
    """The provider keeps the last few only; a later reading did not list this one any more."""
    seen, read = checkpoint.last_seen_at, job.checkpoints_read_at
    return seen if seen and read and read - seen > SAME_LOOK else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
