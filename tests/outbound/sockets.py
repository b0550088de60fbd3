"""Small TCP servers that answer as badly as a test wants."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Peer:
    """One server: what it saw, and the event that ends it."""

    host: str
    port: int
    stop: threading.Event = field(default_factory=threading.Event)
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    bytes_sent: int = 0
    sockets: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/"


Answer = Callable[[socket.socket, Peer], None]


def always(reply: bytes) -> Answer:
    """Answers each request of a connection with the same bytes."""

    def answer(conn: socket.socket, peer: Peer) -> None:
        while (request := _request(conn)) and not peer.stop.is_set():
            peer.requests.append(request)
            conn.sendall(reply)

    return answer


def in_turn(*replies: bytes) -> Answer:
    """Answers the first request with the first reply, and so on."""
    left = list(replies)

    def answer(conn: socket.socket, peer: Peer) -> None:
        while left and (request := _request(conn)):
            peer.requests.append(request)
            conn.sendall(left.pop(0))

    return answer


def dripping(head: bytes, drop: bytes = b"x", every_s: float = 0.02) -> Answer:
    """Sends a head, then a drop again and again, for ever."""

    def answer(conn: socket.socket, peer: Peer) -> None:
        peer.requests.append(_request(conn))
        conn.sendall(head)
        while not peer.stop.wait(every_s):
            conn.sendall(drop)

    return answer


def flooding(head: bytes, total: int, drop: bytes = b"x") -> Answer:
    """Sends a head and up to `total` bytes of drops as fast as they are taken."""

    def answer(conn: socket.socket, peer: Peer) -> None:
        peer.requests.append(_request(conn))
        conn.sendall(head)
        block = drop * (65536 // len(drop))
        while peer.bytes_sent < total:
            peer.bytes_sent += conn.send(block)

    return answer


def silent(conn: socket.socket, peer: Peer) -> None:
    """Takes the request and never answers."""
    peer.requests.append(_request(conn))
    peer.stop.wait(30)


def hanging_up(conn: socket.socket, peer: Peer) -> None:
    """Takes the request and closes."""
    peer.requests.append(_request(conn))


def _request(conn: socket.socket) -> bytes:
    seen = b""
    while b"\r\n\r\n" not in seen:
        chunk = conn.recv(65536)
        if not chunk:
            break
        seen += chunk
    return seen


@contextmanager
def listening(
    answer: Answer, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[Peer]:
    """A server for the length of a test."""
    with socket.create_server((host, 0)) as server:
        peer = Peer(host, server.getsockname()[1])
        thread = threading.Thread(target=_accept, args=(server, answer, peer, tls), daemon=True)
        thread.start()
        yield peer
        peer.stop.set()
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _accept(server: socket.socket, answer: Answer, peer: Peer, tls: ssl.SSLContext | None) -> None:
    workers: list[threading.Thread] = []
    while not peer.stop.is_set():
        try:
            conn, _ = server.accept()
        except OSError:
            break
        peer.connections += 1
        peer.sockets.append(conn)
        worker = threading.Thread(target=_serve, args=(conn, answer, peer, tls), daemon=True)
        workers.append(worker)
        worker.start()
    for conn in peer.sockets:
        with suppress(OSError):
            conn.shutdown(socket.SHUT_RDWR)
    for worker in workers:
        worker.join(5)


def _serve(conn: socket.socket, answer: Answer, peer: Peer, tls: ssl.SSLContext | None) -> None:
    with conn:
        try:
            if tls is None:
                answer(conn, peer)
                return
            with tls.wrap_socket(conn, server_side=True) as secured:
                peer.sockets.append(secured)
                answer(secured, peer)
        except OSError:
            return
