"""The pages of one job that have an address of their own: its timeline, changes, events, answers and files."""

from dataclasses import dataclass

from django.urls import reverse

from dashboard.queries import events, files, snapshots
from dashboard.queries.changes import Changes
from jobs.models import Job

Part = events.Events | snapshots.Timeline | snapshots.Raw | Changes | files.FilePage
SISTERS: dict[str, type[Part]] = {
    "Timeline": snapshots.Timeline,
    "Changes": Changes,
    "Events": events.Events,
    "Raw": snapshots.Raw,
}


@dataclass(frozen=True, slots=True)
class Sister:
    word: str
    url: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class SubPage:
    """A page of one job that has an address of its own. `part` is what it shows."""

    job: Job
    url: str
    part: Part

    @property
    def events_url(self) -> str:
        return f"{self.url}events/"

    @property
    def sisters(self) -> tuple[Sister, ...]:
        """The other pages of the job, to go from one to the next."""
        return tuple(
            Sister(word, f"{self.url}{word.lower()}/", isinstance(self.part, kind))
            for word, kind in SISTERS.items()
        )


def sub_page(job: Job, part: Part) -> SubPage:
    return SubPage(job, reverse("job", args=[job.connection.slug, job.provider_id]), part)
