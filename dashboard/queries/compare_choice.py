"""The jobs to choose from for a comparison, and what is said when too many were chosen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from accounts.models import Team
from dashboard import words
from dashboard.queries.compare import Chosen, chosen, names_of
from dashboard.queries.compare_asked import FEWEST, MOST_CURVES, MOST_ROWS, Asked
from dashboard.queries.job_filter import JobFilter
from dashboard.queries.narrowing import narrow
from jobs.models import Connection, Job

if TYPE_CHECKING:
    from django.db.models import QuerySet

FOUND = 20  # of the newest jobs


@dataclass(frozen=True, slots=True)
class Candidate:
    """A job with its box. `detail`: what was trained where; `result`: "" where there is none yet."""

    id: int
    name: str
    detail: str
    result: str
    state: str
    raw_status: str
    created_at: datetime | None
    is_ticked: bool


@dataclass(frozen=True, slots=True)
class ChoicePage:
    asked: Asked
    ticked: tuple[Candidate, ...]
    found: tuple[Candidate, ...]

    @property
    def verdict(self) -> str:
        if len(self.ticked) == 1:
            return f"{self.ticked[0].name} and which others? Up to {MOST_CURVES} with curves."
        return f"Choose {FEWEST} to {MOST_CURVES} jobs; a table without curves holds {MOST_ROWS}."

    @property
    def back_url(self) -> str:
        """The comparison as it is; "" while there is none."""
        return replace(self.asked, is_choosing=False, q="").url if len(self.ticked) > 1 else ""


@dataclass(frozen=True, slots=True)
class LimitPage:
    """More jobs than fit. `jobs`: empty where even a table is too small."""

    asked: Asked
    number: int
    jobs: tuple[Chosen, ...] = ()
    most_curves: int = MOST_CURVES
    most_rows: int = MOST_ROWS

    @property
    def verdict(self) -> str:
        return f"{words.counted(self.number, 'job')} are too many for this page."

    @property
    def table_url(self) -> str:
        return replace(self.asked, is_table=True).url


def choice_page(team: Team, jobs: Sequence[Job], asked: Asked) -> ChoicePage:
    """The chosen ones, then the newest others that match the search: without one, first those that
    values compare with, for they have the same base model.
    """
    connections = {one.pk: one for one in Connection.objects.for_team(team).live()}
    rest = Job.objects.for_team(team).filter(connection__in=connections, archived_at=None)
    rest = rest.exclude(pk__in=[job.pk for job in jobs])
    found = narrow(rest, JobFilter(q=asked.q), connections).order_by("-listed_at", "-pk")
    found = found.select_related("connection").defer("curve", "train_curve")
    newest = _with_curves_first(found) if asked.q else _alike_first(found, jobs)
    return ChoicePage(asked, _candidates(jobs, is_ticked=True), _candidates(newest))


def _alike_first(found: "QuerySet[Job]", jobs: Iterable[Job]) -> list[Job]:
    models = {job.base_model for job in jobs}
    alike = _with_curves_first(found.filter(base_model__in=models)) if models else []
    room = FOUND - len(alike)
    rest = found.exclude(base_model__in=models)
    return [*alike, *_with_curves_first(rest, room)] if room else alike


def _with_curves_first(found: "QuerySet[Job]", most: int = FOUND) -> list[Job]:
    """What has nothing to compare yet only fills the room that is left."""
    drawn = list(found.exclude(headline_metric="")[:most])
    room = most - len(drawn)
    return [*drawn, *found.filter(headline_metric="")[:room]] if room else drawn


def _candidates(jobs: Iterable[Job], *, is_ticked: bool = False) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(
            id=job.pk,
            name=job.name,
            detail=" · ".join(filter(None, (job.base_model, job.method, job.connection.name))),
            result=_result(job),
            state=job.state,
            raw_status=job.raw_status,
            created_at=job.created_at,
            is_ticked=is_ticked,
        )
        for job in jobs
    )


def _result(job: Job) -> str:
    told = (
        ("lowest validation loss", job.best_valid_loss),
        ("reward", job.reward),
        ("training loss", job.train_loss),
    )
    found = (f"{word} {words.figure(value)}" for word, value in told if value is not None)
    return next(found, "")


def limit_page(jobs: Sequence[Job], asked: Asked) -> LimitPage:
    return LimitPage(asked, len(jobs), chosen(jobs, names_of(jobs), asked))
