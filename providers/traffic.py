"""What a request cost and what its headers said, told to whoever counts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from providers.ratelimits import RateLimits


@dataclass(frozen=True, slots=True)
class Traffic:
    """One request, answered or not. `status` None: no complete answer came.

    `elapsed_s`: seconds until the answer was complete or given up. `at`: when it was sent (UTC).
    `capability`: jobs, events, checkpoints, files, models or limits. `retry_after`: seconds the
    provider asked to wait, at most an hour. `address`: where it was sent, without the query.
    """

    status: int | None
    elapsed_s: float
    limits: RateLimits
    at: datetime
    capability: str
    method: str = "GET"
    retry_after: float | None = None
    address: str = ""


OnReply = Callable[[Traffic], None]
