"""What a message is made from: a transition with the facts as of the event."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

JOB_ENDS = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class JobFacts:
    """A job as of the event. Times are aware; tokens and steps are counts; `_s` are seconds."""

    provider_id: str
    name: str
    state: str
    raw_status: str = ""
    model: str = ""
    fine_tuned_model: str | None = None
    method: str | None = None
    created_at: datetime | None = None
    ended_at: datetime | None = None
    trained_tokens: int | None = None
    step: float | None = None
    total_steps: int | None = None
    error_code: str | None = None
    error_message: str | None = None
    error_param: str | None = None
    figures: Mapping[str, float | None] = field(default_factory=dict)  # train_loss, reward, ...
    best_step: float | None = None  # where the validation loss was lowest
    labels: Mapping[str, str] = field(default_factory=dict)  # the job's metadata
    stayed_s: float | None = None  # in the state it left with this event
    waited_s: float | None = None  # before it ran: validating and queued
    trained_s: float | None = None
    usual_trained_s: float | None = None  # median of the team's own jobs of this base model
    usual_count: int = 0  # how many jobs that median is of
    cost_usd: float | None = None  # an estimate
    prices_of: date | None = None  # the day its price is of


@dataclass(frozen=True, slots=True)
class Happening:
    """A transition in the words of alerts.rules. `name`: the alert; `url`: the page to open.

    `previous`: the state or condition before. `subject`: the base model that retires. `numbers`:
    those behind a condition, with their units in the names.
    """

    name: str
    previous: str
    at: datetime
    reason: str
    connection_slug: str
    connection_name: str
    url: str
    thread: str
    job: JobFacts | None = None
    subject: str = ""
    numbers: Mapping[str, object] = field(default_factory=dict)
    watched_jobs: int = 0  # active jobs of the connection, for its health alerts
    unseen_s: float | None = None  # since the connection's last good answer
    compare_url: str = ""  # the job beside the last one that succeeded on the same thing

    @property
    def incident(self) -> str:
        """`connection:job:kind`, the same when a trouble begins and when it is over."""
        about = self.job.provider_id if self.job else self.subject or "connection"
        return f"{self.connection_slug}:{about}:{self._kind}"

    @property
    def _kind(self) -> str:
        is_over = self.name == "recovered"
        if self.job is not None:
            return "end" if self.name in JOB_ENDS else self.previous if is_over else self.name
        if "retiring" in {self.name, self.previous}:
            return "retiring"
        return "health"
