"""Any JSON as a flat list of paths and values, so that each value the provider sent can be shown."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MAX_LEAVES = 400
MAX_TEXT = 20_000
MAX_PATH = 300
MAX_ID_DIGITS = 18  # of a number that every database can compare with a row id
LONG = 120  # characters from which a value gets a block of its own


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value that is not null. `path` like "grader.graders.0.name"."""

    path: str
    value: str

    @property
    def is_long(self) -> bool:
        return len(self.value) > LONG or "\n" in self.value


def leaves(value: object, path: str = "") -> tuple[Leaf, ...]:
    """The values inside, in their order, at most 400. Empty objects and nulls have none."""
    found = []
    for leaf in _walk(value, path):
        found.append(leaf if len(leaf.path) <= MAX_PATH else _with_short_path(leaf))
        if len(found) == MAX_LEAVES:
            break
    return tuple(found)


def _with_short_path(leaf: Leaf) -> Leaf:
    return Leaf(f"{leaf.path[:MAX_PATH]}…", leaf.value)


def _walk(value: object, path: str) -> Iterator[Leaf]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from _walk(member, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        if value and all(isinstance(member, str | int | float) for member in value):
            yield Leaf(path, ", ".join(spell(member) for member in value)[:MAX_TEXT])
            return
        for index, member in enumerate(value):
            yield from _walk(member, f"{path}.{index}" if path else str(index))
    elif value is not None:
        yield Leaf(path, spell(value)[:MAX_TEXT])


def row_id(text: str) -> int:
    """A row's id from an address; 0, which no row has, for anything that cannot be one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS else 0


def spell(value: object) -> str:
    """A JSON value as the provider wrote it: true, 3, auto."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
