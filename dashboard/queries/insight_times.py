"""How long jobs wait and train, by base model."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard import plots
from dashboard.distributions import distribution
from dashboard.queries.insight_filter import Cell, Scope, models_of
from jobs.conditions.words import span
from jobs.history import LATEST, Passage, passages
from providers.states import State

MODELS = 12  # base models drawn, those with the most jobs
PAIRS = 50  # connections and base models asked for: two parts of one statement each


@dataclass(frozen=True, slots=True)
class Times:
    """`left_out`: base models that are not drawn."""

    queue: plots.Boxes | None
    run: plots.Boxes | None
    left_out: int
    latest: int = LATEST


def times(scope: Scope, cells: Sequence[Cell]) -> Times:
    """Of the newest stays in each state that were watched from beginning to end."""
    ordered = models_of(cells)
    names = list(ordered)[:MODELS]
    pairs = _pairs(cells, names)
    asked = [_queued(*pair) for pair in pairs] + [_trained(*pair) for pair in pairs]
    found = passages(asked, scope.asked.since(scope.now)) if asked else []
    middle = len(pairs)
    return Times(
        queue=_boxes("queue-time", "Time in the queue", names, pairs, found[:middle]),
        run=_boxes(
            "run-time", "Time running, of jobs that succeeded", names, pairs, found[middle:]
        ),
        left_out=len(ordered) - len(names),
    )


def _pairs(cells: Sequence[Cell], names: Sequence[str]) -> list[tuple[int, str]]:
    counts: dict[tuple[int, str], int] = {}
    for cell in cells:
        if cell.base_model in names:
            pair = (cell.connection_id, cell.base_model)
            counts[pair] = counts.get(pair, 0) + cell.count
    return sorted(counts, key=lambda pair: (-counts[pair], pair))[:PAIRS]


def _queued(connection_id: int, base_model: str) -> Passage:
    return Passage(connection_id, base_model, State.QUEUED.value)


def _trained(connection_id: int, base_model: str) -> Passage:
    return Passage(connection_id, base_model, State.RUNNING.value, State.SUCCEEDED.value)


def _boxes(
    name: str,
    title: str,
    names: Sequence[str],
    pairs: Sequence[tuple[int, str]],
    found: Sequence[Sequence[float]],
) -> plots.Boxes | None:
    by_model: dict[str, list[float]] = {model: [] for model in names}
    for (_, model), stays in zip(pairs, found, strict=True):
        by_model[model] += stays
    rows = [
        (model, sorted(stays), spread)
        for model, stays in by_model.items()
        if (spread := distribution(stays))
    ]
    return plots.time_boxes(name, title, rows, span)
