"""Small readers for JSON of another shape than OpenAI's. All are total: any value in, no exception."""

from collections.abc import Mapping

from providers.states import read_state

MAX_ITEMS = 10_000


def first_of(value: object) -> object:
    """The first element of a list; what is no list as it is."""
    if isinstance(value, list):
        return value[0] if value else None
    return value


def objects(value: object) -> list[Mapping[str, object]]:
    """The objects in a list; none in anything else."""
    listed = value[:MAX_ITEMS] if isinstance(value, list) else []
    return [item for item in listed if isinstance(item, Mapping)]


def mapping(value: object) -> Mapping[str, object]:
    """The object; empty for anything else."""
    return value if isinstance(value, Mapping) else {}


def text(value: object) -> str | None:
    """A string with something in it."""
    return value if isinstance(value, str) and value.strip() else None


def renamed(raw: Mapping[str, object], names: Mapping[str, str]) -> dict[str, object]:
    """The members that hold something, under their new names (old -> new)."""
    return {new: raw[old] for old, new in names.items() if raw.get(old) is not None}


def if_over(raw_status: object, dialect: str, value: object) -> object:
    """The value when this status is the end, else None.

    Some providers send only the time of the last change: of a job that is over, it is the end.
    """
    return value if read_state(raw_status, dialect).is_over else None
