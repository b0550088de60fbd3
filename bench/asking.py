"""Asks servers in turn, over connections that are kept, and takes the time of each answer."""

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tqdm import tqdm

WARM, TURNS = 5, 30
SLOW_MS, SLOW_TURNS = 1000.0, 5  # who takes seconds is asked less often, or a run takes an hour
IDLE_S = 1.0  # servers give up an idle connection; opening one is no part of the figure
PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Reply:
    """`body`: as sent, so compressed where the server compresses."""

    ms: float
    status: int
    body: bytes
    headers: dict[str, str]


Ask = Callable[[], Reply]


@dataclass(slots=True)
class Line:
    """A kept connection to one server."""

    origin: str
    headers: dict[str, str] = field(default_factory=dict)
    _open: http.client.HTTPConnection | None = None
    _used_at: float = 0.0

    def get(self, path: str, **headers: str) -> Reply:
        return self._ask("GET", path, None, headers)

    def post(self, path: str, body: object) -> Reply:
        told = {"Content-Type": "application/json"}
        return self._ask("POST", path, json.dumps(body).encode(), told)

    def _ask(self, method: str, path: str, body: bytes | None, more: dict[str, str]) -> Reply:
        line = self._ready()
        began = time.perf_counter()
        line.request(method, path, body, {"Accept-Encoding": "gzip", **self.headers, **more})
        answer = line.getresponse()
        received = answer.read()
        took_ms = (time.perf_counter() - began) * 1000
        self._used_at = time.monotonic()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(took_ms, answer.status, received, found)

    def _ready(self) -> http.client.HTTPConnection:
        if self._open is None or time.monotonic() - self._used_at > IDLE_S:
            self.close()
            self._open = http.client.HTTPConnection(
                urlsplit(self.origin).netloc, timeout=PATIENCE_S
            )
            self._open.connect()
        return self._open

    def close(self) -> None:
        if self._open:
            self._open.close()


def checked(ask: Ask, status: int = 200) -> Ask:
    """The same, but an answer with another status ends the measurement."""

    def asked() -> Reply:
        reply = ask()
        if reply.status != status:
            raise RuntimeError(f"status {reply.status} instead of {status}: {reply.body[:300]!r}")
        return reply

    return asked


def in_turn(sides: dict[str, Ask], title: str) -> dict[str, list[float]]:
    """Milliseconds by side: first each is warmed, then all are asked in turn, A B A B."""
    turns = {side: turns_for(ask) for side, ask in sides.items()}
    took: dict[str, list[float]] = {side: [] for side in sides}
    for turn in tqdm(range(max(turns.values())), desc=title, unit="turn"):
        for side, ask in sides.items():
            if turn < turns[side]:
                took[side].append(ask().ms)
    return took


def turns_for(ask: Ask) -> int:
    """How often it can be asked; asks it until it is warm. The first answer of a server tells little."""
    ask()
    if ask().ms > SLOW_MS:
        return SLOW_TURNS
    for _ in range(WARM - 2):
        ask()
    return TURNS
