"""The best of a run by validation, and whether it got worse after. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard import words
from dashboard.traces import Trace
from dashboard.x_axes import XAxis
from providers.metrics import describe

# By validation loss; else by accuracy; else by reward. The whole validation set before a sample.
JUDGES = (
    ("full_valid_loss", "valid_loss"),
    ("full_valid_accuracy", "valid_accuracy", "validation_sequence_accuracy"),
    ("full_valid_mean_reward", "valid_mean_reward"),
)


@dataclass(frozen=True, slots=True)
class Best:
    """`x`: its place on the axis. `turned`: "rose" or "fell" when validation got worse after it.

    `is_elsewhere`: outside of what its chart shows.
    """

    metric: str
    x: float
    value: float
    turned: str = ""
    is_elsewhere: bool = False

    def words(self, axis: XAxis) -> str:
        """What the sentence of its chart says."""
        of_all = " of the whole run" if self.is_elsewhere else ""
        text = f"Best{of_all} {words.figure(self.value)} at {axis.spot(self.x)}"
        return f"{text}; validation {self.turned} after." if self.turned else f"{text}."


def judge(traces: Mapping[str, Trace]) -> str:
    """The metric that decides which point is the best; "" when the run has no validation.

    One value alone has no best, so a curve of two or more goes before it.
    """
    for family in JUDGES:
        told = [name for name in family if name in traces and len(traces[name].solid()) > 1]
        if told:
            return told[0]
    return ""


def best_of(metric: str, trace: Trace) -> Best | None:
    """The first best point of a curve that has two values or more."""
    known = trace.solid()
    if len(known) < 2:  # noqa: PLR2004  # one value has no best
        return None
    is_low = describe(metric).better == "lower"
    value = min(known.ys) if is_low else max(known.ys)
    last = known.ys[-1]
    turned = ("rose" if is_low else "fell") if (last > value if is_low else last < value) else ""
    return Best(metric, known.xs[known.ys.index(value)], value, turned)
