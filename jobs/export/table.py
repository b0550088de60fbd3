"""One line a job: what a person would sort and filter in a spreadsheet."""

from collections.abc import Callable, Iterator
from typing import Any

from jobs.export import cells
from jobs.export.reading import by_pk
from jobs.models import Job
from jobs.models.job import JobQuerySet

PORTION = 200  # jobs in memory
HP_COLUMNS = 100  # more names of hyperparameters than this share the last column
Column = Callable[[Job], Any]


def _duration_s(job: Job) -> float | None:
    if job.created_at is None or job.ended_at is None:
        return None
    return (job.ended_at - job.created_at).total_seconds()


def _result_files(job: Job) -> str:
    return " ".join(name for name in job.result_files if isinstance(name, str))


COLUMNS: dict[str, Column] = {
    "connection": lambda job: job.connection.slug,
    "job_id": lambda job: job.provider_id,
    "suffix": lambda job: job.suffix,
    "state": lambda job: job.state,
    "raw_status": lambda job: job.raw_status,
    "method": lambda job: job.method,
    "base_model": lambda job: job.base_model,
    "fine_tuned_model": lambda job: job.fine_tuned_model,
    "created_at": lambda job: job.created_at,
    "finished_at": lambda job: job.finished_at,
    "ended_at": lambda job: job.ended_at,
    "duration_s": _duration_s,
    "trained_tokens": lambda job: job.trained_tokens,
    "cost_usd_estimate": lambda job: job.cost_usd,
    "step": lambda job: job.step,
    "total_steps": lambda job: job.total_steps,
    "train_loss": lambda job: job.train_loss,
    "valid_loss": lambda job: job.valid_loss,
    "best_valid_loss": lambda job: job.best_valid_loss,
    "reward": lambda job: job.reward,
    "error_code": lambda job: job.error_code,
    "error_message": lambda job: job.error_message,
    "error_param": lambda job: job.error_param,
    "training_file": lambda job: job.training_file,
    "validation_file": lambda job: job.validation_file,
    "result_files": _result_files,
    "seed": lambda job: job.seed,
    "organization_id": lambda job: job.organization_id,
    "restarted_from": lambda job: job.restarted_from,
    "first_seen_at": lambda job: job.first_seen_at,
    "last_seen_at": lambda job: job.last_seen_at,
    "is_missing": lambda job: job.is_missing,
    "is_archived": lambda job: job.archived_at is not None,
    "metadata": lambda job: job.metadata or None,
    "tags": lambda job: job.tags.strip() or None,
    "note": lambda job: job.note or None,
}


def table_of(jobs: JobQuerySet, on_job: Callable[[], object]) -> Iterator[bytes]:
    """A CSV file. Its first bytes come before any row is read."""
    yield cells.line(COLUMNS).removesuffix(b"\r\n")
    names = hyperparameter_names(jobs)
    yield b"," + cells.line([*(f"hp.{name}" for name in names), "hp_more"])
    for job in by_pk(jobs.select_related("connection"), PORTION):
        yield cells.line(
            [column(job) for column in COLUMNS.values()] + _hyperparameters(job, names)
        )
        on_job()


def hyperparameter_names(jobs: JobQuerySet) -> list[str]:
    """Sorted. The first `HP_COLUMNS` that are met: a provider may name as many as it likes."""
    names: dict[str, None] = {}
    for job in by_pk(jobs.only("hyperparameters"), PORTION):
        names |= dict.fromkeys(job.hyperparameters)
        if len(names) >= HP_COLUMNS:
            break
    return sorted(list(names)[:HP_COLUMNS])


def _hyperparameters(job: Job, names: list[str]) -> list[Any]:
    known = set(names)
    more = {name: value for name, value in job.hyperparameters.items() if name not in known}
    return [*(job.hyperparameters.get(name) for name in names), more or None]
