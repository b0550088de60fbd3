"""What a message measures a job by: its own stays, its best point, and the team's own history."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from django.db.models import F, Min

from jobs.conditions import Usual
from jobs.costing import price_days
from jobs.history import usual_training
from jobs.models import Job, Point, Transition
from providers.states import State

WAITING = frozenset({State.VALIDATING.value, State.QUEUED.value})
Stays = Mapping[str, float]  # state -> seconds


@dataclass(frozen=True, slots=True)
class Numbers:
    """All None where we did not see it."""

    waited_s: float | None = None
    trained_s: float | None = None
    usual: Usual | None = None
    best_step: float | None = None
    prices_of: date | None = None  # the day its price is of


NOTHING = Numbers()


def numbers_of(transitions: Collection[Transition]) -> dict[int, Numbers]:
    """By job, for the jobs that these transitions end: in a few queries for any number of them.

    A job is compared with the team's others on the same base model.
    """
    likes = {
        one.job.pk: (one.connection.team, one.job.base_model)
        for one in transitions
        if one.job and State(one.job.state).is_over
    }
    if not likes:
        return {}
    stays, best, dated = _stays(likes), _best_steps(likes), price_days(_priced(transitions))
    usual = {like: usual_training(*like) for like in set(likes.values())}
    return {
        pk: Numbers(
            waited_s=_sum(stays[pk], WAITING),
            trained_s=_sum(stays[pk], {State.RUNNING.value}),
            usual=usual[like],
            best_step=best.get(pk),
            prices_of=dated.get(pk),
        )
        for pk, like in likes.items()
    }


def _stays(job_ids: Collection[int]) -> Mapping[int, Stays]:
    found: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    rows = Transition.objects.filter(job__in=job_ids).exclude(stayed_s=None)
    for pk, state, stayed_s in rows.values_list("job", "from_state", "stayed_s"):
        found[pk][state] += stayed_s or 0.0
    return found


def _sum(stays: Stays, states: Collection[str]) -> float | None:
    known = [seconds for state, seconds in stays.items() if state in states]
    return sum(known) if known else None


def _best_steps(job_ids: Collection[int]) -> dict[int, float]:
    points = Point.objects.filter(
        job__in=job_ids, metric="valid_loss", value=F("job__best_valid_loss")
    )
    return dict(points.order_by().values_list("job").annotate(Min("step")))


def _priced(transitions: Collection[Transition]) -> list[Job]:
    """The jobs that have an estimate, with the connections that came with the transitions."""
    jobs = []
    for one in transitions:
        if one.job and one.job.cost_usd is not None:
            one.job.connection = one.connection
            jobs.append(one.job)
    return jobs
