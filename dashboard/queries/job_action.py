"""What the page says before a provider is asked to act on a job."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import AuditEntry
from dashboard.forms.connections import dialect_label
from jobs import actions
from jobs.actions import Action, Verdict
from jobs.models import Connection, Job

REMEMBERED = timedelta(minutes=15)
ASKED = "asked"  # the entry of the log before there is an answer
LABELS = {
    Action.PAUSE: "Pause training",
    Action.RESUME: "Resume training",
    Action.CANCEL: "Cancel job",
}


@dataclass(frozen=True, slots=True)
class Offer:
    """A way to act on the job at the provider. `name` is that of its page."""

    name: str
    label: str
    is_final: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last time somebody asked for this. `verdict` "asked": no answer is known yet."""

    at: datetime
    actor: str
    verdict: str
    words: str

    @property
    def is_open(self) -> bool:
        return self.verdict in {ASKED, Verdict.UNKNOWN.value}


@dataclass(frozen=True, slots=True)
class Confirmation:
    """`reason`: why the action is not offered, "" when it is. `stage` goes into the form."""

    job: Job
    connection: Connection
    provider: str
    action: str
    label: str
    heading: str
    consequence: str
    is_final: bool
    reason: str
    stage: int
    attempt: Attempt | None


def offers(job: Job) -> tuple[Offer, ...]:
    return tuple(
        Offer(f"job-provider-{action}", LABELS[action], action is Action.CANCEL)
        for action in actions.offered(job)
    )


def confirmation(job: Job, action: Action, now: datetime) -> Confirmation:
    return Confirmation(
        job=job,
        connection=job.connection,
        provider=dialect_label(job.connection.dialect),
        action=action.value,
        label=LABELS[action],
        heading=f"{action.value.capitalize()} {job.name}?",
        consequence=action.consequence,
        is_final=action is Action.CANCEL,
        reason=actions.why_not(job, action, actions.can_do(job.connection)),
        stage=actions.stage_of(job),
        attempt=last_attempt(job, action, now),
    )


def last_attempt(job: Job, action: Action, now: datetime) -> Attempt | None:
    """What the log of the last minutes says about this action; None when nobody asked."""
    verdicts = {f"job {action} {word}": word for word in (ASKED, *(v.value for v in Verdict))}
    subject = actions.subject_of(job)
    entry = (
        AuditEntry.objects.for_team(job.team)
        .filter(at__gte=now - REMEMBERED, action__in=verdicts, subject__startswith=subject)
        .select_related("actor")
        .order_by("-pk")
        .first()
    )
    if entry is None:
        return None
    actor = str(entry.actor) if entry.actor else "a command"
    words = entry.subject.removeprefix(subject).removeprefix(": ")
    return Attempt(entry.at, actor, verdicts[entry.action], words)
