"""Names to addresses, once, within a time."""

import queue
import threading
from ipaddress import ip_address
from socket import SOCK_STREAM, getaddrinfo
from typing import TypeAlias

from outbound.errors import Blocked, TimedOut, Unresolved
from outbound.policy import Address, Policy

_Answer: TypeAlias = list[str] | OSError

# A name server that hangs keeps its thread; this bounds how many may hang at once.
_LOOKUPS = threading.BoundedSemaphore(64)


def resolve(host: str, port: int, timeout_s: float) -> tuple[Address, ...]:
    """All addresses of a host, each once, in the order of the answer; n >= 1.

    Raises Unresolved when there is none, TimedOut after `timeout_s` seconds.
    """
    try:
        return (ip_address(host),)
    except ValueError:
        answer = _look_up_in_thread(host, port, timeout_s)
    if isinstance(answer, OSError) or not answer:
        raise Unresolved(f"The name {host} could not be resolved.")
    return tuple(dict.fromkeys(ip_address(text) for text in answer))


def _look_up_in_thread(host: str, port: int, timeout_s: float) -> _Answer:
    # getaddrinfo knows no time-out. A daemon thread, unlike a pool, does not hold up the exit.
    answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
    if not _LOOKUPS.acquire(timeout=max(timeout_s, 0)):
        raise TimedOut(f"The name {host} was not resolved in time.")
    threading.Thread(target=_look_up, args=(host, port, answers), daemon=True).start()
    try:
        return answers.get(timeout=max(timeout_s, 0.001))
    except queue.Empty:
        raise TimedOut(f"The name {host} was not resolved in time.") from None


def _look_up(host: str, port: int, answers: "queue.SimpleQueue[_Answer]") -> None:
    try:
        found = getaddrinfo(host, port, type=SOCK_STREAM)
        answers.put([str(sockaddr[0]) for *_, sockaddr in found])
    except (OSError, UnicodeError) as error:
        answers.put(error if isinstance(error, OSError) else OSError(str(error)))
    finally:
        _LOOKUPS.release()


def permitted(
    policy: Policy, scheme: str, host: str, port: int, timeout_s: float
) -> tuple[Address, ...]:
    """The addresses of a host, all of them allowed: one bad answer refuses the whole.

    Raises Blocked, Unresolved or TimedOut.
    """
    addresses = resolve(host, port, timeout_s)
    for address in addresses:
        if reason := policy.refusal(scheme, address, port):
            raise Blocked(f"Not allowed: {reason}.")
    return addresses
