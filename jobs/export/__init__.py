"""Export: everything that is kept of some jobs, as a ZIP, a CSV or JSON Lines.

`FORMATS[name].stream(jobs, now)` gives the bytes, as they come and in memory that does not grow with
the number of jobs. An error on the way is raised, never swallowed: whoever sends the bytes on must
break off. docs/export.md describes the formats.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from jobs.export.bundle import bundle_of
from jobs.export.lines import lines_of
from jobs.export.table import table_of
from jobs.models.job import JobQuerySet

__all__ = ["FORMATS", "Format"]

BLOCK = 1 << 16  # bytes: what goes out at once
OnJob = Callable[[], object]
Write = Callable[[JobQuerySet, OnJob, datetime], Iterator[bytes]]


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Format:
    name: str
    content_type: str
    write: Write

    def stream(self, jobs: JobQuerySet, now: datetime, on_job: OnJob = _nothing) -> Iterator[bytes]:
        """The export of these jobs. `on_job` is called after each."""
        return in_blocks(self.write(jobs, on_job, now))


def in_blocks(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in larger pieces, but for the first: a client sees at once that it begins."""
    yield next(chunks, b"")
    block = bytearray()
    for chunk in chunks:
        block += chunk
        if len(block) >= BLOCK:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def _timeless(write: Callable[[JobQuerySet, OnJob], Iterator[bytes]]) -> Write:
    return lambda jobs, on_job, _now: write(jobs, on_job)


FORMATS = {
    one.name: one
    for one in (
        Format("zip", "application/zip", bundle_of),
        Format("csv", "text/csv; charset=utf-8", _timeless(table_of)),
        Format("jsonl", "application/x-ndjson", _timeless(lines_of)),
    )
}
