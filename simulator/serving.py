"""The thin HTTP shell: sockets, headers, faults and the journal around the pure answers."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import logging
import socket
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from simulator import breakage, control, faults, fronts
from simulator.access import Doorman
from simulator.dice import hexcode
from simulator.exchange import Answer, ApiError, Request
from simulator.journal import Journal
from simulator.ledger import Ledger
from simulator.population import World
from simulator.render import ORGANIZATION
from simulator.statefile import State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from simulator.faults import Fault

BODY_CAP_BYTES = 32 * 1024 * 1024
IDLE_S = 120
# How often a server looks whether it shall stop.
LOOK_S = 0.02

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve. `journal`: where each answer is written down; `key`: the only API key let in."""

    host: str = "127.0.0.1"
    port: int = 0
    key: str | None = None
    journal: Path | None = None


@dataclass(slots=True)
class Running:
    """A simulator that serves in a thread of this process. `base_url` ends in /v1; `origin` does not."""

    server: Server
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(
            target=self.server.serve_forever, args=(LOOK_S,), daemon=True
        )
        self.thread.start()

    @property
    def origin(self) -> str:
        host, port = self.server.server_address[:2]
        return f"http://{_text(host)}:{port}"

    @property
    def base_url(self) -> str:
        return self.origin + "/v1"

    @property
    def desk(self) -> control.Desk:
        return self.server.desk

    def close(self) -> None:
        """Stops at once: also answers that hang are cut."""
        self.server.close()
        self.thread.join()


def serve_in_thread(world: World | None = None, options: Options | None = None) -> Running:
    """A running simulator on a free port, by default without jobs. The caller closes it."""
    now = time.time()
    state = State(world or World(seed=7, epoch=now, population="empty"))
    return Running(Server(Ledger(state, now), options or Options()))


class Server(ThreadingHTTPServer):
    """Binds at once. Raises OSError for a port that is taken."""

    daemon_threads = True
    # Many clients connect at the same moment in load tests.
    request_queue_size = 1024

    def __init__(self, ledger: Ledger, options: Options) -> None:
        self.desk = control.Desk(
            ledger,
            faults.Switchboard(ledger.state.world.seed),
            Doorman(options.key),
            Journal(options.journal),
        )
        self.closing = threading.Event()
        self.request_numbers = itertools.count(1)
        self._connections: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__((options.host, options.port), Handler)

    def server_bind(self) -> None:
        # The base class looks up its own name, which may take seconds without a name server.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = _text(self.server_address[0]), self.server_address[1]

    @contextlib.contextmanager
    def connected(self, connection: socket.socket) -> Iterator[None]:
        with self._changed:
            self._connections.add(connection)
        try:
            yield
        finally:
            with self._changed:
                self._connections.discard(connection)
                self._changed.notify_all()

    def close(self) -> None:
        self.closing.set()
        self.shutdown()
        with self._changed:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._connections, timeout=2)
        self.server_close()

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        # An orderly end would come before the reset that a fault asked for.
        if isinstance(request, socket.socket) and breakage.will_reset(request):
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, _request: object, client_address: object) -> None:
        """Called by the base class while the exception is being handled."""
        log.error("a connection broke: %s", client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection, kept alive over many requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_S
    server: Server

    def handle(self) -> None:
        # Clients go away in the middle of answers; with faults that is the purpose.
        with (
            self.server.connected(self.connection),
            contextlib.suppress(ConnectionError, TimeoutError),
        ):
            super().handle()

    def log_message(self, *_args: object) -> None:
        """The journal has it."""

    def _answer(self) -> None:
        began_at = time.time()
        request = self._request()
        if request is None:
            return
        if request.path.startswith(control.PREFIX):
            self._send(control.answer(self.server.desk, request, began_at), None)
            return
        fault = self.server.desk.switchboard.pick(request)
        answer = self._told(request, began_at, fault)
        # Written down before it is sent, so that who has the answer finds it in the journal.
        self.server.desk.journal.add(_entry(request, answer, fault, began_at))
        self._send(answer, fault)

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = _answer  # noqa: N815  # the base class asks for these names

    def _request(self) -> Request | None:
        length = self.headers.get("content-length") or "0"
        if not length.isdecimal() or int(length) > BODY_CAP_BYTES:
            self.close_connection = True
            self._send(ApiError(413, "The body of the request is too large").answer(), None)
            return None
        parts = urlsplit(self.path)
        return Request(
            self.command,
            parts.path,
            tuple(parse_qsl(parts.query, keep_blank_values=True)),
            {name.casefold(): value for name, value in self.headers.items()},
            self.rfile.read(int(length)),
        )

    def _told(self, request: Request, now: float, fault: Fault | None) -> Answer:
        try:
            self.server.desk.doorman.admit(request.api_key)
            answer = fronts.answer(self.server.desk.ledger, request, now)
        except ApiError as error:
            answer = fronts.refusal(self.server.desk.ledger, error)
        return answer if fault is None else faults.spoil(answer, fault)

    def _send(self, answer: Answer, fault: Fault | None) -> None:
        head = _head(answer, next(self.server.request_numbers))
        line = breakage.Line(self.connection, self.server.closing)
        if fault is not None and fault.kind in breakage.BREAKAGES:
            self.close_connection = True
            breakage.BREAKAGES[fault.kind](line, head, answer.body, fault)
            return
        if fault is not None and fault.kind == "slow" and not line.pause(fault.seconds):
            self.close_connection = True
            return
        line.send(head + answer.body)


def _head(answer: Answer, number: int) -> bytes:
    headers = {
        "date": formatdate(usegmt=True),
        "server": "simulator",
        "content-type": answer.content_type,
        "content-length": str(len(answer.body)),
        "x-request-id": "req_" + hexcode("request", number),
        "openai-organization": ORGANIZATION,
        "openai-version": "2020-10-01",
        "openai-processing-ms": "3",
    } | {name.casefold(): value for name, value in answer.headers.items()}
    lines = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else "Unknown"


def _entry(
    request: Request, answer: Answer, fault: Fault | None, began_at: float
) -> dict[str, object]:
    return {
        "began_at": began_at,
        "ended_at": time.time(),
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "http_status": answer.status,
        "jobs": answer.jobs,
        "body_sha256": hashlib.sha256(answer.body).hexdigest(),
        "fault": None if fault is None else fault.kind,
    }


def _text(address: object) -> str:
    return address.decode() if isinstance(address, bytes) else str(address)
