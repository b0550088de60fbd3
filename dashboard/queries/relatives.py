"""The jobs that a job was restarted from and as, and the base model it shares its end with."""

from dataclasses import dataclass
from datetime import date, datetime

from django.urls import reverse

from dashboard import words
from jobs.catalog import origin_of, retirement_of
from jobs.models import Job

SUCCESSORS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Relative:
    """`url`: "" for a job that is not known here; then its id is its name."""

    name: str
    url: str = ""
    state: str = ""
    raw_status: str = ""


@dataclass(frozen=True, slots=True)
class Restarts:
    before: Relative | None
    after: tuple[Relative, ...]


@dataclass(frozen=True, slots=True)
class Retirement:
    """`words`: how far away the day is, "in 53 days" or "12 days ago"."""

    model: str
    on: date
    words: str
    is_past: bool


def restarts(job: Job) -> Restarts:
    """Both ways, within the connection: a restart there has a new id."""
    siblings = Job.objects.filter(connection=job.connection_id).exclude(pk=job.pk)
    before = None
    if job.restarted_from:
        known = siblings.filter(provider_id=job.restarted_from).first()
        before = _relative(job, known) if known else Relative(job.restarted_from)
    after = siblings.filter(restarted_from=job.provider_id).order_by("created_at", "pk")
    return Restarts(before, tuple(_relative(job, one) for one in after[:SUCCESSORS_SHOWN]))


def _relative(job: Job, other: Job) -> Relative:
    url = reverse("job", args=[job.connection.slug, other.provider_id])
    return Relative(other.name, url, other.state, other.raw_status)


def retirement(job: Job, now: datetime) -> Retirement | None:
    """When the base model retires, and with it what was trained on it; None where nobody said."""
    model = retirement_of(job.connection_id, origin_of(job.base_model))
    if model is None or model.retires_on is None:
        return None
    days = (model.retires_on - now.date()).days
    return Retirement(model.name, model.retires_on, days_off(days), is_past=days < 0)


def days_off(days: int) -> str:
    """A number of days from today, in words.

    >>> days_off(53), days_off(0), days_off(-1)
    ('in 53 days', 'today', '1 day ago')
    """
    if days == 0:
        return "today"
    span = words.counted(abs(days), "day")
    return f"in {span}" if days > 0 else f"{span} ago"
