"""h3: a job ends at a provider that sends webhooks; until our alert arrives. Polled once an hour, so by the webhook alone.

Web, workers, beat and broker are real, as the supervisor starts them; so is the provider, the simulator,
which looks every 50 ms for ends to tell: that is in the figure.
"""

import base64
import random
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from statistics import median
from urllib.request import Request, urlopen

import orjson
from tqdm import tqdm

from bench.lateness import percentile
from bench.surroundings import Place, a_broker, on_sqlite
from bench.table import Row
from dashboard.supervisor_plan import beat_command, web_command, worker_command
from tests import servers
from tests.receiver import Receiver

EVENTS, PAUSE_S = 50, (0.2, 1.5)
P95_S = 1.0
PATIENCE_S = 60.0


@dataclass(slots=True)
class Provider:
    """The simulator: `serves` a job in a state, and tells what was asked for."""

    origin: str

    def serves(self, job_id: str, status: str) -> None:
        job = {"object": "fine_tuning.job", "id": job_id, "created_at": int(time.time())}
        body = {**job, "status": status, "model": "gpt-4o-mini-2024-07-18", "error": {}}
        self._ask("POST", "jobs", {"raw": body})

    def retrieved(self) -> set[str]:
        told = orjson.loads(self._ask("GET", "journal?limit=5000"))["data"]
        return {
            one["path"].rpartition("/")[2] for one in told if one["http_status"] == HTTPStatus.OK
        }

    def _ask(self, method: str, what: str, body: object = None) -> bytes:
        data = orjson.dumps(body) if body else None
        with urlopen(Request(f"{self.origin}/_control/{what}", data, method=method)) as reply:
            return bytes(reply.read())


def rows(_wanted: str) -> list[Row]:
    with on_sqlite() as place, hooked(place) as (provider, receiver):
        late = [seconds_to_alert(provider, receiver, job_id) for job_id in jobs_of(provider)]
    half, p95 = median(late), percentile(late, 0.95)
    return [
        Row(
            "h3",
            "end at the provider to our alert by its webhook, calm, one poll and one alert worker, SQLite",
            f"median {half:.3f} s, p95 {p95:.3f} s, max {max(late):.3f} s (n={len(late)})",
            target=f"p95 <= {P95_S:g} s",
            holds=p95 <= P95_S,
        )
    ]


def jobs_of(provider: Provider) -> Iterator[str]:
    """Jobs that run, each once it was read and after a while."""
    ids = [f"ftjob-bench{number:06}" for number in range(EVENTS)]
    for job_id in ids:
        provider.serves(job_id, "running")
    servers.eventually(
        lambda: provider.retrieved() >= set(ids), within_s=PATIENCE_S, what="the first look"
    )
    for job_id in tqdm(ids, desc="h3 webhooks"):
        time.sleep(random.uniform(*PAUSE_S))
        yield job_id


def seconds_to_alert(provider: Provider, receiver: Receiver, job_id: str) -> float:
    provider.serves(job_id, "failed")
    began_at, end = time.monotonic(), time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if any(one.content["data"]["job"]["id"] == job_id for one in list(receiver.journal)):
            return time.monotonic() - began_at
        time.sleep(0.005)
    raise RuntimeError(f"no alert of {job_id}")


@contextmanager
def hooked(place: Place) -> Iterator[tuple[Provider, Receiver]]:
    """A provider that sends webhooks to a whole stack, and who receives its alerts."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    provider_port, port = servers.free_port(), servers.free_port()
    with ExitStack() as stack:
        receiver = Receiver().up()
        stack.callback(receiver.down)
        place.extra["REDIS_URL"] = stack.enter_context(a_broker())
        provider = Provider(f"http://127.0.0.1:{provider_port}")
        path = place.run("-m", "bench.hooking", f"{provider.origin}/v1", receiver.url, secret)
        target = f"http://127.0.0.1:{port}{path.strip()}"
        simulator = [sys.executable, "-u", "-m", "simulator", "--port", str(provider_port)]
        simulator += ["--population", "empty", "--webhook-url", target, "--webhook-secret", secret]
        web, queues = web_command(f"127.0.0.1:{port}"), ("poll", "alerts")
        for command in (simulator, web, *map(worker_command, queues), beat_command()):
            server = servers.Server(command, env=place.environment(PORT=str(port))).start()
            stack.callback(server.stop)
        servers.eventually(
            lambda: servers.status_of(f"http://127.0.0.1:{port}/livez"), what="the start of the web"
        )
        yield provider, receiver
