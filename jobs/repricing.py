"""Makes a team's estimates anew when its prices changed, or those that TuneBell comes with.

What is to do stands in the team's row: a round looks at its jobs in the order of their ids, a batch a
transaction, and keeps its place there. It may be stopped or killed at any moment, and any number of
workers may share it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Q

from accounts.models import Team
from jobs import costing
from jobs.claims import database_now, remember, save_all_changes
from jobs.models import Job, Price, Repricing
from jobs.models.job import OVER
from jobs.price_table import VERSION
from jobs.record import touch_team

JOBS = 500  # in one transaction, so that polling waits a moment only
BUDGET_S = 3.0  # of one turn in a worker
NOW_S = 1.0  # of one within a request: enough for some ten thousand jobs


class AlreadyPriced(ValueError):
    """There is a price of that day for the same thing. Take another day, or remove that one first."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


@dataclass(frozen=True, slots=True)
class Progress:
    done: int
    total: int


def add_price(price: Price) -> None:
    """Call it inside a transaction. Raises AlreadyPriced."""
    same = {
        name: getattr(price, name)
        for name in ("team", "dialect", "base_model", "method", "unit", "valid_from")
    }
    _, is_new = Price.objects.get_or_create(
        **same, defaults={"usd": price.usd, "source": price.source}
    )
    if not is_new:
        raise AlreadyPriced
    begin(price.team)


def remove_price(price: Price) -> None:
    """Call it inside a transaction."""
    team = price.team
    price.delete()
    begin(team)


def begin(team: Team) -> None:
    """All of the team's jobs are looked at from the first one on, also where a round is under way."""
    Repricing.objects.update_or_create(team=team, defaults={"cursor": 0})


def due_teams() -> list[int]:
    """Teams whose estimates do not follow the prices yet, new teams among them."""
    done = Q(repricing__cursor=None, repricing__table=VERSION)
    return list(Team.objects.exclude(done).order_by("pk").values_list("pk", flat=True))


def reprice_due(budget_s: float = BUDGET_S, clock: Callable[[], float] = time.monotonic) -> int:
    """Goes on where there is something to do until the time is up; the number of jobs looked at."""
    ends_at = clock() + budget_s
    return sum(number for team_id in due_teams() for number in _turn(team_id, ends_at, clock))


def reprice_now(team: Team) -> bool:
    """A short turn at once, outside of any transaction; whether all is done by it."""
    for _ in _turn(team.pk, time.monotonic() + NOW_S, time.monotonic):
        pass
    return progress(team) is None


def _turn(team_id: int, ends_at: float, clock: Callable[[], float]) -> Iterator[int]:
    while clock() < ends_at and (number := reprice_batch(team_id)) is not None:
        yield number


def reprice_batch(team_id: int) -> int | None:
    """Looks at the next jobs of the team's round; None when there is nothing to do."""
    with transaction.atomic():
        row = _held_row(team_id)
        if row.cursor is None and row.table == VERSION:
            return None
        if row.table != VERSION:
            row.table, row.cursor = VERSION, 0
        jobs = _next_jobs(team_id, row.cursor or 0)
        _reprice(team_id, jobs)
        row.cursor = jobs[-1].pk if len(jobs) == JOBS else None
        row.save(update_fields=["table", "cursor"])
        if row.cursor is None:
            touch_team(team_id)
    return len(jobs)


def _held_row(team_id: int) -> Repricing:
    rows = Repricing.objects.select_for_update().filter(team_id=team_id)
    row = rows.first()
    if row is None:
        Repricing.objects.get_or_create(team_id=team_id)
        row = rows.get()
    return row


def _next_jobs(team_id: int, cursor: int) -> list[Job]:
    rows = Job.objects.filter(team_id=team_id, state__in=OVER, pk__gt=cursor)
    rows = rows.select_related("connection").only("connection__dialect", *costing.READ)
    return remember(rows.select_for_update(no_key=True, of=("self",)).order_by("pk")[:JOBS])


def _reprice(team_id: int, jobs: list[Job]) -> None:
    before = {job.pk: job.cost_usd for job in jobs}
    costing.price(jobs, costing.prices_of(team_id), database_now())
    changed = [job for job in jobs if job.cost_usd != before[job.pk]]
    for job in changed:
        job.version += 1
    if changed:
        save_all_changes(changed)


def progress(team: Team) -> Progress | None:
    """How far a round has come; None when there is none."""
    row = Repricing.objects.for_team(team).first()
    if row is not None and row.cursor is None and row.table == VERSION:
        return None
    cursor = row.cursor or 0 if row and row.table == VERSION else 0
    over = Job.objects.for_team(team).in_state(*OVER)
    counts = over.aggregate(done=Count("pk", filter=Q(pk__lte=cursor)), total=Count("pk"))
    return Progress(**counts) if counts["total"] else None
