"""The register of models as a CSV file: a line a model, checkpoints on lines of their own."""

from collections.abc import Iterable, Iterator

from dashboard.queries.models import ModelRow, SavedModel
from jobs.export import cells

COLUMNS = (
    *("kind", "model", "step", "base_model", "connection", "method", "job_id", "suffix", "state"),
    *("created_at", "trained_tokens", "best_valid_loss", "reward", "train_loss"),
    *("retires_on", "days_left", "is_set_by_hand", "retirement_checked_at"),
    *("is_listed", "listed_at", "sha256"),
)


def csv_of(rows: Iterable[ModelRow]) -> Iterator[bytes]:
    """Its first bytes come before any row is read."""
    yield cells.line(COLUMNS)
    for row in rows:
        if row.model:
            yield cells.line(_model(row))
        for saved in row.checkpoints:
            yield cells.line(_checkpoint(row, saved))


def _model(row: ModelRow) -> list[object]:
    job = row.job
    figures = [job.best_valid_loss, job.reward, job.train_loss]
    return [
        *("fine-tuned model", row.model, None),
        *_source(row),
        *(job.created_at, job.trained_tokens, *figures),
        *_end(row),
        *(None, None, " ".join(row.hashes)),
    ]


def _checkpoint(row: ModelRow, saved: SavedModel) -> list[object]:
    return [
        *("checkpoint", saved.model, saved.step),
        *_source(row),
        *(row.job.created_at, None, saved.loss, None, None),
        *_end(row),
        *(saved.is_listed, saved.last_seen_at, None),
    ]


def _source(row: ModelRow) -> list[object]:
    job, end = row.job, row.end
    return [end.base_model, end.connection.slug, job.method, job.provider_id, job.suffix, job.state]


def _end(row: ModelRow) -> list[object]:
    return [row.end.on, row.end.days, row.end.is_by_hand, row.checked_at]
