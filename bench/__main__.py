"""`make bench`: everything that needs no peer, as one table. `make bench ROW=a1` measures a part.

PEERS=1 measures trackers beside ours: b to e, and f. BENCH_MINUTES is how long row g runs (1), BENCH_SHARE
which part of its connections takes part (1); BENCH_MILLION=1 lets b2 hold 1,000,000 jobs too.
"""

import sys
from collections.abc import Callable

from bench import alerting, crowd, growth, hooked, idle, looking, sweeps
from bench.table import Row, load, machine_line, table

PARTS: dict[str, Callable[[str], list[Row]]] = {
    "a": sweeps.rows,
    **dict.fromkeys("bcde", looking.rows),
    "f": idle.rows,
    "g": crowd.rows,
    "h": alerting.rows,
    "h3": hooked.rows,
    "i": growth.rows,
}
NAMES = "a1, a2, b1 to b4, c, d1 to d3, e, f, g, h1, h2, h3, i1 and i2"
FOOT = (
    "Polling: the stub is a process of its own on the same cores; CPU is that of the process that polls,",
    "all its threads together, without the database server's. a1 and a2: one warm round, then 5 of each way in turn.",
    "b, d, e: one gunicorn worker of 8 threads; 5 warm requests, then 30 of each side in turn over a kept connection",
    "(5 of a side that takes more than a second). SQL and bytes of a page are counted in another process, before gzip.",
    "c: 5 contexts of one headless Chromium in turn (2 of a page that takes more than 30 s); its processes, those of",
    "the peers and the client share the cores. A peer's KB are as sent; MLflow has one worker, and all are on SQLite.",
)


def main(wanted: str) -> int:
    chosen = dict.fromkeys(
        rows for name, rows in PARTS.items() if wanted.startswith(name) or name.startswith(wanted)
    )
    if not chosen:
        print(f"No row is called {wanted}; there are {NAMES}.")
        return 2
    load_before = load()
    found = [row for rows in chosen for row in rows(wanted)]
    print(f"\n{table(found)}\n\n{machine_line(load_before)}\n")
    print("\n".join(FOOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
