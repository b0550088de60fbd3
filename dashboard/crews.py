"""The workers of each kind, judged by their heartbeats: who is well, who is silent, who is gone for good.

Containers come back under new names. So a worker counts as gone once others of its kind were seen 10 minutes
after it, or at all after it was told to stop. The one seen last is never gone: that nobody is left is trouble.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard import patience
from dashboard.models import Heartbeat

GONE_AFTER = timedelta(seconds=patience.GONE_S)
Part = Heartbeat.Part


@dataclass(frozen=True, slots=True)
class Crew:
    """All workers of one part that are remembered, each newest first. `well` or `silent` has one at least."""

    part: Part
    well: tuple[Heartbeat, ...]
    silent: tuple[Heartbeat, ...]
    gone: tuple[Heartbeat, ...]

    @property
    def newest(self) -> Heartbeat:
        return max(self.well + self.silent, key=lambda note: note.at)

    @property
    def share_silent(self) -> str:
        """Whom nobody saw, in words: "Poll worker" when it is all of them, else "1 of 3 poll workers"."""
        if not self.well:
            return str(self.part.label)
        total = len(self.well) + len(self.silent)
        return f"{len(self.silent)} of {total} {self.part.label.lower()}s"


def crews(notes: Iterable[Heartbeat], now: datetime) -> list[Crew]:
    """One for each part that was ever seen. The last sweep is no part of its own."""
    by_part: dict[str, list[Heartbeat]] = {}
    for note in sorted(notes, key=lambda note: note.at, reverse=True):
        by_part.setdefault(note.part, []).append(note)
    return [
        _crew(part, by_part[part], now) for part in Part if part in by_part and part != Part.SWEEP
    ]


def _crew(part: Part, notes: list[Heartbeat], now: datetime) -> Crew:
    """`notes`: newest first."""
    last = notes[0]
    gone = [note for note in notes[1:] if note.has_left or last.at - note.at > GONE_AFTER]
    rest = [note for note in notes if note not in gone]
    return Crew(
        part=part,
        well=tuple(note for note in rest if not note.is_late(now)),
        silent=tuple(note for note in rest if note.is_late(now)),
        gone=tuple(gone),
    )


def has_standby(notes: Iterable[Heartbeat], now: datetime) -> bool:
    """Whether somebody sweeps though no poll worker does: the standby without a broker."""
    at_work = {note.part for note in notes if not note.is_late(now)}
    return Part.SWEEP in at_work and Part.POLL not in at_work
