"""What differs between two JSON documents, field by field, whole. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

Path = tuple[str, ...]


class Kind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Change:
    """One field. `path` like "method.supervised.n_epochs"; a side without it is None, null is "null"."""

    path: str
    before: str | None
    after: str | None

    @property
    def kind(self) -> Kind:
        if self.before == self.after:
            return Kind.SAME
        if self.before is None:
            return Kind.ADDED
        return Kind.REMOVED if self.after is None else Kind.CHANGED


def compare(before: object, after: object) -> tuple[Change, ...]:
    """Every field of both, those that are the same too, in the order of the newer document.

    >>> [one.path for one in compare({"a": 1, "b": {"c": 2}}, {"b": {"c": 3}, "a": 1}) if one.kind != "same"]
    ['b.c']
    """
    old, new = dict(_fields(before)), dict(_fields(after))
    paths = dict.fromkeys([*new, *old])
    return tuple(Change(".".join(path), old.get(path), new.get(path)) for path in paths)


def _fields(value: object) -> Iterator[tuple[Path, str]]:
    """Each value that holds no other, with its way from the top. Not recursive: it may be deep."""
    waiting: list[tuple[Path, object]] = [((), value)]
    while waiting:
        path, one = waiting.pop()
        if isinstance(one, Mapping) and one:
            waiting += [
                ((*path, str(name)), member) for name, member in reversed(list(one.items()))
            ]
        elif isinstance(one, list) and one and not all(map(_is_plain, one)):
            waiting += [((*path, str(place)), one[place]) for place in reversed(range(len(one)))]
        else:
            yield path, spelled(one)


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)


def spelled(value: object) -> str:
    """A text as it is, anything else as JSON: a list of plain values stays one field."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
