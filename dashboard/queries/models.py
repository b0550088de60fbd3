"""The register of fine-tuned models and checkpoints: what may be used, and until when."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count
from django.urls import reverse

from accounts.models import Team
from dashboard import words
from dashboard.queries import models_filter
from dashboard.queries.models_ends import (
    RETIRED,
    UNANNOUNCED,
    End,
    Ends,
    Pair,
    Retirements,
    ends_of,
    retirements,
)
from dashboard.queries.models_filter import DAYS, LIMIT, ModelFilter
from jobs.models import Checkpoint, Connection, File, Job
from jobs.models.job import JobQuerySet

__all__ = ["ModelFilter", "ModelRow", "ModelsPage", "SavedModel", "every_row", "models"]
BASES_OFFERED = 100
SHORT_HASH = 12
PORTION = 2000  # rows of a download in memory


@dataclass(frozen=True, slots=True)
class SavedModel:
    """A checkpoint with a model of its own. `is_listed`: in the provider's last list of them."""

    model: str
    step: int | None
    loss: float | None
    is_listed: bool
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One job's models. `model`: "" when only checkpoints are left of it.

    `hashes`: SHA-256 of the result files kept here, each with its file. `checked_at`: when the
    provider's list was read that the day is from.
    """

    model: str
    job: Job
    name: str
    url: str
    connection_url: str
    end: End
    checked_at: datetime | None
    checkpoints: tuple[SavedModel, ...]
    hashes: tuple[str, ...]

    @property
    def figure(self) -> float | None:
        return self._best[1]

    @property
    def figure_label(self) -> str:
        return self._best[0]

    @property
    def short_hash(self) -> str:
        return self.hashes[0][:SHORT_HASH] if self.hashes else ""

    @property
    def _best(self) -> tuple[str, float | None]:
        told = (
            ("best validation loss", self.job.best_valid_loss),
            ("reward", self.job.reward),
            ("training loss", self.job.train_loss),
        )
        return next((one for one in told if one[1] is not None), ("", None))


@dataclass(frozen=True, slots=True)
class Chip:
    value: str
    word: str
    count: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class ModelsPage:
    """`total`: jobs with models under the filter but its days; `everything`: without any filter."""

    asked: ModelFilter
    verdict: str
    everything: int
    total: int
    chips: tuple[Chip, ...]
    bases: tuple[str, ...]
    retirements: Retirements
    rows: tuple[ModelRow, ...]
    next_after: UUID | None
    has_openai: bool


@dataclass(frozen=True, slots=True)
class Register:
    """What all parts of the page look at. `counts`: jobs with models by connection and base model."""

    connections: Mapping[int, Connection]
    jobs: JobQuerySet
    counts: Mapping[Pair, int]
    ends: Ends


def models(team: Team, asked: ModelFilter, now: datetime) -> ModelsPage:
    """The page that `asked` describes; twelve statements at most, however many rows there are."""
    register = register_of(team, now)
    found = models_filter.searched(register.jobs, asked, register.ends)
    is_searched = bool(asked.q or asked.base)
    counts = _counts(found) if is_searched else register.counts
    rows, next_after = _page(found, asked, register)
    soon = retirements(team, register.ends, register.counts, now)
    return ModelsPage(
        asked=asked,
        verdict=_verdict(register),
        everything=sum(register.counts.values()),
        total=sum(counts.values()),
        chips=tuple(_chips(asked, counts, register.ends)),
        bases=_bases(register, asked),
        retirements=soon,
        rows=rows,
        next_after=next_after,
        has_openai=any(one.dialect == "openai" for one in register.connections.values()),
    )


def register_of(team: Team, now: datetime) -> Register:
    live = Connection.objects.for_team(team).live().select_related("catalog").order_by("name")
    connections = {one.pk: one for one in live}
    jobs = Job.objects.for_team(team).filter(connection__in=connections, archived_at=None)
    jobs = models_filter.made(jobs)
    counts = _counts(jobs)
    return Register(connections, jobs, counts, ends_of(connections, counts, now.date()))


def _counts(jobs: JobQuerySet) -> dict[Pair, int]:
    rows = jobs.order_by().values_list("connection_id", "base_model").annotate(count=Count("pk"))
    return {(connection_id, name): count for connection_id, name, count in rows}


def _page(
    found: JobQuerySet, asked: ModelFilter, register: Register
) -> tuple[tuple[ModelRow, ...], UUID | None]:
    jobs = models_filter.ordered(
        models_filter.within(found, asked, register.ends), asked, register.ends
    )
    last = models_filter.last_shown(jobs, asked.after)
    if last:
        jobs = models_filter.beyond(jobs, asked, last)
    listed = list(models_filter.job_of(jobs)[: LIMIT + 1])
    shown = listed[:LIMIT]
    return _rows(shown, register), shown[-1].public_id if len(listed) > LIMIT else None


def every_row(team: Team, asked: ModelFilter, now: datetime) -> Iterator[ModelRow]:
    """All rows that the filter lets through, in its order, page by page."""
    register = register_of(team, now)
    found = models_filter.searched(register.jobs, asked, register.ends)
    jobs = models_filter.ordered(
        models_filter.within(found, asked, register.ends), asked, register.ends
    )
    rest = jobs
    while listed := list(models_filter.job_of(rest)[:PORTION]):
        yield from _rows(listed, register)
        last = listed[-1]
        place = {"key": last.key, "listed_at": last.listed_at, "pk": last.pk}  # type: ignore[attr-defined]  # annotated by `ordered`
        rest = models_filter.beyond(jobs, asked, place)


def _rows(jobs: Sequence[Job], register: Register) -> tuple[ModelRow, ...]:
    saved, hashes = _checkpoints(jobs), _hashes(jobs)
    return tuple(_row(job, register, saved.get(job.pk, ()), hashes) for job in jobs)


def _row(
    job: Job,
    register: Register,
    saved: Sequence[Checkpoint],
    hashes: Mapping[tuple[int, str], str],
) -> ModelRow:
    connection = register.connections[job.connection_id]
    named = [name for name in job.result_files if isinstance(name, str)]
    catalog = getattr(connection, "catalog", None)
    model = job.fine_tuned_model or ""
    return ModelRow(
        model=model,
        job=job,
        name=job.name,
        url=reverse("job", args=[connection.slug, job.provider_id]),
        connection_url=reverse("connection", args=[connection.slug]),
        end=register.ends[job.connection_id, job.base_model],
        checked_at=catalog.read_at if catalog else None,
        # The last checkpoint is the model itself, under the same name.
        checkpoints=tuple(_saved(one, job) for one in saved if one.model != model),
        hashes=tuple(
            found for name in named if (found := hashes.get((job.connection_id, name), ""))
        ),
    )


def _saved(one: Checkpoint, job: Job) -> SavedModel:
    """Listed, as far as we know: the provider named it when it was asked last."""
    asked_at, seen_at = job.checkpoints_read_at, one.last_seen_at
    losses = (one.metrics.get("full_valid_loss"), one.metrics.get("valid_loss"))
    numbers = (value for value in losses if isinstance(value, int | float))
    return SavedModel(
        model=one.model,
        step=one.step,
        loss=next((float(value) for value in numbers), None),
        is_listed=asked_at is None or (seen_at is not None and seen_at >= asked_at),
        last_seen_at=seen_at,
    )


def _checkpoints(jobs: Sequence[Job]) -> dict[int, list[Checkpoint]]:
    found: dict[int, list[Checkpoint]] = {}
    rows = Checkpoint.objects.filter(job__in=[job.pk for job in jobs], model__gt="")
    for one in rows.order_by("-step", "-pk") if jobs else ():
        found.setdefault(one.job_id, []).append(one)
    return found


def _hashes(jobs: Sequence[Job]) -> dict[tuple[int, str], str]:
    """SHA-256 of the result files that are kept here, by connection and the provider's file id."""
    names = [name for job in jobs for name in job.result_files if isinstance(name, str)]
    if not names:
        return {}
    rows = File.objects.filter(
        connection__in={job.connection_id for job in jobs}, provider_id__among=names
    ).exclude(sha256="")
    columns = rows.values_list("connection_id", "provider_id", "sha256")
    return {(connection_id, name): sha256 for connection_id, name, sha256 in columns}


