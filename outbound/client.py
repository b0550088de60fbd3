"""The one door out: `send` a request through the guard, get a bounded reply back."""

import os
import re
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import MappingProxyType
from urllib.parse import urlsplit

import httpcore
import httpx

from outbound.body import read_body
from outbound.errors import (
    BadCertificate,
    Blocked,
    NotTls,
    Refused,
    TimedOut,
    TooLarge,
    Unreachable,
)
from outbound.guard import Exchange, GuardedTransport
from outbound.policy import check_url

MAX_CLIENTS = 16
LONGEST_S = 60.0  # whatever a request asks for: no exchange holds a thread longer
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_OWN_HEADERS = {"User-Agent": "TuneBell", "Accept-Encoding": "gzip, identity"}
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}\Z")
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]{0,8190}[\x21-\x7e])?\Z")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request: bytes are counted after decompression, times are seconds."""

    max_bytes: int = 1024 * 1024
    deadline_s: float = 20.0
    connect_s: float = 5.0
    read_s: float = 15.0


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer. `headers`: names in lower case. `address`: the IP that answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed_s: float
    address: str


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] = NO_HEADERS,
    content: bytes = b"",
    limits: Limits = DEFAULT_LIMITS,
) -> Reply:
    """The reply of one request, whatever its status; but a 3xx raises Redirected.

    One attempt, no redirects, no proxies, no cookies. Raises OutboundError only.
    """
    origin = check_url(url)
    door = _LOCAL.door(origin)
    exchange = door.exchange
    started = time.monotonic()
    exchange.begin(min(limits.deadline_s, LONGEST_S))
    with _translated(exchange, origin[1]):
        request = _request(door.client, method, (url, origin), headers, content)
        request.extensions = {"timeout": _timeouts(limits)}
        response = door.client.send(request, stream=True)
        exchange.expect(limits.max_bytes)
        try:
            body = _read(response, limits.max_bytes)
        finally:
            response.close()
    lowered = MappingProxyType({name.lower(): value for name, value in response.headers.items()})
    elapsed_s = time.monotonic() - started
    return Reply(response.status_code, lowered, body, elapsed_s, exchange.address)


def close_clients() -> None:
    """Close the connections this thread keeps open."""
    _LOCAL.close()


def _request(
    client: httpx.Client,
    method: str,
    target: tuple[str, tuple[str, str, int]],
    headers: Mapping[str, str],
    content: bytes,
) -> httpx.Request:
    url, (scheme, host, port) = target
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # Built from the checked parts, so that no second reading of the URL can differ from the first.
    clean = httpx.URL(scheme=scheme, host=host, port=port, path="/")
    clean = clean.copy_with(raw_path=path.encode("ascii", "strict"))
    _check_headers(headers)
    return client.build_request(method, clean, headers=dict(headers), content=content or None)


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not _HEADER_NAME.match(name) or (value and not _HEADER_VALUE.match(value)):
            raise Blocked(
                f"The value of the header {name[:40]!r} has characters that cannot be sent."
            )


def _timeouts(limits: Limits) -> dict[str, float]:
    return {
        "connect": limits.connect_s,
        "read": limits.read_s,
        "write": limits.read_s,
        "pool": limits.connect_s,
    }


def _read(response: httpx.Response, max_bytes: int) -> bytes:
    length = response.headers.get("content-length", "")
    encoding = response.headers.get("content-encoding", "")
    if not encoding and length.isdecimal() and int(length[:19]) > max_bytes:
        raise TooLarge(f"The answer is larger than {max_bytes:,} bytes.", maybe_sent=True)
    return read_body(response.iter_raw(), encoding, max_bytes)


@contextmanager
def _translated(exchange: Exchange, host: str) -> Iterator[None]:
    try:
        yield
    except (httpcore.TimeoutException, TimeoutError) as error:
        raise TimedOut(f"{host} took too long.", maybe_sent=exchange.is_sent) from error
    except httpcore.ConnectError as error:
        raise _connect_trouble(host, error) from error
    except httpcore.LocalProtocolError as error:
        raise Blocked("The request has characters that cannot be sent.") from error
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError, httpx.HTTPError) as error:
        msg = f"{host} broke the connection off."
        raise Unreachable(msg, maybe_sent=exchange.is_sent) from error
    except (UnicodeError, httpx.InvalidURL) as error:
        raise Blocked("The URL or a header has characters that cannot be sent.") from error


def _connect_trouble(host: str, error: Exception) -> Unreachable:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return BadCertificate(
                f"The certificate of {host} is not valid: {cause.verify_message}."
            )
        if isinstance(cause, ssl.SSLError):
            return NotTls(f"{host} does not speak TLS properly.")
        cause = cause.__cause__ or cause.__context__
    return Refused(f"{host} refused the connection or cannot be reached.")


class _Door:
    """A client for one origin, used by one thread."""

    def __init__(self, scheme: str) -> None:
        self.exchange = Exchange()
        self.client = httpx.Client(
            transport=GuardedTransport(scheme, self.exchange),
            trust_env=False,
            follow_redirects=False,
            headers=_OWN_HEADERS,
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=())),
        )

    def __del__(self) -> None:
        # A thread that ends takes its clients with it; its sockets are closed, not just dropped.
        with suppress(Exception):
            self.client.close()


class _Local(threading.local):
    def __init__(self) -> None:
        self._doors: OrderedDict[tuple[str, str, int], _Door] = OrderedDict()
        self._pid = os.getpid()

    def door(self, origin: tuple[str, str, int]) -> _Door:
        if self._pid != os.getpid():
            # After a fork the sockets are still the parent's: leave them alone, open own ones.
            self._doors, self._pid = OrderedDict(), os.getpid()
        door = self._doors.pop(origin, None) or _Door(origin[0])
        self._doors[origin] = door
        if len(self._doors) > MAX_CLIENTS:
            _, oldest = self._doors.popitem(last=False)
            oldest.client.close()
        return door

    def close(self) -> None:
        while self._doors:
            self._doors.popitem()[1].client.close()


_LOCAL = _Local()
