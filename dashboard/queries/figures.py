"""The key figures of a job: each with its value, and where that comes from or why there is none."""

from dataclasses import dataclass
from datetime import UTC, datetime

from dashboard import words
from dashboard.queries import history
from dashboard.queries.prices import add_url, address
from jobs import costing
from jobs.costs import Estimate, Stage, Why, dollars
from jobs.models import Job
from providers.states import State


@dataclass(frozen=True, slots=True)
class Figure:
    """A key figure. `note` says where it comes from or why it is absent; `at` makes it a time.

    `link` stands behind the note and leads to `url`.
    """

    label: str
    value: str
    note: str = ""
    at: datetime | None = None
    link: str = ""
    url: str = ""


REWARDS = {
    "full_valid_mean_reward": "Validation reward",
    "valid_mean_reward": "Validation reward",
    "train_mean_reward": "Training reward",
}


# Of an end that is none of training nobody knows what of it is billed: see the caveat of the estimate.
_TOKENS_NOTE = {
    State.SUCCEEDED.value: "billable, all epochs",
    State.FAILED.value: "until it failed",
    State.CANCELLED.value: "until it was cancelled",
}


def figures(job: Job, past: history.History, now: datetime) -> tuple[Figure, ...]:
    """What is asked for first stands first: how far a job is, and of one that is over, how good."""
    quality, tokens, cost = _quality(job), _tokens(job), _cost(job, now)
    duration, finish = _duration(job, now), _finish(job, past)
    if job.is_over:
        return (*quality, tokens, cost, duration, finish, _steps(job))
    return (_steps(job), finish, *quality, tokens, cost, duration)


def _tokens(job: Job) -> Figure:
    if job.trained_tokens is not None:
        note = _TOKENS_NOTE.get(job.state, "so far")
        return Figure("Trained tokens", words.thin(job.trained_tokens), note)
    return Figure(
        "Trained tokens", words.ABSENT, "not reported" if job.is_over else "reported at the end"
    )


def _steps(job: Job) -> Figure:
    if not job.step:
        return Figure("Step", words.ABSENT, "not reported")
    note = f"of {words.thin(job.total_steps)}" if job.total_steps else "total not reported"
    if (progress := percent(job)) is not None:
        note += f", {progress} %"
    return Figure("Step", words.thin(job.step), note)


def _quality(job: Job) -> list[Figure]:
    """Rewards for a reinforcement job, losses for the others."""
    if job.reward is not None:
        label = REWARDS.get(job.headline_metric, "Reward")
        return [Figure(label, words.figure(job.reward), "the last mean")]
    found = []
    if job.valid_loss is not None:
        found.append(Figure("Validation loss", words.figure(job.valid_loss), _best(job)))
    if job.train_loss is not None:
        found.append(Figure("Training loss", words.figure(job.train_loss), "last step"))
    return found


def _best(job: Job) -> str:
    if job.best_valid_loss is None:
        return ""
    if job.best_valid_loss == job.valid_loss:
        return "its best" if job.is_over else "best so far"
    return f"best {words.figure(job.best_valid_loss)}"


def _price_url(job: Job) -> str:
    """Where its price can be added; of a job that is over one of its day, or the estimate would not follow."""
    at = (job.ended_at or job.created_at) if job.is_over else None
    since = at.astimezone(UTC).date() if at else None
    return add_url(job.connection.dialect, job.base_model, job.method or "", since)


def _cost(job: Job, now: datetime) -> Figure:
    """How the estimate is made, and the price it is made with."""
    found = costing.estimate_of(job, now)
    if not isinstance(found, Estimate):
        url = _price_url(job) if found.why is Why.NO_PRICE else ""
        return Figure("Cost estimate", words.ABSENT, found.words, link="price list", url=url)
    note = "; ".join(part for part in (found.basis, found.caveat) if part)
    label = "Cost estimate, in the end" if found.stage is Stage.PROJECTED else "Cost estimate"
    link = f"price of {found.price.valid_from}"
    return Figure(label, dollars(found.usd), note, link=link, url=address(found.price))


def _duration(job: Job, now: datetime) -> Figure:
    if job.created_at is None:
        return Figure("Duration", words.ABSENT, "no creation time given")
    if job.is_over and job.ended_at is None:
        return Figure("Duration", words.ABSENT, "end not given by the provider")
    end = job.ended_at if job.is_over and job.ended_at else now
    estimated = job.is_over and job.finished_at is None
    note = (
        "end as first seen by us"
        if estimated
        else "from creation"
        if job.is_over
        else "since creation"
    )
    return Figure("Duration", words.clock(end - job.created_at), note)


def _finish(job: Job, past: history.History) -> Figure:
    if job.is_over:
        return (
            Figure("Finished", "", "", at=job.ended_at)
            if job.ended_at
            else Figure("Finished", words.ABSENT, "not given by the provider")
        )
    if job.estimated_finish is None:
        return Figure("Estimated finish", words.ABSENT, "not given by the provider")
    moved = past.drift is not None and len(past.drift.moves) > 1
    note = past.drift.sentence if past.drift and moved else "estimate of the provider"
    return Figure("Estimated finish", "", note, at=job.estimated_finish)


def percent(job: Job) -> int | None:
    progress = job.progress
    return None if progress is None or job.is_over else round(progress * 100)
