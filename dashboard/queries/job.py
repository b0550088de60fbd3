"""The page of one job: all that it shows, gathered."""

from dataclasses import dataclass, field
from datetime import datetime

from django.http import Http404
from django.urls import reverse

from accounts.models import Team
from dashboard.metric_view import MetricView
from dashboard.queries import events, files, history, snapshots
from dashboard.queries.ages import Ages, ages, is_stale
from dashboard.queries.checkpoints import Checkpoints, checkpoints_of
from dashboard.queries.doubts import Doubt, doubts
from dashboard.queries.figures import Figure, figures
from dashboard.queries.job_action import Offer, offers
from dashboard.queries.job_answer import Answer, Settings, answer_of, settings_of
from dashboard.queries.job_sentence import sentence, state_word
from dashboard.queries.labels import LabelsPanel, labels_of
from dashboard.queries.leaves import Leaf, leaves
from dashboard.queries.metrics import Metrics, metrics_of
from dashboard.queries.next_step import NextStep, next_step
from dashboard.queries.relatives import Restarts, Retirement, restarts, retirement
from dashboard.queries.report import report
from dashboard.queries.sent import Sent, sent_about
from dashboard.queries.silences import SilencePanel, silence_of
from dashboard.queries.troubles import next_try_at
from jobs.models import Checkpoint, Connection, File, Job
from providers.states import State

EVENTS_SHOWN = 10
SPOKEN = 200  # characters of a reason


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
    seen = {"last_point_at": last_point_at, "last_file_at": files.newest_look(named)}
    return JobPage(
        job=job,
        connection=job.connection,
        url=reverse("job", args=[job.connection.slug, job.provider_id]),
        sentence=sentence(job, past, now, told.newest_at),
        next_try_at=next_try_at(job.connection, now),
        offers=offers(job),
        silence=silence_of(job, now),
        labels=labels_of(job),
        restarts=restarts(job),
        retirement=retirement(job, now),
        ages=ages(job, now, **seen),
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


def _beside_the_cause(
    job: Job, warnings: tuple[events.EventRow, ...]
) -> tuple[events.EventRow, ...]:
    """Without what the cause says already, word for word."""
    said = (job.error_message or "").strip()
    return tuple(one for one in warnings if one.message.strip() != said)
