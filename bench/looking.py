"""b to e: pages, curves and polls of a site with 10,000 jobs, beside trackers with the same runs.

PEERS=1 installs MLflow and Trackio by name and asks them in the same run, in turn with us; without it, their
cells stay empty. BENCH_MILLION=1 measures b2 with 1,000,000 jobs as well, which takes a while to fill.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from bench import cold, curves, pages, runs
from bench.peers import mlflow_server, trackio_server
from bench.peers.peer import CannotRun, Peer
from bench.site import Site, a_site
from bench.surroundings import on_postgres, on_sqlite
from bench.table import Row

OPENED = (mlflow_server.opened, trackio_server.opened)
SOME = (10_000, 100_000)
MORE = (*SOME, 1_000_000)
# Those of many jobs come last: the ones before are of 10,000.
NAMES = ("b1", "b3", "b4", "c", "d1", "d2", "d3", "e", "b2")


def rows(wanted: str) -> list[Row]:
    chosen = {name for name in NAMES if name.startswith(wanted)}
    if not chosen:
        return []
    with ExitStack() as stack:
        site = stack.enter_context(a_site(stack.enter_context(on_sqlite()), runs.RUNS))
        with peers_of_this_run() as peers:
            found = [row for part in parts(chosen) for row in part(site, peers)]
        if "b2" in chosen:
            found += pages.many(site, counts(), "SQLite")
    if chosen & {"b1", "b2", "b3", "b4", "e"}:
        found += on_the_other_database(chosen)
    return sorted(found, key=lambda row: row.name)


def parts(chosen: set[str]) -> Iterator[Callable[[Site, list[Peer]], list[Row]]]:
    if pages_chosen := chosen & {*pages.VIEWS, "e"}:
        yield lambda site, peers: pages.rows(site, peers, pages_chosen, "SQLite")
    if curves_chosen := chosen & {"d1", "d2", "d3"}:
        yield lambda site, peers: curves.rows(site, peers, curves_chosen)
    if "c" in chosen:
        yield cold.rows


def on_the_other_database(chosen: set[str]) -> list[Row]:
    """Without the peers: they are on SQLite."""
    with on_postgres() as place, a_site(place, runs.RUNS) as site:
        found = pages.rows(site, [], chosen & {*pages.VIEWS, "e"}, "PostgreSQL")
        return found + (pages.many(site, counts(), "PostgreSQL") if "b2" in chosen else [])


def counts() -> tuple[int, ...]:
    return MORE if os.environ.get("BENCH_MILLION") else SOME


@contextmanager
def peers_of_this_run() -> Iterator[list[Peer]]:
    """Those that can be had here. One that cannot says why, and the run goes on."""
    with ExitStack() as stack:
        found = []
        for opened in OPENED if os.environ.get("PEERS") else ():
            try:
                found.append(stack.enter_context(opened()))
            except (CannotRun, AssertionError, OSError) as error:
                print(f"A peer is left out: {error}")
        yield found
