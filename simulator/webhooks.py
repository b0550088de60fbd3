"""Tells somebody when a job ends, as OpenAI does: a thin event, signed by the Standard Webhooks scheme.

Best effort, in threads of its own: what is not taken is tried a few times and then forgotten.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import http.client
import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson

from simulator import dice, life
from simulator.spec import Spec

if TYPE_CHECKING:
    from simulator.ledger import Known, Ledger

ENDS = frozenset({"succeeded", "failed", "cancelled"})
LOOK_S = 0.05  # how often it looks whether a job has ended
PATIENCE_S = 5.0
RETRY_S = (1.0, 3.0, 10.0)  # before each further try
MOST_WAITING = 10_000
SECRET_PREFIX = "whsec_"  # noqa: S105  # says that a secret follows

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """Where events go, and the bytes that sign them."""

    url: str
    key: bytes

    @classmethod
    def parse(cls, url: str, secret: str) -> Target:
        """Raises ValueError with what is wrong."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                "--webhook-url must be an address that begins with http:// or https://"
            )
        try:
            key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
        except binascii.Error:
            key = b""
        if not secret.startswith(SECRET_PREFIX) or not key:
            raise ValueError("--webhook-secret must be whsec_ and base64")
        return cls(url, key)


@dataclass(slots=True)
class Delivery:
    """One event on its way. `due_at`: on the monotonic clock."""

    id: str
    body: bytes
    due_at: float = 0.0
    tries: int = 0


@dataclass(slots=True)
class Announcer:
    """Looks for jobs that have ended since it began, and sends an event for each."""

    ledger: Ledger
    target: Target
    taken: int = 0
    _over: set[str] = field(default_factory=set)
    _waiting: deque[Delivery] = field(default_factory=deque)
    _closing: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """What is over by now is history, and told to nobody."""
        self._ended(time.time())
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout=PATIENCE_S)

    def _run(self) -> None:
        while not self._closing.wait(LOOK_S):
            for job_id, end in self._ended(time.time()):
                if len(self._waiting) < MOST_WAITING:
                    self._waiting.append(_event(job_id, end))
            self._send_due()

    def _ended(self, now: float) -> list[tuple[str, str]]:
        """(job id, state) of those that were not over at the look before; a job may live again."""
        found = []
        for known in self.ledger.all_jobs():
            end = end_of(known, now)
            if end is None:
                self._over.discard(known.id)
            elif known.id not in self._over:
                self._over.add(known.id)
                found.append((known.id, end))
        return found

    def _send_due(self) -> None:
        for _ in range(len(self._waiting)):
            delivery = self._waiting.popleft()
            if self._closing.is_set():
                return
            if delivery.due_at > time.monotonic():
                self._waiting.append(delivery)
            elif send(self.target, delivery):
                self.taken += 1
            elif delivery.tries < len(RETRY_S):
                delivery.due_at = time.monotonic() + RETRY_S[delivery.tries]
                delivery.tries += 1
                self._waiting.append(delivery)
            else:
                log.warning("webhook given up: %s", delivery.id)


def end_of(known: Known, now: float) -> str | None:
    """How the job has ended, in OpenAI's word; None while it lives."""
    if isinstance(known, Spec):
        status: object = life.status(known, now)
    else:
        status = known.job.get("status")
    return status if isinstance(status, str) and status in ENDS else None


def _event(job_id: str, end: str) -> Delivery:
    moment = time.time()
    number = dice.hexcode("webhook", job_id, end, moment)
    body = {
        "object": "event",
        "id": f"evt_{number}",
        "type": f"fine_tuning.job.{end}",
        "created_at": int(moment),
        "data": {"id": job_id},
    }
    return Delivery(f"wh_{number}", orjson.dumps(body))


def signed_headers(key: bytes, webhook_id: str, body: bytes, now: float) -> dict[str, str]:
    signed = f"{webhook_id}.{int(now)}.".encode() + body
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "content-type": "application/json",
        "user-agent": "simulator",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": f"v1,{signature}",
    }


def send(target: Target, delivery: Delivery) -> bool:
    """Whether it was taken: an answer of 2xx. Redirects are not followed."""
    parts = urlsplit(target.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    line = kind(parts.hostname or "", parts.port, timeout=PATIENCE_S)
    headers = signed_headers(target.key, delivery.id, delivery.body, time.time())
    try:
        line.request("POST", parts.path or "/", delivery.body, headers)
        return 200 <= line.getresponse().status < 300  # noqa: PLR2004  # 2xx
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()
