"""JSON Lines: one line a job, with everything that is known of it."""

import base64
from collections.abc import Callable, Iterable, Iterator

from jobs.export import facts
from jobs.export.facts import Facts, dump
from jobs.export.reading import Kept, NamedFile, everything
from jobs.models.job import JobQuerySet

FORMAT = "tunebell-job/1"


def lines_of(jobs: JobQuerySet, on_job: Callable[[], object]) -> Iterator[bytes]:
    """A line comes in pieces, so that a job with a million points takes no more memory than any."""
    for kept in everything(jobs):
        yield from _line(kept)
        on_job()


def _line(kept: Kept) -> Iterator[bytes]:
    head = {
        "format": FORMAT,
        "connection": facts.connection_facts(kept.job.connection),
        "job": facts.job_facts(kept.job),
    }
    yield dump(head).removesuffix(b"}")
    yield from _array("snapshots", map(facts.snapshot_facts, kept.snapshots))
    yield from _array("transitions", map(facts.transition_facts, kept.transitions))
    yield from _array("estimates", map(facts.estimate_facts, kept.estimates))
    yield from _array("events", map(facts.event_facts, kept.events))
    yield from _array("checkpoints", map(facts.checkpoint_facts, kept.checkpoints))
    yield from _array("points", map(facts.point_facts, kept.points))
    yield from _array("files", map(_file, kept.files))
    yield b"}\n"


def _array(name: str, items: Iterable[Facts]) -> Iterator[bytes]:
    yield f',"{name}":['.encode()
    for number, item in enumerate(items):
        yield b"," + dump(item) if number else dump(item)
    yield b"]"


def _file(file: NamedFile) -> Facts:
    """`content`: the bytes as received, in base64; null when they are not kept."""
    received = file.received()
    packed = base64.b64encode(received).decode() if received is not None else None
    return {**facts.file_facts(file), "content": packed}
