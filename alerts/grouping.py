"""Pure: whether what waits for a channel goes out one by one or as a digest. reliability.md, section 9."""

from dataclasses import dataclass
from enum import Enum

DIGEST_ABOVE = 5  # deliveries waiting at once
# A digest of 1,000 is claimed, composed and marked in 0.4 s on a busy machine, on either database.
MOST_IN_DIGEST = 1000
# In a storm a channel hears of it in steps of so many seconds, not with each look of a worker.
GATHER_S = 10.0


class Way(Enum):
    SINGLY = "singly"
    DIGEST = "digest"
    GATHER = "gather"  # nothing yet: more is coming, and it was told of something just now


@dataclass(frozen=True, slots=True)
class Backlog:
    """What could go to a channel now, looked at up to MOST_IN_DIGEST.

    `held_back`: how many of them waited for quiet hours to end. `room`: messages its cap leaves,
    None without one. `since_last_s`: since the last message it took, None when it took none yet.
    """

    waiting: int
    held_back: int = 0
    room: int | None = None
    since_last_s: float | None = None

    def way(self) -> Way:
        """How to send it.

        >>> Backlog(5).way(), Backlog(6).way(), Backlog(6, since_last_s=3).way()
        (<Way.SINGLY: 'singly'>, <Way.DIGEST: 'digest'>, <Way.GATHER: 'gather'>)
        """
        if self.waiting >= MOST_IN_DIGEST:
            return Way.DIGEST
        if self.waiting > DIGEST_ABOVE:
            return Way.GATHER if self._was_told_just_now else Way.DIGEST
        is_too_much = self.room is not None and self.waiting > self.room
        return Way.DIGEST if is_too_much or self.held_back > 1 else Way.SINGLY

    @property
    def _was_told_just_now(self) -> bool:
        # Negative: noted by a clock that was set back since. Then nothing is waited for.
        return self.since_last_s is not None and 0 <= self.since_last_s < GATHER_S
