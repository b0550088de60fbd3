"""i1 and i2: what polls leave behind in the database."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import orjson

from bench.surroundings import Place, a_stub, on_postgres, on_sqlite
from bench.table import Row

UNCHANGED_JOBS, POLLS = 20, 1000
STORIES = 10  # jobs at once: pages of a database are 4 or 8 KB, and one job is to be told apart
MOST_KB = 60
Somewhere = Callable[[], AbstractContextManager[Place]]
PLACES: dict[str, Somewhere] = {"SQLite": on_sqlite, "PostgreSQL": on_postgres}


def rows(wanted: str) -> list[Row]:
    found = []
    for name, place in PLACES.items():
        if "i1".startswith(wanted):
            found.append(unchanged(name, place))
        if "i2".startswith(wanted):
            found.append(story(name, place))
    return sorted(found, key=lambda row: row.name)


def unchanged(name: str, somewhere: Somewhere) -> Row:
    with a_stub(UNCHANGED_JOBS) as stub, somewhere() as place:
        base_url = stub.base_url("flat")
        said = orjson.loads(place.run("-m", "bench.storing", "unchanged", base_url, str(POLLS)))
    return Row(
        "i1",
        f"{POLLS:,} unchanged polls of a job: new rows; bytes the database grew ({name})",
        f"{said['rows']} rows; {said['bytes']:,} bytes",
        target="0 rows; flat",
        holds=said["rows"] == 0 and said["bytes"] <= said["page_bytes"] * said["tables"],
    )


def story(name: str, somewhere: Somewhere) -> Row:
    with somewhere() as place:
        said = orjson.loads(place.run("-m", "bench.storing", "story", str(STORIES)))
    kb = said["bytes"] / STORIES / 1000
    counted = ", ".join(f"{number / STORIES:g} {name}" for name, number in said["rows"].items())
    return Row(
        "i2",
        f"a job of 3 hours and 300 steps, polled every 15 s, with indexes ({name})",
        f"{kb:.1f} KB: {counted}",
        target=f"<= {MOST_KB} KB",
        holds=kb <= MOST_KB,
    )
