"""Threads that send. They get values, give back outcomes, and never touch the database."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Self

from alerts.channels.base import Receipt, SendError
from outbound.client import close_clients

# Threads at work that are kept for quick receivers, and all of them with those that wait for slow ones.
MAX_SENDERS = 8
MOST_SENDERS = 64


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one try: a receipt, or an error."""

    receipt: Receipt | None
    error: SendError | None
    duration_ms: int


class NotBegun(SendError):
    """The lease is too short for a send; somebody else will do it."""

    def __init__(self) -> None:
        super().__init__("The process stood still before sending.")


Work = Callable[[], Receipt]


class Sender:
    """One thread; it keeps its connections to receivers open between sends."""

    def __init__(self, results: "SimpleQueue[tuple[Sender, Outcome]]") -> None:
        self._inbox: SimpleQueue[Work | None] = SimpleQueue()
        self._results = results
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._thread.start()

    def send(self, work: Work) -> None:
        self._inbox.put(work)

    def end(self) -> None:
        """After the work at hand."""
        self._inbox.put(None)

    def join(self) -> None:
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        try:
            while (work := self._inbox.get()) is not None:
                self._results.put((self, attempt(work)))
        finally:
            close_clients()


class Senders:
    """At most MOST_SENDERS at work at a time; who hangs is left behind and replaced."""

    def __init__(self) -> None:
        self._results: SimpleQueue[tuple[Sender, Outcome]] = SimpleQueue()
        self._idle: list[Sender] = []
        self._busy: set[Sender] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for sender in (*self._idle, *self._busy):
            sender.end()
        for sender in self._idle:
            sender.join()

    @property
    def free(self) -> int:
        return MOST_SENDERS - len(self._busy)

    def start(self, work: Work) -> Sender:
        sender = self._idle.pop() if self._idle else Sender(self._results)
        self._busy.add(sender)
        sender.send(work)
        return sender

    def finished(self, wait_s: float) -> list[tuple[Sender, Outcome]]:
        """All that ended, waiting for the first; what an abandoned sender brings is dropped."""
        found = []
        try:
            found.append(self._results.get(timeout=wait_s))
            while True:
                found.append(self._results.get_nowait())
        except Empty:
            pass
        mine = [(sender, outcome) for sender, outcome in found if sender in self._busy]
        for sender, _outcome in mine:
            self._busy.remove(sender)
            self._rest(sender)
        return mine

    def _rest(self, sender: Sender) -> None:
        """It waits for more with its connections open; those there are too many of end."""
        if len(self._idle) < MAX_SENDERS:
            self._idle.append(sender)
        else:
            sender.end()

    def abandon(self, sender: Sender) -> None:
        self._busy.discard(sender)
        sender.end()


def attempt(work: Work) -> Outcome:
    """The outcome of one send; an unexpected exception is a failure like any other."""
    started = time.monotonic()
    receipt, error = None, None
    try:
        receipt = work()
    except SendError as refused:
        error = refused
    except Exception as unexpected:  # noqa: BLE001  # one broken channel must not end the thread
        error = SendError(f"Sending failed unexpectedly ({type(unexpected).__name__}).")
    return Outcome(receipt, error, int((time.monotonic() - started) * 1000))
