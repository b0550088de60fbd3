"""What is known about jobs. One module a noun; import from here."""

from jobs.models.backfill import Backfill
from jobs.models.connection import Connection, Health
from jobs.models.facts import Checkpoint, Estimate, Event, Point, PointSource, Snapshot, Transition
from jobs.models.file import File
from jobs.models.job import Job

__all__ = [
    "Backfill",
    "Checkpoint",
    "Connection",
    "Estimate",
    "Event",
    "File",
    "Health",
    "Job",
    "Point",
    "PointSource",
    "Snapshot",
    "Transition",
]
