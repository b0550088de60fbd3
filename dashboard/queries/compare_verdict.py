"""The answer of a comparison: which of the jobs is better, by which metric."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dashboard.fairness import PAIR, Runner, answer, fairness
from dashboard.queries.compare_facts import Known
from dashboard.sameness import Trained
from jobs.catalog import origin_of
from jobs.models import Job
from providers.metrics import describe
from providers.states import State

# What tells most of how good a model is: what it was not trained on before what it was.
JUDGES = ("valid_loss", "valid_mean_reward", "train_mean_reward", "train_loss")
ENDED_ILL = {State.FAILED.value: "failed", State.CANCELLED.value: "cancelled"}
Values = Sequence[float | None]


def runners_of(jobs: Sequence[Job], trained: Sequence[Trained]) -> tuple[Runner, ...]:
    return tuple(
        Runner(
            job=one,
            origin=origin_of(job.base_model),
            is_over=job.is_over,
            note=ENDED_ILL.get(job.state, ""),
        )
        for job, one in zip(jobs, trained, strict=True)
    )


def incomparable(known: Known, runners: Sequence[Runner]) -> frozenset[str]:
    """Metrics of which no value is better than another: those who have them differ in too much."""
    having: dict[str, list[Runner]] = {}
    for job, runner in zip(known.jobs, runners, strict=True):
        for metric in known.last.get(job.pk, {}):
            having.setdefault(metric, []).append(runner)
    return frozenset(metric for metric, some in having.items() if fairness(metric, some).unlike)


def verdict(known: Known, runners: Sequence[Runner], asked: str) -> str:
    """Which is better by the metric that is asked for, else by the one that tells most."""
    judge = _judge(known, asked)
    values, is_final = _values(known, judge)
    competing = [replace(one, value=value) for one, value in zip(runners, values, strict=True)]
    return answer(judge, competing, is_final=is_final)


def _judge(known: Known, asked: str) -> str:
    """Of those that most of the jobs have that have any; else the one that is drawn."""
    counts = _counts(known)
    if describe(asked).better and counts.get(asked, 0) >= PAIR:
        return asked
    enough = max(PAIR, -(-sum(1 for job in known.jobs if known.last.get(job.pk)) // 2))
    told = [name for name in JUDGES if counts.get(name, 0) >= enough]
    if told:
        return told[0]
    is_drawn = bool(describe(known.metric).better)
    return known.metric if is_drawn else max(JUDGES, key=lambda name: counts.get(name, 0))


def _counts(known: Known) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for job in known.jobs:
        for metric in known.last.get(job.pk, {}):
            counts[metric] = counts.get(metric, 0) + 1
    return counts


def _values(known: Known, metric: str) -> tuple[Values, bool]:
    """The best of each run where it is known, else how each ended, and whether it is that."""
    if known.bests and metric == known.metric:
        return [best.value for best in known.bests], False
    if metric == "valid_loss":
        return [job.best_valid_loss for job in known.jobs], False
    ends = (known.last.get(job.pk, {}).get(metric) for job in known.jobs)
    return [end.value if end else None for end in ends], True
