"""Plots with made-up jobs for the style guide: many, few, and names that do not fit."""

from typing import Any

from dashboard import plots
from dashboard.distributions import distribution
from dashboard.scatter import Measured, Result, Scatter, Subject, scatter
from jobs.conditions.words import span

LONG_NAME = "accounts/somebody/models/a-base-model-with-a-very-long-name-2026-11-22"
FAILED = (0, 2, 1, 0, 5, 3, 1, 0)
ENDED = (4, 9, 6, 0, 12, 9, 7, 2)
STAYS = {
    "gpt-4o-mini-2024-07-18": [40, 90, 130, 200, 240, 300, 420, 900, 5400],
    "gpt-4.1-nano-2025-04-14": [20, 25, 30, 33, 40, 48],
    LONG_NAME: [600, 7200, 86_000],
}
LOSSES = ((1, 0.9), (2, 0.7), (3, 0.52), (3, 0.61), (4, 0.6), (6, 0.8))


def example_plots() -> dict[str, Any]:
    return {"bars": _bars(), "boxes": _boxes(), "scatter": _scatter()}


def _bars() -> plots.Bars:
    days = [f"2026-10-{day:02}" for day in range(1, 9)]
    counts = tuple(zip(days, FAILED, ENDED, strict=True))
    return plots.Bars(
        name="sg-bars",
        title="Jobs that ended and failed",
        sentence="Most failures on 2026-10-05: 5 of 12 jobs.",
        span="day",
        part_word="Failed",
        rest_word="Ended otherwise",
        highest=max(ENDED),
        bars=plots.bars_of(counts),
    )


def _boxes() -> plots.Boxes | None:
    rows = [
        (name, stays, spread) for name, stays in STAYS.items() if (spread := distribution(stays))
    ]
    return plots.time_boxes("sg-boxes", "Time in the queue", rows, span)


def _scatter() -> Scatter:
    found = [
        Measured(
            x, y + 0.2 * (name == LONG_NAME), name, f"support-bot-v{place}", ("lab", str(place))
        )
        for name in list(STAYS)[:: len(STAYS) - 1]
        for place, (x, y) in enumerate(LOSSES)
    ]
    result = Result("Best validation loss", "Lowest validation loss", is_lower_better=True)
    return scatter(Subject("sg-scatter", "n_epochs", result, lambda _job: "#sg-plots"), found, 100)
