"""What the page of a connection says about its archive."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from dashboard import words
from jobs import archive
from jobs.models import Backfill, Connection, File

Fetch = File.Fetch
# What became of files, in the order of telling. Of training data only the description is kept.
FATES = {
    Fetch.STORED: "kept",
    Fetch.WANTED: "could not be read",
    Fetch.GONE: "gone at the provider",
    Fetch.REFUSED: "refused by the provider",
    Fetch.TOO_LARGE: "too large to keep",
}


@dataclass(frozen=True, slots=True)
class ArchivePanel:
    """`percent` None while the list is being read. Counts are of jobs that are over."""

    state: str  # "" when none was ever asked for, else running, paused or done
    total: int
    done: int
    failed: int
    left: int
    percent: int | None
    listed_count: int
    trouble: str
    started_at: datetime | None
    finished_at: datetime | None
    files: str  # "12 kept, 1 refused by the provider"; "" while none was asked for

    @property
    def is_running(self) -> bool:
        return self.state == Backfill.State.RUNNING

    @property
    def is_paused(self) -> bool:
        return self.state == Backfill.State.PAUSED

    @property
    def is_done(self) -> bool:
        return self.state == Backfill.State.DONE


def archive_panel(connection: Connection) -> ArchivePanel:
    backfill = Backfill.objects.filter(connection=connection).first()
    now = archive.progress(connection)
    return ArchivePanel(
        state=backfill.state if backfill else "",
        total=now.total,
        done=now.done,
        failed=now.failed,
        left=now.left,
        percent=int(now.share * 100) if now.share is not None else None,
        listed_count=backfill.listed_count if backfill else 0,
        trouble=backfill.trouble if backfill else "",
        started_at=backfill.started_at if backfill else None,
        finished_at=backfill.finished_at if backfill else None,
        files=_files(connection),
    )


def _files(connection: Connection) -> str:
    rows = File.objects.filter(connection=connection).order_by().values_list("fetch")
    counts = dict(rows.annotate(Count("pk")))
    told = ((counts.get(fate.value, 0), said) for fate, said in FATES.items())
    return ", ".join(f"{words.thin(number)} {said}" for number, said in told if number)
