"""A job's files: what the provider says of them, and the result files kept here."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.http import Http404

from dashboard import peek, words
from dashboard.queries.leaves import row_id
from jobs.models import File, Job
from providers.results import read_result_file

PREVIEW_ROWS = 12  # on the page of the job; the page of the file has 50
CSV_STARTS = ("step", '"step"')
WRAPPED_BYTES = 1024 * 1024  # of a CSV inside a JSON text, which is only read whole


@dataclass(frozen=True, slots=True)
class Preview:
    """A table or else lines; neither where the content is no text that can be shown.

    `is_wrapped`: the table is what was inside of the content as it came.
    """

    table: peek.Table | None
    lines: peek.Lines | None
    row_count: int | None
    is_wrapped: bool = False

    @property
    def hidden(self) -> int | None:
        """Rows that are not shown; None where nobody counted them."""
        if self.table is None or self.row_count is None:
            return None
        return max(self.row_count - len(self.table.rows), 0)

    @property
    def extent(self) -> str:
        """How much there is, and of that how much is shown: 360 rows, 5 columns, the first 50 shown."""
        if self.table is None:
            return ""
        columns = words.counted(len(self.table.columns) + self.table.columns_left, "column")
        shown = len(self.table.rows)
        if self.row_count is None:
            return columns if self.table.is_whole else f"{columns}, the first {shown} rows shown"
        rows = words.counted(self.row_count, "row")
        return f"{rows}, {columns}" + (f", the first {shown} shown" if self.hidden else "")


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

    @property
    def is_csv(self) -> bool:
        """Whether the CSV that is offered is the content as received, so that one download will do."""
        return self.preview is not None and not self.preview.is_wrapped


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
    return tuple(
        file_row(role, name, stored.get(name), is_settled=job.is_settled) for role, name in named
    )


def newest_look(rows: Iterable[FileRow]) -> datetime | None:
    """When one of them was seen last."""
    return max((row.seen_at for row in rows if row.seen_at), default=None)


def file_row(role: str, provider_id: str, file: File | None, *, is_settled: bool) -> FileRow:
    """A file that was never looked up is shown by its id alone. Of a settled job nothing is fetched."""
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
        word=_fate(file, is_settled=is_settled),
        reason=shown.fetch_reason,
        is_stored=shown.content is not None,
        encoding=shown.encoding,
        skipped_rows=shown.skipped_rows,
        preview=preview(shown, PREVIEW_ROWS) if shown.kind == "csv" else None,
    )


def _fate(file: File | None, *, is_settled: bool) -> str:
    if file is None:
        return "Not looked up"
    is_given_up = is_settled and file.fetch == File.Fetch.WANTED
    return "Could not be read" if is_given_up else str(file.get_fetch_display())


def preview(file: File, most: int = peek.ROWS) -> Preview | None:
    """The start of a content that is kept here; None of one that is not."""
    if file.content is None:
        return None
    text, is_whole = peek.head(bytes(file.content), file.encoding)
    is_wrapped = file.kind == "csv" and not text.lstrip().casefold().startswith(CSV_STARTS)
    if is_wrapped:
        text, is_whole = _unwrapped(file)
    if file.kind != "csv" and peek.is_lines(text):
        return Preview(None, peek.lines(text, is_whole=is_whole, most=most), None)
    table = peek.table(text, is_whole=is_whole, most=most) if file.kind in {"csv", ""} else None
    row_count = file.row_count if file.kind == "csv" else None
    return Preview(table, None, row_count, is_wrapped or file.encoding == "base64")


def _unwrapped(file: File) -> tuple[str, bool]:
    if (file.content_bytes or 0) > WRAPPED_BYTES:
        return "", False
    return read_result_file(file.received() or b"").text, True


@dataclass(frozen=True, slots=True)
class FilePage:
    """One file of a job and the start of it. `asked`: the line that was asked for, 0 for none."""

    file: FileRow
    preview: Preview | None
    asked: int
    is_beyond: bool = False


def file_page(job: Job, file_id: str, line: str) -> FilePage:
    """Raises Http404 for a file that the job does not name."""
    role = next((role for role, name in wanted(job) if name == file_id), None)
    if role is None:
        raise Http404
    file = File.objects.filter(connection=job.connection_id, provider_id=file_id).first()
    row, asked = file_row(role, file_id, file, is_settled=job.is_settled), row_id(line)
    shown = preview(file) if file else None
    if not (file and file.content and shown and asked):
        return FilePage(row, shown, 0)
    around = peek.lines_around(bytes(file.content), asked) if shown.lines else None
    if around is None or not around.lines:
        return FilePage(row, shown, asked, is_beyond=True)
    return FilePage(row, Preview(None, around, None), asked)
