"""What the page of a connection says about its archive."""

from dataclasses import dataclass
from datetime import datetime

from jobs import archive
from jobs.models import Backfill, Connection


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
    )
