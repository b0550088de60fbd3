"""How values spread: quartiles, median and ninth tenth. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

FEWEST = 5  # with fewer there is a range, but no usual: see `jobs.history`


@dataclass(frozen=True, slots=True)
class Distribution:
    """Of `n` >= 1 values, in their own unit. `ninth`: nine of ten are at most this."""

    n: int
    least: float
    q1: float
    median: float
    q3: float
    ninth: float
    most: float

    @property
    def is_telling(self) -> bool:
        """Whether there are enough values to speak of a usual one."""
        return self.n >= FEWEST


def distribution(values: Sequence[float]) -> Distribution | None:
    """Of the values in any order; None for none.

    >>> distribution([5, 1, 2, 3, 4])
    Distribution(n=5, least=1, q1=2.0, median=3.0, q3=4.0, ninth=4.6, most=5)
    """
    if not values:
        return None
    ordered = sorted(values)
    return Distribution(
        n=len(ordered),
        least=ordered[0],
        q1=quantile(ordered, 0.25),
        median=quantile(ordered, 0.5),
        q3=quantile(ordered, 0.75),
        ninth=quantile(ordered, 0.9),
        most=ordered[-1],
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` of them lie, between two neighbours in proportion.

    `ordered`: sorted, n >= 1. The first is the quantile 0, the last the quantile 1.
    """
    place = share * (len(ordered) - 1)
    before = int(place)
    after = min(before + 1, len(ordered) - 1)
    part = place - before
    # Each times its part, not the distance times one: that could be no number for huge values.
    return round(ordered[before] * (1 - part) + ordered[after] * part, 12)
