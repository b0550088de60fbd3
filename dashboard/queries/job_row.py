"""One row of the jobs list, out of the job's own columns."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.urls import reverse

from alerts.models import Silence
from dashboard import words
from dashboard.charts import label_of
from jobs.models import Connection
from jobs.models.job import share_done
from providers.states import State

if TYPE_CHECKING:
    from jobs.models.job import JobQuerySet

MESSAGE_SHOWN = 120


class Listed(NamedTuple):
    """What a list reads of a job: a third of its columns, by their names. As models, fifty of them took
    1.2 ms more to read.
    """

    id: int
    connection_id: int
    provider_id: str
    suffix: str | None
    state: str
    raw_status: str
    base_model: str
    method: str | None
    training_file: str | None
    seed: int | None
    tags: str
    flags: str
    is_missing: bool
    is_paused: bool
    restarted_from: str | None
    error_code: str | None
    error_message: str | None
    curve: list[float]
    headline_metric: str
    headline_value: float | None
    step: float | None
    total_steps: int | None
    trained_tokens: int | None
    cost_usd: float | None
    train_loss: float | None
    valid_loss: float | None
    best_valid_loss: float | None
    reward: float | None
    created_at: datetime | None
    changed_at: datetime | None
    ended_at: datetime | None
    stuck_since: datetime | None
    archived_at: datetime | None
    is_muted: bool

    @property
    def name(self) -> str:
        return self.suffix or self.provider_id

    @property
    def is_over(self) -> bool:
        return State(self.state).is_over

    @property
    def error_line(self) -> str:
        """The first line of the message, as far as a row has room."""
        return (self.error_message or "").strip().partition("\n")[0][:MESSAGE_SHOWN]

    @property
    def took(self) -> timedelta | None:
        """From its creation to its end."""
        return self.ended_at - self.created_at if self.ended_at and self.created_at else None


@dataclass(frozen=True, slots=True)
class Row:
    """One job as the list shows it."""

    id: int
    url: str
    name: str
    detail: str
    file: str
    state: str
    raw_status: str
    is_missing: bool
    is_restart: bool
    curve: list[float]
    figure: float | None
    figure_label: str
    progress: int | None  # percent
    step: float | None
    trained_tokens: int | None
    error_code: str
    error_line: str
    changed_at: datetime | None
    created_at: datetime | None
    flags: tuple[str, ...] = ()  # the kinds of its open conditions
    tags: tuple[str, ...] = ()
    is_muted: bool = False
    is_unwatched: bool = False  # while it may still move
    base_model: str = ""
    connection: str = ""
    provider_id: str = ""
    method: str = ""
    seed: int | None = None
    train_loss: float | None = None
    valid_loss: float | None = None
    best_valid_loss: float | None = None
    reward: float | None = None
    cost_usd: float | None = None
    ended_at: datetime | None = None
    took: timedelta | None = None  # from its creation to its end

    @property
    def is_failed(self) -> bool:
        return self.state == State.FAILED.value

    @property
    def reason(self) -> str:
        """Why it failed; it takes the place of curve, progress and tokens."""
        return (self.error_code or self.error_line) if self.is_failed else ""

    @property
    def duration(self) -> str:
        return "" if self.took is None else words.clock(self.took)


def read(jobs: "JobQuerySet") -> list[Listed]:
    """These jobs, in their order, and whether somebody silenced each."""
    found = jobs.annotate(is_muted=_is_muted()).values_list(*Listed._fields)
    return [Listed._make(values) for values in found]


@cache
def _is_muted() -> Exists:
    """Built once, for every list has it."""
    silence = Silence.objects.filter(job=OuterRef("pk")).filter(Q(until=None) | Q(until__gt=Now()))
    return Exists(silence)


def row_of(job: Listed, connection: Connection) -> Row:
    detail = " · ".join(part for part in (job.base_model, connection.name) if part)
    progress, is_over = share_done(job.step, job.total_steps), job.is_over
    return Row(
        id=job.id,
        url=_url(connection.slug, job.provider_id),
        name=job.name,
        detail=detail,
        file=job.training_file or "",
        state=job.state,
        raw_status=job.raw_status,
        is_missing=job.is_missing,
        is_restart=job.restarted_from is not None,
        is_unwatched=_is_unwatched(job, connection),
        curve=job.curve,
        figure=job.headline_value,
        figure_label=label_of(job.headline_metric) if job.headline_metric else "",
        progress=None if progress is None or is_over else round(progress * 100),
        step=None if is_over else job.step,
        trained_tokens=job.trained_tokens,
        error_code=job.error_code or "",
        error_line=job.error_line,
        changed_at=job.changed_at or job.ended_at or job.created_at,
        created_at=job.created_at,
        flags=tuple(job.flags.split()),
        tags=tuple(job.tags.split()),
        is_muted=job.is_muted,
        base_model=job.base_model,
        connection=connection.name,
        provider_id=job.provider_id,
        method=job.method or "",
        seed=job.seed,
        train_loss=job.train_loss,
        valid_loss=job.valid_loss,
        best_valid_loss=job.best_valid_loss,
        reward=job.reward,
        cost_usd=job.cost_usd,
        ended_at=job.ended_at,
        took=job.took,
    )


def _is_unwatched(job: Listed, connection: Connection) -> bool:
    """Whether it may move on without our seeing it."""
    return not job.is_over and (
        job.is_paused or connection.is_paused or job.archived_at is not None
    )


@lru_cache(maxsize=4096)
def _url(slug: str, provider_id: str) -> str:
    """Lists come again and again with the same jobs; fifty addresses took 0.5 ms."""
    return reverse("job", args=[slug, provider_id])
