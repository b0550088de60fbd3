"""Whether a job is muted or snoozed, as its page says it."""

from dataclasses import dataclass
from datetime import datetime

from alerts.models import Silence
from alerts.silences import SPANS
from jobs.models import Job

CHOICES = tuple((span, words) for span, (_, words) in SPANS.items())


@dataclass(frozen=True, slots=True)
class SilencePanel:
    """`word`: "" while the job may ring. `until`: None for good. `by`: "" when nobody knows."""

    word: str = ""
    until: datetime | None = None
    since: datetime | None = None
    by: str = ""
    choices: tuple[tuple[str, str], ...] = CHOICES


def silence_of(job: Job, now: datetime) -> SilencePanel:
    """Reads what `find_job` selected with the job."""
    silence = getattr(job, "silence", None)
    if not isinstance(silence, Silence) or (silence.until and silence.until <= now):
        return SilencePanel()
    return SilencePanel(
        word="Snoozed" if silence.until else "Muted",
        until=silence.until,
        since=silence.created_at,
        by=str(silence.creator) if silence.creator else "",
    )
