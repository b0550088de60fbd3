"""All jobs and files the simulator knows, newest first. The only thing that changes while it runs."""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from simulator import creation, dice, editing, life, metrics, population, render, statefile
from simulator.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from simulator.statefile import State

UPLOAD_CAP_BYTES = 64 * 1024 * 1024

Told = tuple[str, object, object]


@dataclass(frozen=True, slots=True, eq=False)
class Verbatim:
    """A job that is served exactly as somebody wrote it, with whatever belongs to it, newest first."""

    id: str
    created_at: float
    job: Mapping[str, object]
    events: tuple[Mapping[str, object], ...] = ()
    checkpoints: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """A file: its object and its bytes."""

    about: Mapping[str, object]
    content: bytes


@dataclass(frozen=True, slots=True)
class Served:
    """A job as bytes, and what those bytes say: (id, status, trained tokens)."""

    body: bytes
    told: Told


class Full(Exception):
    """The files uploaded so far fill the memory that is kept for them."""


Known = Spec | Verbatim


@dataclass(slots=True)
class Ledger:
    """Jobs by id and in the order of creation. Methods may be called by many threads."""

    state: State
    started_at: float
    path: Path | None = None
    _jobs: dict[str, Known] = field(default_factory=dict)
    _order: list[tuple[float, int, str]] = field(default_factory=list)
    _places: dict[str, tuple[float, int, str]] = field(default_factory=dict)
    _owners: dict[str, str] = field(default_factory=dict)
    _files: dict[str, Stored] = field(default_factory=dict)
    _finished: dict[str, tuple[Known, Served]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        world = self.state.world
        for spec in population.initial(world):
            self._put(spec)
        for number, moment in enumerate(self.state.arrived):
            self._put(population.arrival(world, number, moment))
        for spec in self.state.jobs.values():
            self._put(spec)

    def _put(self, known: Known) -> None:
        with self._lock:
            place = (known.created_at, self._leave_place(known.id), known.id)
            insort(self._order, place)
            self._places[known.id] = place
            self._jobs[known.id] = known
            if isinstance(known, Spec):
                for file_id in (known.result_file, known.training_file, known.validation_file):
                    self._owners[file_id or ""] = known.id

    def _leave_place(self, job_id: str) -> int:
        """Serial number to be placed with: the old one for a job that is known already."""
        place = self._places.get(job_id)
        if place is None:
            return len(self._places)
        del self._order[bisect_left(self._order, place)]
        return place[1]

    def save(self) -> None:
        if self.path is not None:
            statefile.write(self.path, self.state)

    def admit(self, now: float) -> None:
        """Lets the jobs begin that start by themselves; kept on disk before anybody hears of them."""
        with self._lock:
            due = self._next_arrival_at()
            if due is None or due > now:
                return
            while due is not None and due <= now:
                self.state.arrived.append(due)
                self._put(population.arrival(self.state.world, len(self.state.arrived) - 1, due))
                due = self._next_arrival_at()
            self.save()

    def _next_arrival_at(self) -> float | None:
        return population.next_arrival_at(self.state.world, self.state.arrived, self.started_at)

    def job(self, job_id: str) -> Known | None:
        return self._jobs.get(job_id)

    def all_jobs(self) -> list[Known]:
        with self._lock:
            return list(self._jobs.values())

    def newest_first(
        self, after: str | None, metadata: Mapping[str, str] | str | None
    ) -> Iterator[Known]:
        """Jobs older than `after`. `metadata`: pairs to have, "null" for jobs without, None for all."""
        with self._lock:
            end = bisect_left(self._order, self._places[after]) if after else len(self._order)
            order = self._order if metadata else self._order[max(end - 128, 0) : end]
            wanted = list(reversed(order[:end]))
        for _, _, job_id in wanted:
            known = self._jobs[job_id]
            if metadata is None or _matches(known, metadata):
                yield known

    def newest(self, offset: int, count: int) -> tuple[list[Known], int]:
        """So many jobs after the newest `offset` ones, newest first; and how many there are at all."""
        with self._lock:
            end = max(len(self._order) - offset, 0)
            wanted = reversed(self._order[max(end - count, 0) : end])
            return [self._jobs[job_id] for _, _, job_id in wanted], len(self._order)

    def active_jobs(self, now: float) -> dict[str, int]:
        """Base model -> how many of its jobs are not over; models without jobs are left out."""
        with self._lock:
            specs = [known for known in self._jobs.values() if isinstance(known, Spec)]
        found: dict[str, int] = {}
        for spec in specs:
            found[spec.model] = found.get(spec.model, 0) + (not life.is_over(spec, now))
        return found

    def serve(self, known: Known, now: float) -> Served:
        """The job as bytes; those of a job that is over are made once."""
        kept = self._finished.get(known.id)
        if kept is not None and kept[0] is known:
            return kept[1]
        body = dict(known.job) if isinstance(known, Verbatim) else render.job(known, now)
        served = Served(
            orjson.dumps(body),
            (known.id, body.get("state", body.get("status")), body.get("trained_tokens")),
        )
        if isinstance(known, Verbatim) or life.is_over(known, now):
            self._finished[known.id] = (known, served)
        return served

    def create(self, body: Mapping[str, object], now: float) -> Spec:
        """Raises creation.Refused."""
        with self._lock:
            uploaded = self._files.get(str(body.get("training_file")))
            findings = creation.inspect_training_file(uploaded.content) if uploaded else None
            spec = creation.accept(self.state.world, self.state.created, now, body, findings)
            self.state.created += 1
            return self.keep(spec)

    def keep(self, spec: Spec) -> Spec:
        """Adds or replaces a job, for good."""
        with self._lock:
            self.state.jobs[spec.id] = spec
            self._put(spec)
            self.save()
            return spec

    def new_id(self) -> str:
        with self._lock:
            self.state.created += 1
            return "ftjob-" + dice.code(24, "made", self.state.world.epoch, self.state.created)

    def cancel(self, spec: Spec, now: float) -> Spec:
        with self._lock:
            return self.keep(editing.cancel(spec, now))

    def pause(self, spec: Spec, now: float) -> Spec:
        """Raises editing.Refused."""
        with self._lock:
            return self.keep(editing.pause(spec, now))

    def resume(self, spec: Spec, now: float) -> Spec:
        """Raises editing.Refused."""
        with self._lock:
            return self.keep(editing.resume(spec, now))

    def show_verbatim(self, known: Verbatim, files: Mapping[str, Stored]) -> None:
        """Adds a job for this run only."""
        with self._lock:
            self._put(known)
            self._files.update(files)

    def upload(self, filename: str, purpose: str, content: bytes, now: float) -> Stored:
        """Keeps a file in memory. Raises Full."""
        with self._lock:
            if (
                sum(len(each.content) for each in self._files.values()) + len(content)
                > UPLOAD_CAP_BYTES
            ):
                raise Full
            file_id = "file-" + dice.code(22, "upload", now, len(self._files), filename)
            about = render.file(
                file_id, content, created_at=now, filename=filename, purpose=purpose
            )
            self._files[file_id] = Stored(about, content)
            return self._files[file_id]

    def file(self, file_id: str, now: float) -> Stored | None:
        """An uploaded file, or a file of a job; the result file from the end of the job on."""
        stored, owner = self._files.get(file_id), self._jobs.get(self._owners.get(file_id, ""))
        if stored is not None or not isinstance(owner, Spec):
            return stored
        return _file_of(owner, file_id, now)


def _file_of(spec: Spec, file_id: str, now: float) -> Stored | None:
    ended_at = life.timeline(spec).ended_at
    if file_id == spec.result_file:
        if spec.outcome != "succeeded" or now < ended_at:
            return None
        name = "results.csv" if spec.profile == "azure" else "step_metrics.csv"
        content, created_at, purpose = render.result_content(spec), ended_at, "fine-tune-results"
    else:
        name = f"{spec.suffix or 'training'}-{'valid' if file_id == spec.validation_file else 'train'}.jsonl"
        content, created_at, purpose = (
            metrics.training_lines(spec),
            spec.created_at - 60,
            "fine-tune",
        )
    return Stored(
        render.file(file_id, content, created_at=created_at, filename=name, purpose=purpose),
        content,
    )


def _matches(known: Known, wanted: Mapping[str, str] | str) -> bool:
    stored = known.metadata if isinstance(known, Spec) else known.job.get("metadata")
    if isinstance(wanted, str):
        return stored is None
    return isinstance(stored, dict) and all(
        stored.get(name) == text for name, text in wanted.items()
    )
