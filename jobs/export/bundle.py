"""The ZIP: a folder a job, and at its end a manifest by which every file in it can be checked."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Self

import orjson

from jobs.export import cells, facts
from jobs.export.facts import Facts, dump
from jobs.export.names import file_name, folder_name
from jobs.export.reading import Kept, NamedFile, everything, twins
from jobs.export.table import table_of
from jobs.export.zipstream import IN_MEMORY, PIECE, ZipStream
from jobs.models import Job, Snapshot
from jobs.models.job import JobQuerySet
from providers.results import read_result_file

FORMAT = "tunebell-export/1"
MANIFEST = "manifest.json"
README = b"""TuneBell export

jobs.csv                           one line a job, for a spreadsheet
jobs/CONNECTION/JOB/               everything that was recorded of one job:
  job.json                         the job as the provider's API said it last, byte by byte
  summary.json                     the same job in TuneBell's own words
  snapshots.jsonl                  every answer of the API that differed from the one before
  transitions.jsonl                every change of state
  estimates.jsonl                  every finish time the provider announced
  events.jsonl                     the job's events, with their data
  checkpoints.json                 its checkpoints
  points.csv                       metric, step, value, source, seen_at: what the curves are drawn of
  files.json                       what is known of its training, validation and result files
  files/N-NAME.received            the bytes of a result file, exactly as the provider sent them
  files/N-NAME.csv                 the same file decoded, as the provider wrote it
manifest.json                      size and SHA-256 of every file above

A file that would be empty is left out. Times are UTC. In jobs.csv and points.csv a text that a
spreadsheet could take for a formula has an apostrophe in front: take one leading apostrophe away
to get the text back. The files below files/ are the provider's and are not changed in any way.

"manage.py verify_export FILE" compares a ZIP with its manifest. A ZIP without manifest.json was
cut off on its way.
"""


class Manifest:
    """Notes of what was written, in a temporary file when they are many."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.members = 0
        self.notes = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.notes.close()

    def note(self, name: str, size: int, sha256: str) -> None:
        self.notes.write(b",\n  " if self.members else b"\n  ")
        self.notes.write(orjson.dumps({"name": name, "size": size, "sha256": sha256}))
        self.members += 1

    def counted(self, kind: str, rows: Iterable[Facts]) -> Iterator[Facts]:
        for row in rows:
            self.counts[kind] += 1
            yield row

    def chunks(self, now: datetime) -> Iterator[bytes]:
        head = {"format": FORMAT, "exported_at": now, "counts": dict(sorted(self.counts.items()))}
        yield dump(head).removesuffix(b"}") + b',"members":['
        self.notes.seek(0)
        while piece := self.notes.read(PIECE):
            yield piece
        yield b"\n]}\n"


class Bundle:
    def __init__(self, archive: ZipStream, manifest: Manifest) -> None:
        self.archive, self.manifest = archive, manifest

    def member(self, name: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Writes one file and notes it, unless it would be empty."""
        digest, size = hashlib.sha256(), 0

        def measured() -> Iterator[bytes]:
            nonlocal size
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                yield chunk

        yield from self.archive.member(name, measured())
        if size:
            self.manifest.note(name, size, digest.hexdigest())

    def lines(self, folder: str, kind: str, rows: Iterable[Facts]) -> Iterator[bytes]:
        found = self.manifest.counted(kind, rows)
        yield from self.member(f"{folder}/{kind}.jsonl", (dump(row) + b"\n" for row in found))

    def array(self, folder: str, kind: str, rows: Iterable[Facts]) -> Iterator[bytes]:
        found = list(self.manifest.counted(kind, rows))
        text = orjson.dumps(found, option=orjson.OPT_UTC_Z | orjson.OPT_INDENT_2) + b"\n"
        yield from self.member(f"{folder}/{kind}.json", [text] if found else [])

    def job(self, kept: Kept, folder: str) -> Iterator[bytes]:
        self.manifest.counts["jobs"] += 1
        yield from self.member(f"{folder}/job.json", _newest_body(kept))
        yield from self.member(f"{folder}/summary.json", _summary(kept))
        yield from self.lines(folder, "snapshots", map(facts.snapshot_facts, kept.snapshots))
        yield from self.lines(folder, "transitions", map(facts.transition_facts, kept.transitions))
        yield from self.lines(folder, "estimates", map(facts.estimate_facts, kept.estimates))
        yield from self.lines(folder, "events", map(facts.event_facts, kept.events))
        yield from self.array(folder, "checkpoints", map(facts.checkpoint_facts, kept.checkpoints))
        yield from self.member(f"{folder}/points.csv", self._points(kept))
        yield from self.array(folder, "files", map(facts.file_facts, kept.files))
        for number, file in enumerate(kept.files, start=1):
            yield from self._content(f"{folder}/files", number, file)

    def _points(self, kept: Kept) -> Iterator[bytes]:
        names = ("metric", "step", "value", "source", "seen_at")
        rows = self.manifest.counted("points", map(facts.point_facts, kept.points))
        for number, row in enumerate(rows):
            head = b"" if number else cells.line(names)
            yield head + cells.line([row[name] for name in names])

    def _content(self, folder: str, number: int, file: NamedFile) -> Iterator[bytes]:
        received = file.received()
        if file.row is None or received is None:
            return
        self.manifest.counts["contents"] += 1
        said = file.row.filename or file.provider_id
        yield from self.member(f"{folder}/{file_name(number, said, '.received')}", [received])
        decoded = read_result_file(received).text.encode()
        yield from self.member(f"{folder}/{file_name(number, said, '.csv')}", [decoded])


def bundle_of(jobs: JobQuerySet, on_job: Callable[[], object], now: datetime) -> Iterator[bytes]:
    """Equal but for `exported_at` in the manifest, as long as the jobs do not change."""
    with ZipStream() as archive, Manifest() as manifest:
        writer = Bundle(archive, manifest)
        yield from writer.member("README.txt", [README])
        yield from writer.member("jobs.csv", table_of(jobs, lambda: None))
        same = twins(jobs)
        for kept in everything(jobs):
            yield from writer.job(kept, _folder(kept.job, same))
            on_job()
        yield from archive.member(MANIFEST, manifest.chunks(now))
        yield from archive.end()


def _folder(job: Job, same: frozenset[tuple[int, str]]) -> str:
    has_twin = (job.connection_id, job.provider_id.lower()) in same
    name = folder_name(job.provider_id, has_twin=has_twin)
    return f"jobs/{folder_name(job.connection.slug)}/{name}"


def _newest_body(kept: Kept) -> list[bytes]:
    """A retrieve is the truth about a job; the list stands in where there was none."""
    newest = {one.source: one for one in kept.newest}
    found = newest.get(Snapshot.Source.RETRIEVE) or newest.get(Snapshot.Source.LIST)
    return [found.body.encode()] if found else []


def _summary(kept: Kept) -> list[bytes]:
    connection = facts.connection_facts(kept.job.connection)
    said = {"connection": connection, "job": facts.job_facts(kept.job)}
    return [dump(said, is_pretty=True) + b"\n"]
