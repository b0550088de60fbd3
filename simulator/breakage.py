"""Faults that need the socket: answers that never come, come slowly, break off or never end."""

from __future__ import annotations

import select
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from simulator.faults import Fault

LOOK_S = 0.1


class Line:
    """A connection to one client that is about to be ill-treated. `closing` is set when the server stops."""

    def __init__(self, connection: socket.socket, closing: threading.Event) -> None:
        self._connection, self._closing = connection, closing

    def send(self, content: bytes) -> None:
        self._connection.sendall(content)

    def pause(self, seconds: float) -> bool:
        """Waits; False as soon as the server stops or the client is gone."""
        left = seconds
        while left > 0 and not self._closing.is_set():
            if self._is_gone():
                return False
            self._closing.wait(min(left, LOOK_S))
            left -= LOOK_S
        return not self._closing.is_set()

    def _is_gone(self) -> bool:
        # Asked first, because a socket with a timeout waits for bytes even when told not to.
        ready = select.poll()
        ready.register(self._connection, select.POLLIN)
        try:
            return bool(ready.poll(0)) and self._connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True

    def reset(self) -> None:
        """The next close sends a reset instead of an orderly end."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang(line: Line, _head: bytes, _body: bytes, _fault: Fault) -> None:
    while line.pause(3600.0):
        pass


def drip(line: Line, head: bytes, body: bytes, fault: Fault) -> None:
    line.send(head)
    for place in range(len(body)):
        line.send(body[place : place + 1])
        if not line.pause(fault.seconds):
            return


def truncated(line: Line, head: bytes, body: bytes, _fault: Fault) -> None:
    line.send(head + body[: len(body) // 2])


def reset(line: Line, head: bytes, body: bytes, _fault: Fault) -> None:
    line.send(head + body[:1])
    line.reset()


def huge(line: Line, _head: bytes, _body: bytes, fault: Fault) -> None:
    start = b'{"object":"fine_tuning.job","padding":"'
    line.send(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n" + start
    )
    block, left = b"x" * 65536, fault.bytes
    while left > 0 and line.pause(0):
        line.send(block[:left])
        left -= len(block)


def will_reset(connection: socket.socket) -> bool:
    lingers, _ = struct.unpack("ii", connection.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))
    return bool(lingers)


BREAKAGES: dict[str, Callable[[Line, bytes, bytes, Fault], None]] = {
    "hang": hang,
    "drip": drip,
    "truncated": truncated,
    "reset": reset,
    "huge": huge,
}
