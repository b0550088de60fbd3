"""The network under httpx: connects to checked addresses only, within one deadline.

The check sits where the connection is made, so that the address that was judged is the address
that is used, and the URL keeps its name for the Host header, SNI and the certificate. A pooled
connection belongs to one name: a pool keyed by address would reuse a TLS connection that was
verified for another name (seen with httpx 0.28.1 when the URL's host is rewritten).
"""

import ssl
import time
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from outbound.errors import Redirected, TooLarge
from outbound.policy import Address, current
from outbound.resolve import permitted

# Longer than a poll interval, shorter than the 60 s after which load balancers hang up.
KEEP_ALIVE_S = 30.0
WRITE_BYTES = 64 * 1024
# A status line and headers, with the hints before them: a flood of 1xx answers is no answer.
HEAD_BYTES = 256 * 1024
_REDIRECTS = range(300, 400)


class Exchange:
    """The request that is on its way in a client: its deadline, what may come, whether bytes left."""

    __slots__ = ("address", "bytes_left", "deadline", "is_sent")

    def __init__(self) -> None:
        self.begin(0.0)
        self.address = ""

    def begin(self, deadline_s: float) -> None:
        """Start the clock of a new request."""
        self.deadline = time.monotonic() + deadline_s
        self.is_sent = False
        self.bytes_left = HEAD_BYTES

    def expect(self, max_bytes: int) -> None:
        """The head is there; the body may bring so many bytes, and as many again for its framing."""
        self.bytes_left = 2 * max_bytes + HEAD_BYTES

    def take(self, count: int) -> None:
        """Counts bytes as they came over the wire. Raises TooLarge."""
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise TooLarge("More bytes came than an answer can have.", maybe_sent=True)

    def left(self, timeout_s: float | None, error: type[Exception]) -> float:
        """Seconds an operation may take; raises `error` when the deadline has passed."""
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise error("deadline")
        return remaining if timeout_s is None else min(timeout_s, remaining)


class GuardedStream(httpcore.NetworkStream):
    """A connection whose every read and write ends with the deadline of its request."""

    def __init__(self, inner: httpcore.NetworkStream, exchange: Exchange, address: str) -> None:
        self._inner = inner
        self._exchange = exchange
        self.address = address

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._exchange.left(timeout, httpcore.ReadTimeout)
        self._exchange.address = self.address
        came = self._inner.read(max_bytes, left)
        self._exchange.take(len(came))
        return came

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), WRITE_BYTES):
            left = self._exchange.left(timeout, httpcore.WriteTimeout)
            self._exchange.is_sent = True
            self._inner.write(buffer[start : start + WRITE_BYTES], left)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._exchange.left(timeout, httpcore.ConnectTimeout)
        secured = self._inner.start_tls(ssl_context, server_hostname, left)
        return GuardedStream(secured, self._exchange, self.address)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  # httpcore's own signature
        return self._inner.get_extra_info(info)


class GuardedBackend(httpcore.NetworkBackend):
    """Resolves once, judges every answer, and connects to what was judged."""

    def __init__(self, scheme: str, exchange: Exchange) -> None:
        self._scheme = scheme
        self._exchange = exchange
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002  # httpcore's own signature
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        left = self._exchange.left(timeout, httpcore.ConnectTimeout)
        addresses = permitted(current(), self._scheme, host, port, left)
        for address in addresses[:-1]:
            try:
                return self._connect(address, port, timeout, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._connect(addresses[-1], port, timeout, socket_options)

    def _connect(
        self,
        address: Address,
        port: int,
        timeout: float | None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None,
    ) -> httpcore.NetworkStream:
        left = self._exchange.left(timeout, httpcore.ConnectTimeout)
        stream = self._network.connect_tcp(
            str(address), port, left, socket_options=socket_options or ()
        )
        return GuardedStream(stream, self._exchange, str(address))


class _Body(httpx.SyncByteStream):
    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks

    def close(self) -> None:
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()


class GuardedTransport(httpx.BaseTransport):
    """One pool for one origin over the guarded network. Proxies and the environment are unknown."""

    def __init__(self, scheme: str, exchange: Exchange) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context() if scheme == "https" else None,
            max_connections=1,
            keepalive_expiry=KEEP_ALIVE_S,
            http2=False,
            network_backend=GuardedBackend(scheme, exchange),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        reply = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        if reply.status in _REDIRECTS:
            # Here, because httpx reads the Location even when it does not follow it.
            reply.close()
            raise Redirected(
                f"The server redirects to {_place(reply)} ({reply.status}).", maybe_sent=True
            )
        return httpx.Response(
            reply.status,
            headers=reply.headers,
            stream=_Body(_sync(reply)),
            extensions=reply.extensions,
        )

    def close(self) -> None:
        self._pool.close()


def _place(reply: httpcore.Response) -> str:
    # Only the host: paths and queries of redirects carry tokens.
    location = next((v for k, v in reply.headers if k.lower() == b"location"), b"")
    try:
        host = urlsplit(location.decode("latin-1")).hostname or ""
    except ValueError:
        host = ""
    return host[:200] if host.isascii() and host.isprintable() and host else "another address"


def _sync(reply: httpcore.Response) -> Iterable[bytes]:
    if not isinstance(reply.stream, Iterable):
        msg = "the pool is synchronous"
        raise TypeError(msg)
    return reply.stream


@cache
def ssl_context() -> ssl.SSLContext:
    """The one TLS context of the process, made on first use: loading the roots costs 20 ms."""
    return ssl.create_default_context()
