"""Pure: when things were due and when they were asked for -> how late each poll was."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Watch:
    """What was seen of due times: name -> [(seen at, due at)], a pair for each new due time."""

    seen: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def note(self, at: float, due: dict[str, float]) -> None:
        for name, when in due.items():
            known = self.seen.setdefault(name, [])
            if not known or known[-1][1] != when:
                known.append((at, when))

    def lateness(
        self, arrivals: Iterable[tuple[str, float]], start: float, end: float
    ) -> list[float]:
        """Seconds, one for each poll that was due between `start` and `end`; never negative.

        What was asked before it was due (a change was noticed) is on time. A due time may be seen
        only when its request is under way. What was due and not asked by `end` is late until then.
        """
        asked: dict[str, list[float]] = {}
        for name, at in sorted(arrivals, key=lambda one: one[1]):
            asked.setdefault(name, []).append(at)
        return [
            max(0.0, _next(asked.get(name, []), after=min(seen_at, due), end=end) - due)
            for name, known in self.seen.items()
            for seen_at, due in known
            if start <= due < end
        ]


def _next(times: list[float], *, after: float, end: float) -> float:
    at = bisect_left(times, after)
    return times[at] if at < len(times) else end


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
