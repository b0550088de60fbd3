"""What came of each setting: the result of many jobs against one hyperparameter at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Q
from django.urls import reverse

from dashboard import charts
from dashboard.queries.insight_filter import Scope
from dashboard.scatter import Measured, Result, Scatter, Subject, scatter
from providers.states import State

MOST = 1000  # jobs read, the newest; the page says so
DRAWN = 80  # dots of one plot, the newest
FEWEST = 3  # jobs that make a plot
PLOTS = 8
FIRST = ("n_epochs", "learning_rate_multiplier", "batch_size", "beta")
_AUTO = -1  # what Azure says for it
NAME = 60

LOSS = Result("Best validation loss", "Lowest validation loss", is_lower_better=True)
REWARD = Result("Reward at the end", "Highest reward", is_lower_better=False)


class Trained(NamedTuple):
    provider_id: str
    suffix: str | None
    connection_id: int
    base_model: str
    best_valid_loss: float | None
    reward: float | None
    hyperparameters: object


@dataclass(frozen=True, slots=True)
class Outcomes:
    """`read`: jobs with a result; `is_capped`: there are more, and older."""

    plots: tuple[Scatter, ...]
    read: int
    is_capped: bool
    superlative: str  # of the first plot's result: "lowest validation loss"
    most: int = MOST


def outcomes(scope: Scope) -> Outcomes:
    read = _read(scope)
    found = read[:MOST]
    losses = [(job, y) for job in found if (y := _loss(job)) is not None]
    rewards = [(job, y) for job in found if (y := _reward(job)) is not None]
    of_loss, of_reward = _scatters(LOSS, losses, scope), _scatters(REWARD, rewards, scope)
    first = LOSS if of_loss else REWARD
    return Outcomes(
        plots=(*of_loss[:PLOTS], *of_reward[:PLOTS]),
        read=len(found),
        is_capped=len(read) > MOST,
        superlative=first.superlative.lower(),
    )


def _read(scope: Scope) -> list[Trained]:
    """One more than are used, to know whether there are more."""
    scored = Q(best_valid_loss__isnull=False) | Q(reward__isnull=False)
    rows = scope.jobs.in_state(State.SUCCEEDED.value).filter(scored)
    columns = rows.order_by("-listed_at", "-pk").values_list(*Trained._fields)
    return [Trained(*values) for values in columns[: MOST + 1]]


def _loss(job: Trained) -> float | None:
    return number_of(job.best_valid_loss)


def _reward(job: Trained) -> float | None:
    """Of one that has a loss the loss counts."""
    return number_of(job.reward) if job.best_valid_loss is None else None


def _scatters(
    result: Result, found: Sequence[tuple[Trained, float]], scope: Scope
) -> list[Scatter]:
    by_name: dict[str, list[Measured]] = {}
    for job, y in found:
        for name, x in numbers_of(job.hyperparameters):
            by_name.setdefault(name, []).append(_measured(job, x, y, scope))
    telling = {name: jobs for name, jobs in by_name.items() if _is_telling(jobs)}
    return [
        scatter(Subject(_slug(result, place), name, result, _link), telling[name], DRAWN)
        for place, name in enumerate(_ordered(telling))
    ]


def numbers_of(hyperparameters: object) -> Iterable[tuple[str, float]]:
    """Those that are numbers. "auto", and Azure's word for it, are none."""
    if not isinstance(hyperparameters, Mapping):
        return
    for name, value in hyperparameters.items():
        found = number_of(value)
        if found is not None and found != _AUTO:
            yield str(name)[:NAME], found


def number_of(value: object) -> float | None:
    """What a plot can place: a finite number that is neither a truth nor beyond drawing.

    >>> number_of(3), number_of(True), number_of("auto"), number_of(10**400)
    (3.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if abs(found) < charts.ENDLESS else None


def _measured(job: Trained, x: float, y: float, scope: Scope) -> Measured:
    return Measured(
        x=x,
        y=y,
        group=job.base_model or "no base model named",
        label=job.suffix or job.provider_id,
        job=(scope.connections[job.connection_id].slug, job.provider_id),
    )


def _link(job: tuple[str, str]) -> str:
    return reverse("job", args=job)


def _is_telling(jobs: Sequence[Measured]) -> bool:
    return len(jobs) >= FEWEST and len({job.x for job in jobs}) > 1


def _ordered(by_name: Mapping[str, Sequence[Measured]]) -> list[str]:
    """Those that everybody knows first, then those with the most jobs."""
    place = {name: at for at, name in enumerate(FIRST)}
    return sorted(
        by_name, key=lambda name: (place.get(name, len(FIRST)), -len(by_name[name]), name)
    )


def _slug(result: Result, place: int) -> str:
    """Of our own making: a hyperparameter may have any name."""
    return f"{'loss' if result.is_lower_better else 'reward'}-{place + 1}"
