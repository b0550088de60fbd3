"""Receivers of alerts over real sockets: an HTTP server and an SMTP server, each with a journal."""

import json
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller

from tests.servers import free_port


@dataclass(frozen=True, slots=True)
class Answer:
    """`hangs`: nothing is answered before the receiver is closed or released. `closes`: nothing is answered."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    hangs: bool = False
    closes: bool = False


@dataclass(frozen=True, slots=True)
class Arrival:
    path: str
    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def key(self) -> str:
        return self.headers["webhook-id"]

    @property
    def content(self) -> dict:
        return json.loads(self.body)


class Receiver:
    """Answers each POST with the next scripted answer, then with `usual`; notes every request."""

    def __init__(self) -> None:
        self.port = free_port()
        self.journal: list[Arrival] = []
        self.script: deque[Answer] = deque()
        self.usual = Answer()
        self.released = threading.Event()
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def accepted(self) -> list[Arrival]:
        return [one for one in self.journal if 200 <= one.status < 300]

    def up(self) -> "Receiver":
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.receiver = self
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def down(self) -> None:
        self.released.set()
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer_to(self, _path: str, _headers: dict[str, str], _body: bytes) -> Answer:
        """What a request gets; a vendor's receiver judges it first."""
        return self.next_answer()

    def next_answer(self) -> Answer:
        with suppress(IndexError):
            return self.script.popleft()
        return self.usual


class _Server(ThreadingHTTPServer):
    receiver: Receiver
    request_queue_size = 64


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(length)
        if len(body) < length:  # the sender died on the way: nothing arrived, as any server sees it
            self.close_connection = True
            return
        receiver = self.server.receiver
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = receiver.answer_to(self.path, headers, body)
        receiver.journal.append(Arrival(self.path, headers, body, answer.status))
        if answer.hangs:
            receiver.released.wait(60)
        if answer.closes:
            self.close_connection = True
            return
        with suppress(OSError):
            self._answer(answer)

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_line: object) -> None:
        pass


class MailServer:
    """A real SMTP server. `answers`: replies to RCPT and to the end of DATA, then 250."""

    def __init__(self) -> None:
        self.to_recipient: deque[str] = deque()
        self.to_mail: deque[str] = deque()
        self.mails: list = []
        self._is_closed = False
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())
        self._controller.start()

    @property
    def port(self) -> int:
        return self._controller.port

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._controller.stop()

    async def handle_RCPT(self, _server, _session, envelope, address, _options) -> str:  # noqa: N802  # aiosmtpd finds it by this name
        if self.to_recipient:
            return self.to_recipient.popleft()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, _session, envelope) -> str:  # noqa: N802  # as above
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        answer = self.to_mail.popleft() if self.to_mail else "250 taken"
        if answer == "drop":
            server.transport.abort()
        return answer