def _chips(asked: ModelFilter, counts: Mapping[Pair, int], ends: Ends) -> Iterator[Chip]:
    spans = [(days, f"Within {days} days") for days in DAYS]
    for value, word in ((UNANNOUNCED, "Not announced"), (RETIRED, "Retired")):
        spans.append((value, word))
    for value, word in (("", "All"), *spans):
        count = sum(number for pair, number in counts.items() if ends[pair].is_within(value))
        yield Chip(value, word, count, is_chosen=value == asked.days)


def _bases(register: Register, asked: ModelFilter) -> tuple[str, ...]:
    names = sorted({end.base_model for end in register.ends.values() if end.base_model})
    offered = names[:BASES_OFFERED]
    return (*offered, asked.base) if asked.base and asked.base not in offered else tuple(offered)


def _verdict(register: Register) -> str:
    """How many there are, and which one ends first."""
    total = sum(register.counts.values())
    if not total:
        return "No fine-tuned model yet."
    near = {pair: end for pair, end in register.ends.items() if end.is_within(DAYS[-1])}
    retired = sum(register.counts[pair] for pair, end in register.ends.items() if end.is_past)
    told = f"{words.counted(total, 'job')} with models: {_ending(register, near)}"
    return f"{told}; {words.thin(retired)} retired." if retired else f"{told}."


def _ending(register: Register, near: Mapping[Pair, End]) -> str:
    if not near:
        return f"none is known to retire within {DAYS[-1]} days"
    number = sum(register.counts[pair] for pair in near)
    days = min(end.days or 0 for end in near.values())
    first = sorted({end.base_model for end in near.values() if end.days == days})
    names = first[0] if len(first) == 1 else f"{first[0]} and {words.thin(len(first) - 1)} more"
    when = f"in {words.thin(days)} d" if days else "today"
    retire = "retires" if number == 1 else "retire"
    return f"{words.thin(number)} {retire} within {DAYS[-1]} days, {names} first, {when}"
