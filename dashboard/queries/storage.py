"""What /status/ says of the room that is left, and of what is forgotten to keep it."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from accounts.models import Team
from dashboard import disk
from dashboard.disk import Disk
from dashboard.queries.retention import retention_page


@dataclass(frozen=True, slots=True)
class Storage:
    """`disk`: below the SQLite file, else below the data folder; None where it cannot be seen.

    `pruned_at`: when the last round of the team's retention ended.
    """

    disk: Disk | None
    is_elsewhere: bool  # the database, on a server whose disk is not seen from here
    is_low: bool
    database_bytes: int
    is_pruned: bool
    retention: str
    pruned_at: datetime | None


def storage(team: Team) -> Storage:
    below = disk.of_database()
    kept = retention_page(team)
    return Storage(
        disk=below or disk.of_data_folder(),
        is_elsewhere=connection.vendor != "sqlite",
        is_low=bool(below and below.is_low),
        database_bytes=disk.database_bytes(),
        is_pruned=kept.is_on,
        retention=kept.verdict,
        pruned_at=kept.pruned_at,
    )
