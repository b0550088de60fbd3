"""A job's files: what the provider says of them, and the result files kept here."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jobs.models import File, Job
from providers.results import read_result_file

PREVIEW_ROWS = 12
PREVIEW_COLUMNS = 20
PREVIEW_CELL = 80
PREVIEW_BYTES = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Preview:
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    row_count: int

    @property
    def hidden(self) -> int:
        return max(self.row_count - len(self.rows), 0)


@dataclass(frozen=True, slots=True)
class FileRow:
    """`role`: training, validation or result. `word`: what became of the content, in words.

    `seen_at`: when the provider was asked about it.
    """

    role: str
    provider_id: str
    filename: str
    purpose: str
    status: str
    size_bytes: int | None
    created_at: datetime | None
    expires_at: datetime | None
    sha256: str
    fetched_at: datetime | None
    seen_at: datetime | None
    word: str
    reason: str
    is_stored: bool
    encoding: str
    skipped_rows: int
    preview: Preview | None


def wanted(job: Job) -> list[tuple[str, str]]:
    """(role, provider id) of each file the job names, training first."""
    named = [("Training", job.training_file), ("Validation", job.validation_file)]
    results = [("Result", name) for name in job.result_files if isinstance(name, str)]
    return [(role, name) for role, name in [*named, *results] if name]


def files(job: Job) -> tuple[FileRow, ...]:
    named = wanted(job)
    stored = {
        one.provider_id: one
        for one in File.objects.filter(
            connection=job.connection_id, provider_id__in=[name for _, name in named]
        )
    }
    return tuple(file_row(role, name, stored.get(name)) for role, name in named)


def file_row(role: str, provider_id: str, file: File | None) -> FileRow:
    """A file that was never looked up is shown by its id alone."""
    shown = file or File(provider_id=provider_id)
    return FileRow(
        role=role,
        provider_id=provider_id,
        filename=shown.filename,
        purpose=shown.purpose,
        status=shown.status,
        size_bytes=shown.content_bytes if shown.size_bytes is None else shown.size_bytes,
        created_at=shown.created_at,
        expires_at=shown.expires_at,
        sha256=shown.sha256,
        fetched_at=shown.fetched_at,
        seen_at=shown.fetched_at or (file.first_seen_at if file else None),
        word=shown.get_fetch_display() if file else "Not looked up",
        reason=shown.fetch_reason,
        is_stored=shown.content is not None,
        encoding=shown.encoding,
        skipped_rows=shown.skipped_rows,
        preview=preview(shown),
    )


def preview(file: File) -> Preview | None:
    """The first rows of a result CSV, as data; None for anything else."""
    if file.kind != "csv" or (file.content_bytes or 0) > PREVIEW_BYTES:
        return None
    received = file.received()
    if received is None:
        return None
    lines = csv.reader(io.StringIO(read_result_file(received).text))
    try:
        rows = [_cells(cells) for _, cells in zip(range(PREVIEW_ROWS + 1), lines, strict=False)]
    except csv.Error:
        return None
    if not rows:
        return None
    return Preview(rows[0], tuple(rows[1:]), file.row_count or len(rows) - 1)


def _cells(cells: Sequence[str]) -> tuple[str, ...]:
    return tuple(cell.strip()[:PREVIEW_CELL] for cell in cells[:PREVIEW_COLUMNS])
