"""One page of the jobs list in the chosen order, and where the next one begins."""

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import DateTimeField, F, FloatField, Q

from dashboard import cursors
from dashboard.queries.job_filter import JobFilter
from dashboard.queries.job_row import Listed, read
from jobs.models import Job
from jobs.models.job import UNDATED

if TYPE_CHECKING:
    from jobs.models.job import JobQuerySet

NEVER_NULL = {"listed_at"}
MICROSECOND = timedelta(microseconds=1)
MOST_DIGITS = 18


def page_of(jobs: "JobQuerySet", asked: JobFilter) -> tuple[list[Listed], str]:
    """The rows of one page and the cursor of the next ("" when there is none)."""
    found = read(ordered(beyond(jobs, asked), asked)[: asked.limit + 1])
    has_more = len(found) > asked.limit
    return found[: asked.limit], cursor_of(found[asked.limit - 1], asked) if has_more else ""


def ordered(jobs: "JobQuerySet", asked: JobFilter) -> "JobQuerySet":
    """In the chosen order; what has no value in its column comes last."""
    column, nulls_last = F(asked.column), None if asked.column in NEVER_NULL else True
    is_down = asked.is_descending
    order = column.desc(nulls_last=nulls_last) if is_down else column.asc(nulls_last=nulls_last)
    return jobs.order_by(order, "-pk")


def beyond(jobs: "JobQuerySet", asked: JobFilter) -> "JobQuerySet":
    """The jobs that come after the cursor in the chosen order; all for a cursor that is none."""
    last = place_of(asked)
    if last is None:
        return jobs
    value, pk = last
    if value is None:
        return jobs.filter(**{f"{asked.column}__isnull": True}, pk__lt=pk)
    direction = "lt" if asked.is_descending else "gt"
    if asked.column in NEVER_NULL:  # the first of the two is what an index can begin at
        from_here = jobs.filter(**{f"{asked.column}__{direction}e": value})
        return from_here.exclude(**{asked.column: value}, pk__gte=pk)
    return jobs.filter(
        Q(**{f"{asked.column}__{direction}": value})
        | Q(**{asked.column: value}, pk__lt=pk)
        | Q(**{f"{asked.column}__isnull": True})
    )


def cursor_of(job: Listed, asked: JobFilter) -> str:
    """Where this row stands: its number and its value as of now, so that a page follows the one that
    was seen, also when the row has moved or gone meanwhile.
    """
    is_listed_at = asked.column == "listed_at"  # which is not read, for it follows from another
    value = (job.created_at or UNDATED) if is_listed_at else getattr(job, asked.column)
    if isinstance(value, datetime):
        value = (value - UNDATED) // MICROSECOND
    return str(job.id) if value is None else f"{job.id}.{value}"


def place_of(asked: JobFilter) -> tuple[object, int] | None:
    """The value and row number of a cursor; None for a text that is none of this order."""
    number, dot, text = asked.after.partition(".")
    pk = cursors.whole(number)
    if pk is None:
        return None
    if not dot:
        return (None, pk) if asked.column not in NEVER_NULL else None
    try:
        return _read(text, asked.column), pk
    except (ValueError, OverflowError):
        return None


def _read(text: str, column: str) -> object:
    """Raises ValueError or OverflowError."""
    kind = Job._meta.get_field(column)  # noqa: SLF001 - Django's public way to it
    if column in NEVER_NULL or isinstance(kind, DateTimeField):
        return UNDATED + _whole(text) * MICROSECOND
    if isinstance(kind, FloatField):
        return _finite(float(text))
    return text if column == "suffix" else _whole(text)


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(text)
    return int(text)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(value)
    return value
