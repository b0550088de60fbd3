"""Writes the runs into Trackio's table: run by Trackio's own Python, with the folder of its data.

Its API takes 75 runs a second. These are the rows that it would write, in the database that it makes itself.
"""

import os
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

PROJECT = "bench"
METRICS = "INSERT INTO metrics (timestamp, run_id, run_name, step, metrics) VALUES (?, ?, ?, ?, ?)"
CONFIGS = "INSERT INTO configs (run_id, run_name, config, created_at) VALUES (?, ?, ?, ?)"


def main(folder: str) -> None:
    os.environ["TRACKIO_DIR"] = folder
    import orjson
    from trackio.sqlite_storage import SQLiteStorage

    from bench import runs
    from bench.runs import Run

    def at(run: Run) -> str:
        return datetime.fromtimestamp(runs.BORN_S - run.began_ago_s, UTC).isoformat()

    def rows(run: Run) -> Iterator[tuple[object, ...]]:
        for step, train, valid in run.history():
            told = orjson.dumps({"train_loss": train, "valid_loss": valid}).decode()
            yield (at(run), run.key, run.name, step, told)

    every = [Run(serial) for serial in range(runs.RUNS)]
    with sqlite3.connect(SQLiteStorage.init_db(PROJECT)) as database:
        database.executemany(METRICS, (row for run in every for row in rows(run)))
        database.executemany(
            CONFIGS,
            ((run.key, run.name, orjson.dumps(run.parameters).decode(), at(run)) for run in every),
        )


if __name__ == "__main__":
    main(sys.argv[1])
