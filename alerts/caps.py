"""Pure: how many messages a channel may still send before its window ends.

A window begins with the first message after the last one ended, so that at most twice the cap
leaves within any stretch of its length.
"""

from dataclasses import dataclass
from datetime import datetime

from alerts.channels.base import Cap


@dataclass(frozen=True, slots=True)
class Window:
    """`began_at` None: nothing was sent yet. `used`: messages since then, each try counts."""

    began_at: datetime | None
    used: int

    def room(self, cap: Cap, now: datetime) -> int:
        """Messages that may be sent now.

        >>> noon = datetime(2026, 11, 20, 12)
        >>> Window(noon, 28).room(Cap(30, 60), noon + timedelta(seconds=59))
        2
        >>> Window(noon, 28).room(Cap(30, 60), noon + timedelta(seconds=60))
        30
        """
        used = self.used if self._is_open(cap, now) else 0
        return max(cap.messages - used, 0)

    def after(self, cap: Cap, now: datetime, messages: int) -> "Window":
        """The window once so many more are on their way."""
        if self._is_open(cap, now):
            return Window(self.began_at, self.used + messages)
        return Window(now, messages)

    def waits_s(self, cap: Cap, now: datetime) -> float:
        """Seconds until something may be sent; 0 when it may now."""
        if self.began_at is None or self.room(cap, now):
            return 0.0
        return (self.began_at - now).total_seconds() + cap.seconds

    def _is_open(self, cap: Cap, now: datetime) -> bool:
        if self.began_at is None:
            return False
        # One that begins further ahead than it is long was begun by a clock that was set back since.
        return abs((now - self.began_at).total_seconds()) < cap.seconds
