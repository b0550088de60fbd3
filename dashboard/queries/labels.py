"""Tags and note of a job, as its page shows them and as a form changes them."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from jobs.labels import mark_of, tags_of
from jobs.models import Job

LONG, LINES, BEGIN = 300, 4, 80  # from where on a note is folded, and what is shown of it then


@dataclass(frozen=True, slots=True)
class TagLink:
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class LabelsPanel:
    """`had` and `seen`: what a form gives back, see `jobs.labels`."""

    tags: tuple[TagLink, ...] = ()
    note: str = ""
    had: str = ""
    seen: str = ""

    @property
    def opening(self) -> str:
        """How a note begins that is folded; "" for a short one: what a job did stays on the first screen."""
        is_short = len(self.note) <= LONG and self.note.count("\n") < LINES
        return "" if is_short else f"{self.note.partition(chr(10))[0][:BEGIN]}…"

    @property
    def is_empty(self) -> bool:
        return not self.tags and not self.note


def labels_of(job: Job) -> LabelsPanel:
    tags = tags_of(job.tags)
    return LabelsPanel(
        tags=tuple(TagLink(tag, f"{reverse('jobs')}?{urlencode({'tag': tag})}") for tag in tags),
        note=job.note,
        had=" ".join(tags),
        seen=mark_of(job.note),
    )


def initial_of(job: Job) -> dict[str, str]:
    """What the form of a job's labels shows first."""
    panel = labels_of(job)
    return {"tags": panel.had, "note": panel.note, "had": panel.had, "seen": panel.seen}
