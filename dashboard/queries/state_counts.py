"""How many jobs there are in each state: exact up to a number that can be counted while somebody waits."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection as database
from django.db.models import Count, Value
from django.db.models.expressions import Combinable, RawSQL

from accounts.models import Team
from dashboard import words
from dashboard.queries.shelf import Shelf
from jobs.models import Job
from providers.states import State

if TYPE_CHECKING:
    from jobs.models.job import JobQuerySet

MOST_COUNTED = 100_000  # of one state
# Counting 100,000 jobs takes 9 ms; fewer than WORTH are counted anew, which takes half of one.
WORTH, LISTS = 5_000, 200
_KNOWN: Shelf[dict[str, int]] = Shelf(LISTS, lambda _: 1)
STATE_ORDER = sorted(State, key=lambda state: state.order)


@dataclass(frozen=True, slots=True)
class StateCount:
    """`count`: at most one more than is counted."""

    state: str
    word: str
    count: int
    is_chosen: bool

    @property
    def shown(self) -> str:
        return said(self.count)

    @property
    def is_moving(self) -> bool:
        return bool(self.count) and not State(self.state).is_over


def said(count: int) -> str:
    """The number, or that there are more than are counted: "100 000+"."""
    is_more = count > MOST_COUNTED
    return f"{words.thin(min(count, MOST_COUNTED))}{'+' if is_more else ''}"


def state_counts(found: dict[str, int], chosen: Collection[str]) -> tuple[StateCount, ...]:
    """Those that there are and those that were asked for, in their order."""
    return tuple(
        StateCount(state.value, state.word, found.get(state.value, 0), state.value in chosen)
        for state in STATE_ORDER
        if found.get(state.value) or state.value in chosen
    )


def total_of(counts: Collection[StateCount]) -> str:
    """All of them together, as a person reads it."""
    is_more = any(one.count > MOST_COUNTED for one in counts)
    total = sum(min(one.count, MOST_COUNTED) for one in counts)
    return f"{words.thin(total)}{'+' if is_more else ''}"


def counted(jobs: "JobQuerySet") -> dict[str, int]:
    """Of these jobs, by state; reads a row of each."""
    return dict(jobs.order_by().values_list("state").annotate(Count("pk")))


def counted_by_index(team: Team, connections: Collection[int]) -> dict[str, int]:
    """The same of all jobs of these connections that are not put away, without a look at a row.

    Each state is counted along its part of one index and no further than needed: of a million jobs
    that takes a tenth of what grouping them does. The ORM has no limit inside of a union.

    Many are counted once for each version of the team, which rises with every change of a list. They
    are never older than that version: the team is read first.
    """
    key = (team.public_id, team.version, tuple(sorted(connections)))
    found = _KNOWN.get(key)
    if found is None:
        found = _count(team, connections) if connections else {}
        if sum(found.values()) >= WORTH:
            _KNOWN.put(key, found)
    return found


def _count(team: Team, connections: Collection[int]) -> dict[str, int]:
    values: list[int | str] = []
    for state in State:
        values += [state.value, *_values(team, connections), state.value, MOST_COUNTED + 1]
    one = f"SELECT %s, COUNT(*) FROM ({_rows(connections)} AND state = %s LIMIT %s) AS found"  # noqa: S608 - names and placeholders only
    with database.cursor() as cursor:
        cursor.execute(" UNION ALL ".join([one] * len(State)), values)
        return dict(cursor.fetchall())


def total_by_index(team: Team, connections: Collection[int]) -> Combinable:
    """How many of all these there are, as a value for another query."""
    if not connections:
        return Value(0)
    sql = f"SELECT COUNT(*) FROM ({_rows(connections)} LIMIT %s) AS found"  # noqa: S608 - as above
    return RawSQL(sql, [*_values(team, connections), MOST_COUNTED + 1])  # noqa: S611 - as above


def _rows(connections: Collection[int]) -> str:
    table = Job._meta.db_table  # noqa: SLF001 - Django's public way to it
    places = ", ".join(["%s"] * len(connections))
    return (
        f"SELECT 1 FROM {table} WHERE id > 0 AND archived_at IS NULL"  # noqa: S608 - as above
        f" AND team_id = %s AND connection_id IN ({places})"
    )


def _values(team: Team, connections: Collection[int]) -> list[int]:
    return [team.pk, *connections]
