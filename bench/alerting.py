"""h: from a recorded transition to the receiver: h1 one alert in calm, h2 many at once.

Workers and broker are real, as the supervisor starts them; the receiver is a thread of this process.
"""

import json
import random
import threading
import time
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median
from typing import TYPE_CHECKING

from tqdm import tqdm

from bench.lateness import percentile
from bench.surroundings import Place, a_broker, on_postgres, on_sqlite, python_process
from bench.table import Row
from dashboard.supervisor_plan import beat_command, worker_command
from tests import servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from subprocess import Popen

CALM, PAUSE_S = 50, (0.2, 0.6)
MEDIAN_S, P95_S = 0.3, 1.0
STORM, ROUNDS, WORKERS = 500, 3, 4
FEWEST_PER_S = {"SQLite": 120, "PostgreSQL": 200}
PATIENCE_S = 120.0


class Receiver(ThreadingHTTPServer):
    """Takes every POST at once, over connections kept open, and notes which job arrived when."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taker)
        self.arrived: dict[str, float] = {}
        self.doubles = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"

    def note(self, body: bytes, at: float) -> None:
        job = json.loads(body)["data"]["job"]["id"]
        self.doubles += job in self.arrived
        self.arrived.setdefault(job, at)

    def times(self, ids: list[str]) -> list[float]:
        """When each of them arrived, once all have."""
        servers.eventually(
            lambda: self.arrived.keys() >= set(ids), within_s=PATIENCE_S, what="the last alert"
        )
        return [self.arrived[one] for one in ids]


class _Taker(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        at = time.time()
        self.send_response(204)
        self.end_headers()
        assert isinstance(self.server, Receiver)
        self.server.note(body, at)

    def log_message(self, *_line: object) -> None:
        pass


def rows(wanted: str) -> list[Row]:
    found = []
    if "h1".startswith(wanted):
        with on_sqlite() as place:
            found.append(calm(place))
    if "h2".startswith(wanted):
        for name, on in (("PostgreSQL", on_postgres), ("SQLite", on_sqlite)):
            with on() as place:
                found.append(storm(place, name))
    return found


def calm(place: Place) -> Row:
    with ringing(place, workers=1) as (receiver, ringer):
        ring(ringer, 1), time.sleep(1)
        late = []
        for _ in tqdm(range(CALM), desc="h1 calm"):
            time.sleep(random.uniform(*PAUSE_S))
            ids, at = ring(ringer, 1)
            late += [arrived - at for arrived in receiver.times(ids)]
    half, p95 = median(late), percentile(late, 0.95)
    return Row(
        "h1",
        "one alert in calm: COMMIT of the transition to its arrival, one worker, SQLite",
        f"median {half:.3f} s, p95 {p95:.3f} s, max {max(late):.3f} s (n={len(late)})",
        target=f"median <= {MEDIAN_S:g} s; p95 <= {P95_S:g} s",
        holds=half <= MEDIAN_S and p95 <= P95_S,
    )


def storm(place: Place, database: str) -> Row:
    with ringing(place, workers=WORKERS) as (receiver, ringer):
        ring(ringer, 1, WORKERS), time.sleep(1)
        rates = []
        for _ in tqdm(range(ROUNDS), desc=f"h2 {database}"):
            ids, at = ring(ringer, STORM, WORKERS)
            rates.append(STORM / (max(receiver.times(ids)) - at))
            time.sleep(3)
        doubles = receiver.doubles
    rate, fewest = median(rates), FEWEST_PER_S[database]
    return Row(
        "h2",
        f"{STORM} alerts at once to one signed webhook, {WORKERS} workers, {database}",
        f"{rate:.0f}/s (min {min(rates):.0f}; n={len(rates)}); {doubles} twice",
        target=f">= {fewest}/s; 0 twice",
        holds=rate >= fewest and not doubles,
    )


@contextmanager
def ringing(place: Place, workers: int) -> "Iterator[tuple[Receiver, Popen[str]]]":
    """The receiver, and the process that lets jobs end, with alert workers at work."""
    with ExitStack() as stack:
        receiver = Receiver()
        stack.callback(receiver.server_close)
        stack.callback(receiver.shutdown)
        place.extra["REDIS_URL"] = stack.enter_context(a_broker())
        commands = [beat_command(), *(_named(number) for number in range(workers))]
        started = [servers.Server(one, env=place.environment()).start() for one in commands]
        for server in started:
            stack.callback(server.stop)
        for server in started[1:]:
            server.wait_for("ready.")
        ringer = python_process(place, "-m", "bench.ringing", receiver.url)
        stack.callback(_end, ringer)
        assert ringer.stdout
        ringer.stdout.readline()
        yield receiver, ringer


def _named(number: int) -> list[str]:
    """Several on one machine need names of their own."""
    return [word.replace("alerts@", f"alerts{number}@") for word in worker_command("alerts")]


def ring(ringer: "Popen[str]", number: int, workers: int = 1) -> tuple[list[str], float]:
    """So many jobs end: their ids, and when that was committed."""
    assert ringer.stdin
    assert ringer.stdout
    ringer.stdin.write(f"{number} {workers}\n")
    ringer.stdin.flush()
    told = json.loads(ringer.stdout.readline())
    return told["ids"], told["at"]


def _end(process: "Popen[str]") -> None:
    assert process.stdin
    process.stdin.close()
    process.wait(30)
