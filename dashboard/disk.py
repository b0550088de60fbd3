"""The disk below the database: a monitor that cannot write watches nothing.

Judged is the disk of an SQLite file only. Where PostgreSQL keeps its data cannot be seen from here.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection

from dashboard import words

GB = 10**9


@dataclass(frozen=True, slots=True)
class Disk:
    free: int
    total: int

    @property
    def is_low(self) -> bool:
        """Below 5 %, at least below 1 GB: but 10 GB last long on any disk, and a volume may have 1 GB in all."""
        return self.free < min(max(self.total * 0.05, GB), 10 * GB, self.total * 0.2)

    @property
    def told(self) -> str:
        return f"{words.size(self.free)} free of {words.size(self.total)}"

    @property
    def trouble(self) -> str:
        """The sentence about a disk that is nearly full; "" about others."""
        return f"The disk of the database is nearly full: {self.told}." if self.is_low else ""


def of_database() -> Disk | None:
    """None where the database is on another machine, or in memory."""
    if connection.vendor != "sqlite":
        return None
    file = Path(connection.settings_dict["NAME"])
    return _disk_of(file.parent) if file.is_file() else None


def of_data_folder() -> Disk | None:
    """None where it cannot be seen."""
    return _disk_of(settings.DATA_DIR)


def _disk_of(folder: Path) -> Disk | None:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return Disk(usage.free, usage.total)


_SIZE_SQL = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}


def database_bytes() -> int:
    """Of all tables and indexes, without the log that is written ahead."""
    with connection.cursor() as cursor:
        cursor.execute(_SIZE_SQL[connection.vendor])
        return int(cursor.fetchone()[0])
