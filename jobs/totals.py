"""Requests to all providers together, in totals that never fall: not when tallies grow old, not when a connection goes."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Sum, Value

from jobs.ledger import raise_count
from jobs.models import Connection, Count, RequestTally

# Counters that stand for removed connections: removed/<number or ms>/<capability>/<outcome>.
REMOVED = "removed/"


@dataclass(slots=True)
class Requests:
    """`elapsed_ms`: of all of them together."""

    number: int = 0
    elapsed_ms: int = 0


def requests() -> dict[tuple[str, str], Requests]:
    """By capability and outcome. One statement, so that a removal meanwhile is seen whole or not at all."""
    found: dict[tuple[str, str], Requests] = {}
    for name, outcome, number, elapsed_ms in _rows():
        if outcome:
            _add(found, (name, outcome), int(number), int(elapsed_ms))
            continue
        kind, capability, ending = name.removeprefix(REMOVED).split("/")
        is_number = kind == "number"
        sums = (int(number), 0) if is_number else (0, int(number))
        _add(found, (capability, ending), *sums)
    return found


def _rows() -> Iterator[tuple[str, str, int, int]]:
    tallied = RequestTally.objects.order_by().values_list("capability", "outcome")
    removed = Count.objects.filter(name__startswith=REMOVED)
    return iter(
        tallied.annotate(Sum("number"), Sum("elapsed_ms")).union(
            removed.values_list("name", Value(""), "number", Value(0)), all=True
        )
    )


def _add(
    found: dict[tuple[str, str], Requests], key: tuple[str, str], number: int, elapsed_ms: int
) -> None:
    sums = found.setdefault(key, Requests())
    sums.number += number
    sums.elapsed_ms += elapsed_ms


def keep(connection: Connection) -> None:
    """Takes over the totals of a connection. Call it in the transaction that removes it, right before.

    Its tallies are locked, in the order in which others add to them; a row that is new meanwhile
    goes with the connection. Locking that too would deadlock with answers that are being recorded.
    """
    tallies = RequestTally.objects.select_for_update().filter(connection=connection)
    gone: dict[tuple[str, str], Requests] = {}
    for row in tallies.order_by("hour", "capability", "outcome"):
        _add(gone, (row.capability, row.outcome), row.number, row.elapsed_ms)
    for (capability, outcome), sums in sorted(gone.items()):
        raise_count(f"{REMOVED}ms/{capability}/{outcome}", sums.elapsed_ms)
        raise_count(f"{REMOVED}number/{capability}/{outcome}", sums.number)
