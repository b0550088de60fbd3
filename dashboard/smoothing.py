"""The smoothed line of a curve. Pure."""

from array import array
from collections.abc import Iterable
from math import isnan

from dashboard.traces import GAP

MOST = 0.99


def smoothed(values: Iterable[float], weight: float) -> "array[float]":
    """The debiased exponential moving average of the whole series, from its first value on.

    m = weight * m + (1 - weight) * x, shown is m / (1 - weight ** n) with n the values so far: it
    starts at the first value, and never looks ahead. A gap (NaN) stays one and does not count.

    >>> list(smoothed([2.0, 4.0], 0.5))
    [2.0, 3.3333333333333335]
    """
    mean, left = 0.0, 1.0
    shown = array("d")
    for value in values:
        if isnan(value):
            shown.append(GAP)
            continue
        mean = weight * mean + (1 - weight) * value
        left *= weight
        shown.append(mean / (1 - left))
    return shown
