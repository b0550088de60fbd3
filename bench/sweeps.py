"""a1 and a2: what a sweep of 1,000 jobs costs beside the ways people poll today."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median

import orjson
from tqdm import tqdm

from bench.surroundings import Place, Stub, a_stub, on_postgres, on_sqlite, python_process
from bench.table import Row, spread

JOBS = 1000
ROUNDS = 5
SQLITE, POSTGRES, LOOP, LIST = "SQLite", "PostgreSQL", "openai", "httpx"
KINDS = {SQLITE: "tunebell", POSTGRES: "tunebell", LOOP: "openai", LIST: "list"}
UNCHANGED_PER_S, UNCHANGED_RATIO = 15_000, 13
CHANGED_PER_S, CHANGED_RATIO = 2_000, 1.7

Rates = dict[str, list[float]]  # way of polling -> jobs per CPU-second, one a round


def rows(wanted: str) -> list[Row]:
    with ExitStack() as stack:
        stub = stack.enter_context(a_stub(JOBS))
        lanes = {way: stack.enter_context(a_lane(way, stub)) for way in KINDS}
        found = []
        if "a1".startswith(wanted):
            found += unchanged_rows(rounds(lanes, stub, "a1 unchanged", is_changing=False))
        if "a2".startswith(wanted):
            found += changed_rows(rounds(lanes, stub, "a2 changed", is_changing=True))
    return found


class Lane:
    """A process that polls all jobs once for each line it is sent."""

    def __init__(self, place: Place, kind: str, base_url: str) -> None:
        self.process = python_process(place, "-m", "bench.lanes", kind, base_url, str(JOBS))
        self._read("ready")

    def round(self) -> float:
        """Jobs per CPU-second."""
        assert self.process.stdin
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        spent = orjson.loads(self._read("{"))
        if spent["jobs"] != JOBS:
            raise RuntimeError(f"{spent['jobs']} jobs were read instead of {JOBS}")
        return float(spent["jobs"] / spent["cpu_s"])

    def _read(self, start: str) -> str:
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith(start):
                return line
        raise RuntimeError(f"A measured process ended with {self.process.wait()}")

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(30)


@contextmanager
def a_lane(way: str, stub: Stub) -> Iterator[Lane]:
    with on_postgres() if way == POSTGRES else on_sqlite() as place:
        lane = Lane(place, KINDS[way], stub.base_url(way.lower()))
        try:
            yield lane
        finally:
            lane.close()


def rounds(lanes: dict[str, Lane], stub: Stub, title: str, *, is_changing: bool) -> Rates:
    """All ways in turn, so that a noisy minute hits each."""
    rates: Rates = {way: [] for way in lanes}
    for _ in tqdm(range(ROUNDS), desc=title, unit="round"):
        for way, lane in lanes.items():
            if is_changing:
                stub.turn(way.lower())
            rates[way].append(lane.round())
    return rates


def unchanged_rows(rates: Rates) -> list[Row]:
    what = "sweep of 1,000 unchanged jobs, jobs per CPU-second"
    limit = Row("a1", "the limit: fetch and parse the list", "", f"httpx {spread(rates[LIST])}")
    ours = [
        beside_loop("a1", f"{what} ({way})", way, rates, (UNCHANGED_PER_S, UNCHANGED_RATIO))
        for way in (SQLITE, POSTGRES)
    ]
    return [*ours, limit]


def changed_rows(rates: Rates) -> list[Row]:
    what = "sweep of 1,000 changed jobs, jobs per CPU-second"
    return [
        beside_loop("a2", f"{what} ({way})", way, rates, (CHANGED_PER_S, CHANGED_RATIO))
        for way in (SQLITE, POSTGRES)
    ]


def beside_loop(name: str, what: str, way: str, rates: Rates, target: tuple[int, float]) -> Row:
    """The ratio is the median of the rounds' ratios: both sides of each ran in the same seconds."""
    ratio = median(ours / loop for ours, loop in zip(rates[way], rates[LOOP], strict=True))
    per_s, times = target
    return Row(
        name,
        what,
        spread(rates[way]),
        f"openai loop {spread(rates[LOOP])}",
        f"{ratio:.1f} x",
        f">= {per_s:,} and >= {times:g} x",
        median(rates[way]) >= per_s and ratio >= times,
    )
