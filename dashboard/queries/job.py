"""What the page of one job shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from accounts.models import Team
from dashboard import words
from dashboard.markdown import visible
from dashboard.metric_view import MetricView
from dashboard.queries import events, files, history, snapshots
from dashboard.queries.ages import Ages, ages, is_stale
from dashboard.queries.changes import Changes
from dashboard.queries.checkpoints import Checkpoints, checkpoints_of
from dashboard.queries.doubts import Doubt, doubts
from dashboard.queries.figures import Figure, figures
from dashboard.queries.hyperparameters import Hyperparameter, hyperparameters
from dashboard.queries.job_action import Offer, offers
from dashboard.queries.jobs import next_try_at
from dashboard.queries.labels import LabelsPanel, labels_of
from dashboard.queries.leaves import Leaf, leaves
from dashboard.queries.metrics import Metrics, metrics_of
from dashboard.queries.next_step import NextStep, next_step
from dashboard.queries.relatives import Restarts, Retirement, restarts, retirement
from dashboard.queries.report import report
from dashboard.queries.sent import Sent, sent_about
from dashboard.queries.silences import SilencePanel, silence_of
from jobs.models import Checkpoint, Connection, File, Job, Snapshot, Transition
from providers.states import State

Part = events.Events | snapshots.Timeline | snapshots.Raw | Changes | files.FilePage
EVENTS_SHOWN = 10
SPOKEN = 200  # characters of a reason
RAW_SHOWN = 100_000  # characters; a longer answer has its own page only
# Members of the wire job that have a place of their own on the page; all others are listed as such.
PLACED = frozenset(
    {
        *(
            "id",
            "object",
            "created_at",
            "finished_at",
            "estimated_finish",
            "status",
            "error",
            "model",
        ),
        *("fine_tuned_model", "hyperparameters", "organization_id", "result_files", "seed"),
        *(
            "trained_tokens",
            "training_file",
            "validation_file",
            "integrations",
            "metadata",
            "method",
        ),
        *("user_provided_suffix", "suffix"),
    }
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the job was asked to do: its hyperparameters, its method block and its graders."""

    rows: tuple[Hyperparameter, ...]
    has_top_level: bool
    method: tuple[Leaf, ...]
    grader: tuple[Leaf, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The newest answer as it came. `others`: its members that have no place of their own.

    `text`: "" of one that is too long for the page; `length` in characters.
    """

    text: str
    length: int
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    object_word: str
    others: tuple[Leaf, ...]


@dataclass(frozen=True, slots=True)
class JobPage:
    job: Job
    connection: Connection
    url: str
    sentence: str
    next_try_at: datetime | None
    offers: tuple[Offer, ...]
    silence: SilencePanel
    labels: LabelsPanel
    restarts: Restarts
    retirement: Retirement | None
    ages: Ages
    doubts: tuple[Doubt, ...]
    advice: NextStep | None
    markdown: str
    error_extra: tuple[Leaf, ...]
    warnings: tuple[events.EventRow, ...]
    figures: tuple[Figure, ...]
    metrics: Metrics
    history: history.History
    settings: Settings
    events: events.Events
    checkpoints: Checkpoints
    files: tuple[files.FileRow, ...]
    metadata: tuple[Leaf, ...]
    integrations: tuple[Leaf, ...]
    sent: tuple[Sent, ...]
    raw: Answer
    unreadable: tuple[str, ...] = field(default=())

    @property
    def news(self) -> str:
        """What a screen reader is told when it changes: the state, and why the job failed."""
        told = f"{self.job.name}: {state_word(self.job)}"
        line = (self.job.error_message or "").strip().partition("\n")[0]
        why = self.job.error_code or line[:SPOKEN]
        return f"{told}, {why}" if why and self.job.state == State.FAILED.value else told


def find_job(team: Team, connection: str, job_id: str) -> Job:
    """The team's job with this id on this connection, archived or not. Raises Http404."""
    found = Job.objects.for_team(team).select_related("connection", "silence__creator")
    job = found.filter(connection__slug=connection, provider_id=job_id).first()
    if job is None:
        raise Http404
    job.team = team
    return job


def find_file(job: Job, file_id: str) -> File:
    """A file the job names whose content is kept here. Raises Http404."""
    if file_id not in {name for _, name in files.wanted(job)}:
        raise Http404
    file = File.objects.filter(connection=job.connection_id, provider_id=file_id).first()
    if file is None or file.content is None:
        raise Http404
    return file


def marks_of(job: Job, now: datetime) -> tuple[object, ...]:
    """What moves the page of a job. Our last look counts to the minute: the page says how old it is.

    While a connection is in trouble its jobs do not change, but what the page says of them does.
    """
    seen = job.last_seen_at.replace(second=0, microsecond=0) if job.last_seen_at else None
    lab = job.connection
    watched = (job.is_paused, job.archived_at, lab.is_paused, lab.archived_at, is_stale(job, now))
    health = (lab.health, lab.health_reason)
    silence = silence_of(job, now)
    told = (silence.word, silence.until)
    return (
        *(job.pk, job.version, job.state, seen, job.trouble, job.settled_at),
        *(*watched, *health, *told),
    )


def job_page(job: Job, now: datetime, address: str, view: MetricView) -> JobPage:
    """`address`: of the page, absolute, for what is copied from it."""
    past, snapshot = history.history(job, now), snapshots.newest(job)
    content = snapshots.parsed(snapshot.body) if snapshot else {}
    saved = list(Checkpoint.objects.filter(job=job).order_by("step", "pk"))
    metrics, last_point_at = metrics_of(job, saved, now, view)
    named = files.files(job)
    step, warnings = next_step(job, named, now), events.last_warnings(job)
    told = events.events(job, events.EventFilter(), EVENTS_SHOWN)
    last_event_at = told.rows[0].created_at if told.rows else None
    last_file_at = max((row.seen_at for row in named if row.seen_at), default=None)
    return JobPage(
        job=job,
        connection=job.connection,
        url=reverse("job", args=[job.connection.slug, job.provider_id]),
        sentence=sentence(job, past, now, last_event_at),
        next_try_at=next_try_at(job.connection, now),
        offers=offers(job),
        silence=silence_of(job, now),
        labels=labels_of(job),
        restarts=restarts(job),
        retirement=retirement(job, now),
        ages=ages(job, now, last_point_at=last_point_at, last_file_at=last_file_at),
        doubts=doubts(job),
        advice=step,
        markdown=report(job, step, warnings, address),
        error_extra=leaves(job.error_extra),
        warnings=_beside_the_cause(job, warnings) if step else (),
        figures=figures(job, past, now),
        metrics=metrics,
        history=past,
        settings=settings_of(job, content),
        events=told,
        checkpoints=checkpoints_of(job, saved),
        files=named,
        metadata=leaves(job.metadata),
        integrations=leaves(job.integrations),
        sent=sent_about(job, now),
        raw=answer_of(snapshot, content),
        unreadable=tuple(job.unreadable),
    )


def settings_of(job: Job, content: Mapping[str, object]) -> Settings:
    """`content`: the newest answer, which may name hyperparameters outside the method too."""
    outside = content.get("hyperparameters")
    top_level = outside if isinstance(outside, Mapping) else {}
    rows = hyperparameters(job.requested, job.hyperparameters, top_level)
    method, grader = split_method(job.method_details)
    return Settings(rows, any(row.top_level for row in rows), method, grader)


def answer_of(snapshot: Snapshot | None, content: Mapping[str, object]) -> Answer:
    pretty = snapshots.pretty(snapshot.body) if snapshot else ""
    return Answer(
        text=pretty if len(pretty) <= RAW_SHOWN else "",
        length=len(pretty),
        first_seen_at=snapshot.first_seen_at if snapshot else None,
        last_seen_at=snapshot.last_seen_at if snapshot else None,
        object_word=str(content.get("object") or ""),
        others=leaves({name: value for name, value in content.items() if name not in PLACED}),
    )


def _beside_the_cause(
    job: Job, warnings: tuple[events.EventRow, ...]
) -> tuple[events.EventRow, ...]:
    """Without what the cause says already, word for word."""
    said = (job.error_message or "").strip()
    return tuple(one for one in warnings if one.message.strip() != said)


def sentence(job: Job, past: history.History, now: datetime, last_event_at: datetime | None) -> str:
    """What it does now, for how long, and how far it is; the age of our look stands beside it.

    `last_event_at`: tells when a job ended of which the provider does not say it.
    """
    word = state_word(job)
    if job.is_over:
        return _ended(job, word, now, last_event_at)
    return " ".join(filter(None, (word, _lasting(job, past, now)))) + _step(job)


def state_word(job: Job) -> str:
    if job.state == State.UNKNOWN.value:
        return visible(job.raw_status) or "Unknown"
    return State(job.state).word


def _ended(job: Job, word: str, now: datetime, last_event_at: datetime | None) -> str:
    ended = job.ended_at
    if ended is None:
        seen = f", last event {_ago(last_event_at, now)}" if last_event_at else ""
        return f"{word}{seen}"
    took = f" after {words.clock(ended - job.created_at)}" if job.created_at else ""
    return f"{word} {_ago(ended, now)}{took}"


def _ago(moment: datetime, now: datetime) -> str:
    return words.ago(timezone.localtime(moment), now)


def _lasting(job: Job, past: history.History, now: datetime) -> str:
    """For how long it has been in its state, or at least, where it was first seen in it."""
    moves = [row for row in past.transitions if row.kind == Transition.Kind.STATE]
    since = moves[-1].at if moves else job.created_at
    if since is None:
        return ""
    is_late = len(moves) == 1 and moves[0].state in history.AT_WORK
    return f"for {'at least ' if is_late else ''}{words.clock(now - since)}"


def _step(job: Job) -> str:
    if not job.step:
        return ""
    total = f" of {words.thin(job.total_steps)}" if job.total_steps else ""
    return f", step {words.thin(job.step)}{total}"


def split_method(details: Mapping[str, object]) -> tuple[tuple[Leaf, ...], tuple[Leaf, ...]]:
    """The method block without its graders, and the graders: private code that is shown folded."""
    block: dict[str, object] = {}
    grader: object = None
    for name, member in details.items():
        if isinstance(member, Mapping) and "grader" in member:
            grader = member["grader"]
            block[name] = {key: value for key, value in member.items() if key != "grader"}
        elif name == "grader":
            grader = member
        else:
            block[name] = member
    return leaves(block), leaves(grader)


SISTERS: dict[str, type[Part]] = {
    "Timeline": snapshots.Timeline,
    "Changes": Changes,
    "Events": events.Events,
    "Raw": snapshots.Raw,
}


@dataclass(frozen=True, slots=True)
class Sister:
    word: str
    url: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class SubPage:
    """A page of one job that has an address of its own. `part` is what it shows."""

    job: Job
    url: str
    part: Part

    @property
    def events_url(self) -> str:
        return f"{self.url}events/"

    @property
    def sisters(self) -> tuple[Sister, ...]:
        """The other pages of the job, to go from one to the next."""
        return tuple(
            Sister(word, f"{self.url}{word.lower()}/", isinstance(self.part, kind))
            for word, kind in SISTERS.items()
        )


def sub_page(job: Job, part: Part) -> SubPage:
    return SubPage(job, reverse("job", args=[job.connection.slug, job.provider_id]), part)
