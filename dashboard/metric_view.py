"""How the curves of a job are asked for in an address: axis, scale, smoothing, zoom, series. Pure."""

from dataclasses import dataclass, replace
from math import isfinite
from typing import Protocol
from urllib.parse import urlencode

from dashboard.smoothing import MOST
from dashboard.traces import ENDLESS

X_NAMES = ("step", "tokens", "time")
MAX_SERIES, MAX_NAME = 100, 200


class Asked(Protocol):
    """What is needed of a query string."""

    def get(self, name: str, /) -> str | None: ...
    def getlist(self, name: str, /) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class MetricView:
    """`low`, `high`: the zoom in units of x; `smooth`: 0 to 0.99; `series`: metrics, () for all."""

    x: str = "step"
    is_log: bool = False
    smooth: float = 0.0
    low: float | None = None
    high: float | None = None
    series: tuple[str, ...] = ()

    @classmethod
    def read(cls, asked: Asked) -> "MetricView":
        """What an address says; a value that makes no sense counts as absent, a range has two ends."""
        x, smooth = asked.get("x"), _number(asked.get("smooth")) or 0.0
        low, high = _number(asked.get("from")), _number(asked.get("to"))
        if low is not None and high is not None:
            low, high = (None, None) if low == high else (min(low, high), max(low, high))
        names = dict.fromkeys(name[:MAX_NAME] for name in asked.getlist("series") if name)
        return cls(
            x=x if x in X_NAMES else "step",
            is_log=asked.get("y") == "log",
            smooth=round(smooth, 2) if 0 <= smooth <= MOST else 0.0,
            low=low,
            high=high,
            series=tuple(names)[:MAX_SERIES],
        )

    @property
    def is_zoomed(self) -> bool:
        return self.low is not None or self.high is not None

    @property
    def is_plain(self) -> bool:
        return self == AS_USUAL

    def whole(self) -> "MetricView":
        """The same without the zoom."""
        return replace(self, low=None, high=None)

    @property
    def params(self) -> list[tuple[str, str]]:
        """What an address says of it, "" where it is as usual."""
        return [
            ("x", self.x if self.x != "step" else ""),
            ("y", "log" if self.is_log else ""),
            ("smooth", f"{self.smooth:g}" if self.smooth else ""),
            ("from", plain(self.low)),
            ("to", plain(self.high)),
            *(("series", name) for name in self.series),
        ]

    def query(self, **others: str) -> str:
        """The address's query, without what is as usual; with "?" where there is anything."""
        told = [*self.params, *others.items()]
        text = urlencode([(name, value) for name, value in told if value])
        return f"?{text}" if text else ""


AS_USUAL = MetricView()


def plain(number: float | None) -> str:
    """A number as a form field takes it.

    >>> plain(1200.0), plain(0.5), plain(None)
    ('1200', '0.5', '')
    """
    if number is None:
        return ""
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if isfinite(number) and abs(number) < ENDLESS else None
