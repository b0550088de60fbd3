"""What was made with some effort and may be asked for again, kept in this process for a while."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Shelf(Generic[T]):
    """Holds things up to a total weight; what was used longest ago makes room. Threads may share it.

    A key must change with what is kept under it: nothing is ever taken back.
    """

    def __init__(self, room: int, weigh: Callable[[T], int]) -> None:
        self._room, self._weigh, self._used = room, weigh, 0
        self._kept: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> T | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: Hashable, thing: T) -> None:
        """Keeps it, unless it alone is more than there is room for."""
        weight = self._weigh(thing)
        if weight > self._room:
            return
        with self._lock:
            if (old := self._kept.pop(key, None)) is not None:
                self._used -= self._weigh(old)
            self._kept[key] = thing
            self._used += weight
            while self._used > self._room:
                self._used -= self._weigh(self._kept.popitem(last=False)[1])
