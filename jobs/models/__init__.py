"""What is known about jobs. One module a noun; import from here."""

from jobs.models.among import Among
from jobs.models.backfill import Backfill
from jobs.models.catalog import BaseModel, Catalog
from jobs.models.condition import Condition
from jobs.models.connection import Connection, Health
from jobs.models.facts import Checkpoint, Estimate, Event, Point, PointSource, Snapshot, Transition
from jobs.models.file import File
from jobs.models.job import Job
from jobs.models.price import Price, Repricing
from jobs.models.retention import Retention
from jobs.models.search_text import SearchText
from jobs.models.tally import Count, LatenessTally, RequestTally

__all__ = [
    "Among",
    "Backfill",
    "BaseModel",
    "Catalog",
    "Checkpoint",
    "Condition",
    "Connection",
    "Count",
    "Estimate",
    "Event",
    "File",
    "Health",
    "Job",
    "LatenessTally",
    "Point",
    "PointSource",
    "Price",
    "Repricing",
    "RequestTally",
    "Retention",
    "SearchText",
    "Snapshot",
    "Transition",
]
