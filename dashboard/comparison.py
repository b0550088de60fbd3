"""Facts of several jobs -> rows that say where they differ, the differing ones first. Pure."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

LONG = 120  # characters from which a cell is folded
BEST = {"lower": "lowest", "higher": "highest"}
NOT_GIVEN = "Not given by the provider"
MOST_ROWS = 200  # of one group: a provider may name as many hyperparameters as it likes


@dataclass(frozen=True, slots=True)
class Value:
    """What one job says of a fact. `raw` None: it does not say. `note` stands beside the text."""

    raw: object = None
    text: str = ""
    note: str = ""


UNKNOWN = Value()


@dataclass(frozen=True, slots=True)
class Fact:
    """One value a job. `name`: for machines, with its unit; `look`: how the page prints it.

    `better`: "lower", "higher" or "" where neither is. `absent`: why a job says nothing of it.
    """

    name: str
    label: str
    values: tuple[Value, ...]
    better: str = ""
    look: str = ""  # number, mono, state, time
    absent: str = NOT_GIVEN


@dataclass(frozen=True, slots=True)
class Cell:
    """`differs`: from the first job. `best`: in words, of the best value of a row."""

    raw: object
    text: str
    note: str
    differs: bool
    best: str

    @property
    def is_long(self) -> bool:
        return len(self.text) > LONG or "\n" in self.text


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    label: str
    look: str
    better: str
    cells: tuple[Cell, ...]
    differs: bool
    absent: str = NOT_GIVEN

    @property
    def is_verbatim(self) -> bool:
        """Whether the label is the provider's own word."""
        return "." in self.name


@dataclass(frozen=True, slots=True)
class Group:
    """`hidden`: rows left out because they are equal; `cut`: those beyond what a page can show."""

    title: str
    rows: tuple[Row, ...]
    hidden: int
    cut: int


@dataclass(frozen=True, slots=True)
class Comparison:
    groups: tuple[Group, ...]
    differing: int
    equal: int

    @property
    def rows(self) -> Iterator[Row]:
        return chain.from_iterable(group.rows for group in self.groups)

    @property
    def hidden(self) -> int:
        return sum(group.hidden for group in self.groups)


def compare(
    groups: Iterable[tuple[str, Sequence[Fact]]], *, only_differences: bool = False
) -> Comparison:
    """Groups in their order; in each the rows that differ, then the equal ones, which may be hidden.

    A value that one job gives and another does not is a difference.
    """
    shown: list[Group] = []
    differing = equal = 0
    for title, facts in groups:
        rows = sorted(map(row_of, facts[:MOST_ROWS]), key=lambda row: not row.differs)
        unlike = [row for row in rows if row.differs]
        differing, equal = differing + len(unlike), equal + len(rows) - len(unlike)
        kept = unlike if only_differences else rows
        cut = max(len(facts) - MOST_ROWS, 0)
        shown.append(Group(title, tuple(kept), len(rows) - len(kept), cut))
    return Comparison(tuple(shown), differing, equal)


def row_of(fact: Fact) -> Row:
    keys = [canon(value.raw) for value in fact.values]
    winners, word = _winners(fact), BEST.get(fact.better, "")
    cells = tuple(
        Cell(value.raw, value.text, value.note, key != keys[0], word if place in winners else "")
        for place, (value, key) in enumerate(zip(fact.values, keys, strict=True))
    )
    differs = any(cell.differs for cell in cells)
    return Row(fact.name, fact.label, fact.look, fact.better, cells, differs, fact.absent)


def _winners(fact: Fact) -> frozenset[int]:
    """Places of the best values; none where all that are known are equal, or only one is."""
    known = {place: value.raw for place, value in enumerate(fact.values)}
    numbers = {place: raw for place, raw in known.items() if isinstance(raw, int | float)}
    if not fact.better or len(set(numbers.values())) < 2:  # noqa: PLR2004  # two make a difference
        return frozenset()
    best = (min if fact.better == "lower" else max)(numbers.values())
    return frozenset(place for place, number in numbers.items() if number == best)


def canon(value: object) -> object:
    """A form of any JSON value in which equal ones are equal and can be hashed: 3 is 3.0, not true.

    >>> canon({"a": [1, True]}) == canon({"a": [1.0, True]})
    True
    >>> canon(1) == canon(True)
    False
    """
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, Mapping):
        return frozenset((str(name), canon(member)) for name, member in value.items())
    if isinstance(value, list | tuple):
        return tuple(canon(member) for member in value)
    return value


def unlike_names(names: Sequence[str], details: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Names that tell apart: where two are equal, with the first detail that makes them unlike.

    >>> unlike_names(["v7", "v7", "v8"], [["lab", "1"], ["prod", "2"], ["lab", "3"]])
    ('v7 (lab)', 'v7 (prod)', 'v8')
    """
    found = list(names)
    for name in {name for name in names if names.count(name) > 1}:
        places = [place for place, one in enumerate(names) if one == name]
        for level in zip(*(details[place] for place in places), strict=True):
            for place, detail in zip(places, level, strict=True):
                found[place] = f"{name} ({detail})"
            if len(set(level)) == len(level):
                break
    return tuple(found)


def order_of(values: Sequence[object], *, is_descending: bool = False) -> list[int]:
    """The places of these values in their order: numbers before texts, what is unknown last either way.

    >>> order_of([3, None, "b", 1.5]), order_of([3, None, "b", 1.5], is_descending=True)
    ([3, 0, 2, 1], [2, 0, 3, 1])
    """
    known = [place for place, value in enumerate(values) if value is not None]
    known.sort(key=lambda place: _rank(values[place]), reverse=is_descending)
    return known + [place for place, value in enumerate(values) if value is None]


def _rank(value: object) -> tuple[bool, float, str]:
    if isinstance(value, int | float) and not math.isnan(value):
        return False, value, ""
    return True, 0, str(value).casefold()
