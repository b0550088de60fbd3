"""What to do about a failed job: the advice, with the line, the hour and the pages it speaks of."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.urls import reverse

from alerts.advice import Advice, advice_for
from alerts.consoles import Link, links
from dashboard.queries.files import FileRow
from jobs.models import Job
from providers.states import State


@dataclass(frozen=True, slots=True)
class NextStep:
    """`line_url`: the named line in our copy of the file, "" where none is kept. `links`: elsewhere.

    `frees_at`: when a daily limit begins anew, None where it has or there is none.
    """

    title: str
    steps: tuple[str, ...]
    line: int
    line_url: str
    links: tuple[Link, ...]
    frees_at: datetime | None


def next_step(job: Job, files: tuple[FileRow, ...], now: datetime) -> NextStep | None:
    """For a job that failed or carries an error; None for a healthy one."""
    if not job.has_error and job.state != State.FAILED.value:
        return None
    advice = advice_for(job.error_code, job.error_message, job.error_param)
    return NextStep(
        title=advice.title,
        steps=advice.steps,
        line=advice.line,
        line_url=_line_url(job, advice, files),
        links=links(job.connection.dialect, advice.places),
        frees_at=_frees_at(job, now) if advice.is_daily else None,
    )


def _line_url(job: Job, advice: Advice, files: tuple[FileRow, ...]) -> str:
    """Only of a content that is kept here: most are not, for training files are private."""
    role = "Validation" if job.error_param == "validation_file" else "Training"
    kept = next((one for one in files if one.role == role and one.is_stored), None)
    if not advice.line or kept is None:
        return ""
    page = reverse("file-preview", args=[job.connection.slug, job.provider_id, kept.provider_id])
    return f"{page}?line={advice.line}#line-{advice.line}"


def _frees_at(job: Job, now: datetime) -> datetime | None:
    failed_at = (job.ended_at or now).astimezone(UTC)
    next_day = failed_at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return next_day if next_day > now else None
