"""One row of the jobs list, out of the job's own columns."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from dashboard.charts import label_of
from jobs.models import Connection, Job
from providers.states import State


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

    @property
    def is_failed(self) -> bool:
        return self.state == State.FAILED.value

    @property
    def reason(self) -> str:
        """Why it failed; it takes the place of curve, progress and tokens."""
        return (self.error_code or self.error_line) if self.is_failed else ""


def row_of(job: Job, connection: Connection) -> Row:
    detail = (job.base_model, connection.name)
    message = (job.error_message or "").strip().partition("\n")[0]
    progress = job.progress
    return Row(
        id=job.pk,
        url=reverse("job", args=[connection.slug, job.provider_id]),
        name=job.name,
        detail=" · ".join(part for part in detail if part),
        file=job.training_file or "",
        state=job.state,
        raw_status=job.raw_status,
        is_missing=job.is_missing,
        is_restart=job.restarted_from is not None,
        curve=job.curve,
        figure=job.headline_value,
        figure_label=label_of(job.headline_metric) if job.headline_metric else "",
        progress=None if progress is None or job.is_over else round(progress * 100),
        step=None if job.is_over else job.step,
        trained_tokens=job.trained_tokens,
        error_code=job.error_code or "",
        error_line=message[:120],
        changed_at=job.changed_at or job.ended_at or job.created_at,
        created_at=job.created_at,
        flags=tuple(job.flags.split()),
    )
