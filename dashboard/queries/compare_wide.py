"""The comparison with a row a job, for more jobs than columns can hold: in the order that is asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dashboard.comparison import Cell, Comparison, Row, order_of
from dashboard.queries.compare_asked import Asked

if TYPE_CHECKING:
    from dashboard.queries.compare import Chosen

JOB = "job"  # the column of their names


@dataclass(frozen=True, slots=True)
class WideHead:
    """The title of a column, a button that sorts by it: what is best first, a second press turns it round.

    As addresses of a hundred jobs they would be hundreds of kilobytes. `value`: of the button.
    """

    label: str
    value: str
    aria_sort: str
    kind: str = ""  # its class


@dataclass(frozen=True, slots=True)
class WideRow:
    """`cells`: each with the row of the comparison it is of."""

    job: "Chosen"
    cells: tuple[tuple[Row, Cell], ...]


def heads(asked: Asked, found: Comparison) -> Iterator[WideHead]:
    yield _head(asked, JOB, "Job", is_ascending_first=True)
    for row in found.rows:
        head = _head(asked, row.name, row.label, is_ascending_first=row.better != "higher")
        kind = "mono" if row.is_verbatim else "counted" if row.look == "number" else ""
        yield replace(head, kind=kind)


def _head(asked: Asked, name: str, label: str, *, is_ascending_first: bool) -> WideHead:
    is_sorted = asked.sort.removeprefix("-") == name
    is_descending = asked.sort.startswith("-")
    is_next_ascending = is_descending if is_sorted else is_ascending_first
    value = name if is_next_ascending else f"-{name}"
    direction = "descending" if is_descending else "ascending"
    return WideHead(label, value, direction if is_sorted else "")


def places(asked: Asked, found: Comparison, jobs: "Sequence[Chosen]") -> Sequence[int]:
    """Of the jobs, in the order of the column that is asked for; as they were named where there is none."""
    name, is_descending = asked.sort.removeprefix("-"), asked.sort.startswith("-")
    if name == JOB:
        return order_of([job.name for job in jobs], is_descending=is_descending)
    row = next((row for row in found.rows if row.name == name), None)
    if row is None:
        return range(len(jobs))
    return order_of([cell.raw for cell in row.cells], is_descending=is_descending)


def wide_rows(asked: Asked, found: Comparison, jobs: "Sequence[Chosen]") -> Iterator[WideRow]:
    """A row a job, a cell for each row of the comparison."""
    facts = list(found.rows)
    for place in places(asked, found, jobs):
        yield WideRow(jobs[place], tuple((fact, fact.cells[place]) for fact in facts))
