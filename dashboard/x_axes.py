"""What a curve is drawn along: steps, tokens or time. Pure."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard import words
from dashboard.traces import GAP, Trace

TOKENS_METRIC = "elapsed_tokens"
_PRECISION = 4  # digits behind the point of a minute
_SECOND = 1 / 60  # what clocks of providers are good for
ESTIMATED_TOKENS = "Tokens (estimate)"
SINCE_BEGUN = "Minutes since it began running"
SINCE_FIRST = "Minutes since the first point"
Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class XAxis:
    """Where steps lie on it: `places[i]` is that of `steps[i]`, between two of them in proportion.

    Without `steps` it is the axis of the steps themselves. `pauses`: from where to where nothing was
    trained, lines are broken there. `note`: how the places are known, where that must be said.
    """

    name: str = "step"
    noun: str = "step"
    label: str = "Step"
    note: str = ""
    steps: Sequence[float] = ()
    places: Sequence[float] = ()
    pauses: Sequence[Span] = ()
    digits: int = 0  # behind the point of a place between two

    def at(self, step: float) -> float | None:
        """The place of a step; None before the first and after the last that has one."""
        if not self.steps:
            return step
        right = bisect_left(self.steps, step)
        if right == len(self.steps):
            return None
        if self.steps[right] == step:
            return self.places[right]
        if right == 0:
            return None
        (a, b), (x, y) = self.steps[right - 1 : right + 1], self.places[right - 1 : right + 1]
        return round(x + (y - x) * (step - a) / (b - a), self.digits)

    def inverse(self) -> "XAxis":
        """From places to steps, but for their rounding."""
        return XAxis(steps=self.places, places=self.steps, digits=_PRECISION)

    def place(self, trace: Trace) -> Trace:
        """The same values along this axis, without those that have no place on it."""
        if not self.steps:
            return trace
        found = [(self.at(step), value) for step, value in zip(trace.xs, trace.ys, strict=True)]
        placed = [(x, value) for x, value in found if x is not None]
        return Trace(array("d", [x for x, _ in placed]), array("d", [y for _, y in placed]))

    def broken(self, trace: Trace) -> Trace:
        """With a gap in each pause that lies between two points."""
        for start, end in self.pauses:
            place = bisect_right(trace.xs, start)
            if 0 < place < len(trace):
                middle = (start + min(end, trace.xs[place])) / 2
                xs, ys = array("d", trace.xs), array("d", trace.ys)
                xs.insert(place, middle)
                ys.insert(place, GAP)
                trace = Trace(xs, ys)
        return trace

    def spot(self, place: float) -> str:
        """Where something is: "step 900", "token 1 200 000", "minute 48.2"."""
        return f"{self.noun} {words.thin(round(place, 2))}"

    def length(self, span: float) -> str:
        """How long a part of it is: "1 step", "48.2 minutes"."""
        return f"{words.thin(round(span, 2))} {self.noun}{'' if span == 1 else 's'}"


BY_STEP = XAxis()


def by_tokens(elapsed: Trace | None, trained_tokens: int | None, last_step: float) -> XAxis | None:
    """Along the tokens seen: as the provider counted them, else shared out; None where unknown.

    `elapsed`: its count at each step. `trained_tokens`: of the whole run, whose end is `last_step`.
    """
    if elapsed is not None and len(known := elapsed.solid()) > 1:
        return XAxis("tokens", "token", "Tokens", "", *_apart(known.xs, known.ys, 1.0))
    if not trained_tokens or last_step <= 0:
        return None
    note = "Tokens are an estimate: those trained in all, shared out evenly over the steps."
    places = (0.0, float(trained_tokens))
    return XAxis("tokens", "token", ESTIMATED_TOKENS, note, (0.0, last_step), places)


def by_time(
    times: Mapping[float, datetime],
    pauses: Iterable[tuple[datetime, datetime]] = (),
    note: str = "",
    begun: datetime | None = None,
) -> XAxis | None:
    """Along the minutes since the first known step, or since the run had `begun`, if that is told.

    None when no two steps have different times. `times`: step -> when it was, by one clock. `note`:
    by whose, where it is not the provider's. A beginning after the first step is another clock's.
    """
    if len(set(times.values())) < 2:  # noqa: PLR2004  # a length needs two
        return None
    steps = sorted(times)
    first = min(times.values())
    start = min(begun or first, first)

    def minute(moment: datetime) -> float:
        return round((moment - start).total_seconds() / 60, _PRECISION)

    known, places = _apart(steps, [minute(times[step]) for step in steps], _SECOND)
    spans = [(minute(begun), minute(ended)) for begun, ended in pauses]
    label = SINCE_BEGUN if begun else SINCE_FIRST
    return XAxis("time", "minute", label, note, known, places, spans, _PRECISION)


def _apart(
    steps: Sequence[float], places: Sequence[float], least: float
) -> tuple["array[float]", "array[float]"]:
    """Each step at a place of its own: of those told for one place only the first is taken to be there.

    The others come between it and the next, the last of all `least` behind. A step that is told for
    an earlier place than one before it is taken to be there too.
    """
    kept = [(steps[0], places[0])]
    for step, place in zip(steps, places, strict=True):
        if place > kept[-1][1]:
            kept.append((step, place))
    if kept[-1][0] < steps[-1]:
        kept.append((steps[-1], round(kept[-1][1] + least, _PRECISION)))
    return array("d", [step for step, _ in kept]), array("d", [place for _, place in kept])
