"""What was answered, in order: the record that tests hold against the dashboard."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from pathlib import Path

KEPT_ENTRIES = 5000


@dataclass(slots=True)
class Journal:
    """The newest entries in memory, all of them in the file when there is one."""

    path: Path | None = None
    _entries: deque[dict[str, object]] = field(default_factory=lambda: deque(maxlen=KEPT_ENTRIES))
    _serial: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Raises OSError for a file that cannot be written, before anything is answered."""
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch()

    def add(self, entry: dict[str, object]) -> None:
        """Numbers the entry and appends it; in the file when this returns."""
        with self._lock:
            self._serial += 1
            numbered: dict[str, object] = {"serial": self._serial} | entry
            self._entries.append(numbered)
            if self.path is not None:
                with self.path.open("ab") as lines:
                    lines.write(orjson.dumps(numbered) + b"\n")

    def since(self, serial: int, limit: int) -> list[dict[str, object]]:
        """Entries after this serial number, oldest first."""
        with self._lock:
            newer = [entry for entry in self._entries if _number(entry) > serial]
        return newer[:limit]


def _number(entry: dict[str, object]) -> int:
    serial = entry["serial"]
    return serial if isinstance(serial, int) else 0
