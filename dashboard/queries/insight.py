"""What many jobs together say: what goes wrong, how long it takes, and what worked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Team
from dashboard import plots, words
from dashboard.queries.insight_failures import Failures, failures
from dashboard.queries.insight_filter import (
    MODELS_OFFERED,
    SPANS,
    Cell,
    InsightFilter,
    census,
    models_of,
    over,
    scope_of,
)
from dashboard.queries.insight_settings import Outcomes, outcomes
from dashboard.queries.insight_times import Times, times

__all__ = ["InsightFilter", "InsightPage", "insight"]
Choices = tuple[tuple[str, str], ...]  # value, word


@dataclass(frozen=True, slots=True)
class InsightPage:
    """`total`: jobs that the filter lets through; `others`: those of this time that it hides."""

    asked: InsightFilter
    verdict: str
    total: int
    others: int
    connections: Choices
    models: Choices
    failures: Failures
    times: Times
    outcomes: Outcomes
    spans: Choices = SPANS


def insight(team: Team, asked: InsightFilter, now: datetime) -> InsightPage:
    """The page that `asked` describes, in five statements however many jobs there are."""
    scope = scope_of(team, asked, now)
    everything = census(scope)
    cells = [cell for cell in everything if scope.has(cell)]
    total = sum(cell.count for cell in cells)
    failed, taken, scored = failures(scope, cells), times(scope, cells), outcomes(scope)
    return InsightPage(
        asked=asked,
        verdict=_verdict(asked, cells, failed, taken, scored),
        total=total,
        others=sum(cell.count for cell in everything) - total,
        connections=tuple((one.slug, one.name) for one in scope.connections.values()),
        models=_offered(everything, asked),
        failures=failed,
        times=taken,
        outcomes=scored,
    )


def _offered(cells: Sequence[Cell], asked: InsightFilter) -> Choices:
    """The base models with the most jobs, and the one asked for, whatever it is."""
    names = list(models_of(cells))[:MODELS_OFFERED]
    if asked.model and asked.model not in names:
        names.append(asked.model)
    return tuple((name, name) for name in names)


def _verdict(
    asked: InsightFilter, cells: Sequence[Cell], failed: Failures, taken: Times, scored: Outcomes
) -> str:
    """One sentence: the share that failed and why, how long it took, the best that was seen.

    The best of all only where all are of one base model: losses of two do not compare.
    """
    ended = over(cells)
    if not ended:
        return f"No job {'like this ' if asked.is_narrow else ''}has ended {asked.span}."
    parts = [_failed_words(failed, ended)]
    if taken.run and taken.run.rows[0].spread.is_telling:
        row = taken.run.rows[0]
        parts.append(f"{row.label} trains {row.figures[2]} (median)")
    if len(groups := scored.plots[0].groups if scored.plots else ()) == 1:
        best = words.figure(groups[0].best.y)
        parts.append(f"{scored.superlative} seen on {groups[0].label} {best}")
    text = "; ".join(parts)
    return f"{asked.span[:1].upper()}{asked.span[1:]} {text}."


def _failed_words(failed: Failures, ended: int) -> str:
    if not failed.total:
        return f"none of {words.counted(ended, 'job')} failed"
    text = f"{words.thin(failed.total)} of {words.counted(ended, 'job')} failed"
    text += f" ({plots.percent(failed.total, ended)})"
    return f"{text}{_reason(failed)}"


def _reason(failed: Failures) -> str:
    """The most frequent cause where one is; they are in that order."""
    if not failed.causes:
        return ""
    first = failed.causes[0]
    if failed.reasons == 1:
        return f": {first.told}" if failed.read == failed.total else f", mostly {first.told}"
    if first.count == failed.causes[1].count:
        return f", for {words.thin(failed.reasons)} different reasons"
    return f", most often {first.told} ({words.thin(first.count)})"
