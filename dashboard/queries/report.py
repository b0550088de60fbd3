"""A job as the facts of its Markdown block."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from dashboard import markdown, words
from dashboard.forms.connections import dialect_label
from dashboard.queries.events import EventRow
from dashboard.queries.files import wanted
from dashboard.queries.leaves import spell
from dashboard.queries.next_step import NextStep
from jobs.costs import dollars
from jobs.models import Job
from outbound.redact import redact
from providers.states import State


def report(job: Job, step: NextStep | None, events: Sequence[EventRow], url: str) -> str:
    """The block as text. `events`: the last warnings and errors; `url`: of the page, absolute."""
    found = markdown.Report(
        title=job.name,
        state=_state(job),
        facts=tuple(_facts(job)),
        failure=_failure(job, step) if step else None,
        hyperparameters=tuple(
            (name, _resolved(job, name, value)) for name, value in job.hyperparameters.items()
        ),
        files=wanted(job),
        events=[(_at(event.created_at), event.level, event.message) for event in events],
        url=url,
    )
    return redact(markdown.markdown(found))


def _facts(job: Job) -> Iterator[tuple[str, str]]:
    yield "Job id", job.provider_id
    yield "Connection", f"{job.connection.name} ({dialect_label(job.connection.dialect)})"
    yield "Base model", job.base_model
    yield "Fine-tuned model", job.fine_tuned_model or ""
    yield "Method", job.method or ""
    yield "Status at the provider", job.raw_status
    yield "Created", _at(job.created_at)
    yield "Ended", _at(job.ended_at) if job.is_over else ""
    yield "Trained tokens", "" if job.trained_tokens is None else f"{job.trained_tokens}"
    yield "Step", _step(job)
    yield "Training loss", _figure(job.train_loss)
    yield "Validation loss", _figure(job.valid_loss)
    yield "Lowest validation loss", _figure(job.best_valid_loss)
    yield "Reward", _figure(job.reward)
    yield "Cost estimate", "" if job.cost_usd is None else dollars(job.cost_usd)
    yield "Seed", "" if job.seed is None else str(job.seed)


def _figure(value: float | None) -> str:
    return "" if value is None else words.figure(value)


def _state(job: Job) -> str:
    return job.raw_status if job.state == State.UNKNOWN.value else State(job.state).word.lower()


def _step(job: Job) -> str:
    if not job.step:
        return ""
    return f"{job.step:g} of {job.total_steps}" if job.total_steps else f"{job.step:g}"


def _resolved(job: Job, name: str, value: object) -> str:
    if value is None:
        return ""
    asked = job.requested.get(name)
    return f"auto → {spell(value)}" if asked == "auto" and value != "auto" else spell(value)


def _failure(job: Job, step: NextStep) -> markdown.Failure:
    return markdown.Failure(
        code=job.error_code or "",
        message=job.error_message or "",
        param=job.error_param or "",
        title=step.title,
        steps=step.steps,
    )


def _at(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment else ""
