"""g: 10,000 active and 100,000 tracked jobs over 50 connections, polled every 30 s by one real worker."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson
from tqdm import tqdm

from bench import tree
from bench.lateness import Watch, percentile
from bench.surroundings import Arrival, Place, Stub, a_broker, a_stub, on_sqlite, python_process
from bench.table import Row
from dashboard.supervisor_plan import beat_command, worker_command
from tests import servers

if TYPE_CHECKING:
    from subprocess import Popen

SHARE = float(os.environ.get("BENCH_SHARE", "1"))  # of the connections: a trial takes a tenth
CONNECTIONS, ACTIVE, FINISHED = max(1, round(50 * SHARE)), 200, 2000
END_EVERY_S = max(1, round(1 / SHARE))
INTERVAL_S = 30
WARM_S = 35  # each connection was polled once by the worker that is measured
MOST_LATE_S, MOST_CPU = 5.0, 0.15


@dataclass(slots=True)
class Seen:
    """What was seen from outside while the worker ran."""

    watch: Watch = field(default_factory=Watch)
    arrivals: list[Arrival] = field(default_factory=list)
    requests: int = 0
    cpu_s: float = 0.0
    start: float = 0.0
    end: float = 0.0

    @property
    def seconds(self) -> float:
        return self.end - self.start


def rows(_wanted: str) -> list[Row]:
    minutes = float(os.environ.get("BENCH_MINUTES", "1"))
    with ExitStack() as stack:
        stub = stack.enter_context(a_stub(ACTIVE, FINISHED))
        place = stack.enter_context(on_sqlite())
        place.extra["REDIS_URL"] = stack.enter_context(a_broker())
        sizes = (str(CONNECTIONS), str(ACTIVE + FINISHED), str(INTERVAL_S))
        place.run("-m", "bench.fill", stub.origin, *sizes)
        worker = stack.enter_context(a_worker(place))
        return table_rows(observed(place, stub, worker, minutes * 60), minutes)


@contextmanager
def a_worker(place: Place) -> Iterator[servers.Server]:
    """The poll worker and beat, as the supervisor starts them."""
    beat = servers.Server(beat_command(), env=place.environment())
    worker = servers.Server(worker_command("poll"), env=place.environment()).start()
    try:
        worker.wait_for("ready.")
        beat.start()
        yield worker
    finally:
        for server in (beat, worker):
            if server.process:
                server.stop()


def observed(place: Place, stub: Stub, worker: servers.Server, seconds: float) -> Seen:
    seen = Seen()
    watcher = python_process(place, "-m", "bench.watch")
    reader = threading.Thread(target=read_watch, args=(watcher.stdout, seen.watch), daemon=True)
    reader.start()
    try:
        let_run(stub, seen, WARM_S, "g warm-up", first_ended=0)
        before, requests, seen.start = tree.cpu_s(worker.pid), seen.requests, time.time()
        let_run(stub, seen, seconds, f"g {CONNECTIONS * ACTIVE:,} active", first_ended=WARM_S)
        seen.end, seen.cpu_s = time.time(), tree.cpu_s(worker.pid) - before
        seen.requests -= requests
    finally:
        close(watcher)
        reader.join(10)
    return seen


def close(watcher: "Popen[str]") -> None:
    assert watcher.stdin
    watcher.stdin.close()
    watcher.wait(30)


def read_watch(lines: Iterator[str], watch: Watch) -> None:
    for line in lines:
        told = orjson.loads(line)
        watch.note(told["at"], told["due"])


def let_run(stub: Stub, seen: Seen, seconds: float, title: str, first_ended: int) -> None:
    """One job a second ends meanwhile, as jobs of three hours do among 10,000."""
    for second in tqdm(range(round(seconds)), desc=title, unit="s"):
        number, rest = divmod(first_ended + second, END_EVERY_S)
        if not rest:
            stub.end(f"c{number % CONNECTIONS:02}x", number // CONNECTIONS)
        time.sleep(1)
        seen.requests, arrivals = stub.arrivals()
        seen.arrivals += arrivals


def table_rows(seen: Seen, minutes: float) -> list[Row]:
    asked = [(one.name, one.at) for one in seen.arrivals]
    late = seen.watch.lateness(asked, seen.start, seen.end - MOST_LATE_S)
    p50, p99 = percentile(late, 0.5), percentile(late, 0.99)
    missed = sum(1 for seconds in late if seconds > INTERVAL_S)
    share = seen.cpu_s / seen.seconds
    jobs_per_s = ACTIVE * sum(one.kind == "list" for one in seen.arrivals if one.at >= seen.start)
    ours = (
        f"lateness p50 {p50:.1f} s, p99 {p99:.1f} s, max {max(late):.1f} s (n={len(late):,}); "
        f"{share:.1%} of a core; {missed} missed; "
        f"{jobs_per_s / seen.seconds:.0f} jobs/s by {seen.requests / seen.seconds:.0f} requests/s"
    )
    return [
        Row(
            "g",
            f"{CONNECTIONS * ACTIVE:,} active + {CONNECTIONS * FINISHED:,} tracked jobs, {CONNECTIONS} connections, 30 s, one worker, SQLite, {minutes:g} min (a fifth runs, the rest is queued; one ends each second)",
            ours,
            target=f"p99 < {MOST_LATE_S:g} s; <= {MOST_CPU:.0%}; 0 missed",
            holds=p99 < MOST_LATE_S and share <= MOST_CPU and not missed,
        )
    ]
