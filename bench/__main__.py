"""`make bench`: everything that needs no peer, as one table. `make bench ROW=a1` measures a part.

BENCH_MINUTES is how long row g runs (1), BENCH_SHARE which part of its connections takes part (1).
"""

import sys
from collections.abc import Callable

from bench import alerting, crowd, growth, hooked, idle, sweeps
from bench.table import Row, load, machine_line, table

PARTS: dict[str, Callable[[str], list[Row]]] = {
    "a": sweeps.rows,
    "f": idle.rows,
    "g": crowd.rows,
    "h": alerting.rows,
    "h3": hooked.rows,
    "i": growth.rows,
}
FOOT = (
    "Polling: the stub is a process of its own on the same cores; CPU is that of the process that polls,",
    "all its threads together, without the database server's. a1 and a2: one warm round, then 5 of each way in turn.",
)


def main(wanted: str) -> int:
    chosen = [
        rows for name, rows in PARTS.items() if wanted.startswith(name) or name.startswith(wanted)
    ]
    if not chosen:
        print(f"No row is called {wanted}; there are a1, a2, f, g, h1, h2, h3, i1 and i2.")
        return 2
    load_before = load()
    found = [row for rows in chosen for row in rows(wanted if len(wanted) > 1 else "")]
    print(f"\n{table(found)}\n\n{machine_line(load_before)}\n")
    print("\n".join(FOOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
