"""What the page of one job shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.http import Http404
from django.urls import reverse

from accounts.models import Team
from alerts.advice import Advice, advice_for
from alerts.models import Delivery
from dashboard import charts, words
from dashboard.queries import events, files, history
from dashboard.queries.figures import Figure, figures
from dashboard.queries.hyperparameters import Hyperparameter, hyperparameters
from dashboard.queries.jobs import next_try_at
from dashboard.queries.leaves import Leaf, leaves
from jobs.models import Checkpoint, Connection, File, Job, Point
from providers.states import State

EVENTS_SHOWN = 10
STALE_AFTER_POLLS = 3
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
class CheckpointRow:
    step: int | None
    model: str
    provider_id: str
    created_at: datetime | None
    values: tuple[float | None, ...]
    is_best: bool


@dataclass(frozen=True, slots=True)
class Checkpoints:
    columns: tuple[str, ...]
    rows: tuple[CheckpointRow, ...]
    rose_after: str  # says so when validation loss rose after the best one


@dataclass(frozen=True, slots=True)
class Sent:
    """One alert: what it told, to whom, and whether it arrived."""

    word: str
    raw_state: str
    channel: str
    kind: str
    state: str
    attempts: int
    answer: str
    at: datetime | None
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class JobPage:
    job: Job
    connection: Connection
    url: str
    sentence: str
    is_stale: bool
    next_try_at: datetime | None
    advice: Advice | None
    error_extra: tuple[Leaf, ...]
    warnings: tuple[events.EventRow, ...]
    figures: tuple[Figure, ...]
    charts: tuple[charts.Chart, ...]
    zero_charts: tuple[str, ...]
    history: history.History
    hyperparameters: tuple[Hyperparameter, ...]
    has_top_level: bool
    method: tuple[Leaf, ...]
    grader: tuple[Leaf, ...]
    events: events.Events
    checkpoints: Checkpoints
    files: tuple[files.FileRow, ...]
    metadata: tuple[Leaf, ...]
    integrations: tuple[Leaf, ...]
    others: tuple[Leaf, ...]
    object_word: str
    sent: tuple[Sent, ...]
    raw: str
    raw_seen_at: datetime | None
    unreadable: tuple[str, ...] = field(default=())


def find_job(team: Team, connection: str, job_id: str) -> Job:
    """The team's job with this id on this connection, archived or not. Raises Http404."""
    found = Job.objects.for_team(team).select_related("connection")
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


def marks_of(job: Job) -> tuple[object, ...]:
    """What moves the page of a job. Our last look counts to the minute: the page says how old it is."""
    seen = job.last_seen_at.replace(second=0, microsecond=0) if job.last_seen_at else None
    return (job.pk, job.version, job.state, seen, job.trouble, job.settled_at)


def job_page(job: Job, now: datetime) -> JobPage:
    past = history.history(job, now)
    snapshot = history.newest(job)
    content = history.parsed(snapshot.body) if snapshot else {}
    top_level = content.get("hyperparameters")
    settings_rows = hyperparameters(
        job.requested, job.hyperparameters, top_level if isinstance(top_level, Mapping) else {}
    )
    checkpoints = list(Checkpoint.objects.filter(job=job).order_by("step", "pk"))
    method, grader = split_method(job.method_details)
    curves, last_point_at = curves_of(job)
    return JobPage(
        job=job,
        connection=job.connection,
        url=reverse("job", args=[job.connection.slug, job.provider_id]),
        sentence=sentence(job, past, now),
        is_stale=is_stale(job, now),
        next_try_at=next_try_at(job.connection, now),
        advice=advice_of(job),
        error_extra=leaves(job.error_extra),
        warnings=events.last_warnings(job) if job.state == State.FAILED.value else (),
        figures=figures(job, past, now),
        charts=charts.panels(
            curves,
            now=now,
            last_seen=None if job.is_over else last_point_at,
            checkpoints=marks_on_axis(checkpoints),
        ),
        zero_charts=charts.zero_panels(curves),
        history=past,
        hyperparameters=settings_rows,
        has_top_level=any(row.top_level for row in settings_rows),
        method=method,
        grader=grader,
        events=events.events(job, events.EventFilter(), EVENTS_SHOWN),
        checkpoints=checkpoints_of(checkpoints),
        files=files.files(job),
        metadata=leaves(job.metadata),
        integrations=leaves(job.integrations),
        others=leaves({name: value for name, value in content.items() if name not in PLACED}),
        object_word=str(content.get("object") or ""),
        sent=sent_about(job),
        raw=history.pretty(snapshot.body) if snapshot else "",
        raw_seen_at=snapshot.first_seen_at if snapshot else None,
        unreadable=tuple(job.unreadable),
    )


def advice_of(job: Job) -> Advice | None:
    """The next step for a job that failed or carries an error; None for a healthy one."""
    if not job.has_error and job.state != State.FAILED.value:
        return None
    return advice_for(job.error_code, job.error_message, job.error_param)


def sentence(job: Job, past: history.History, now: datetime) -> str:
    """What it does now, for how long, and how far it is; the age of our look stands beside it."""
    word = (
        State(job.state).word if job.state != State.UNKNOWN.value else job.raw_status or "Unknown"
    )
    if job.is_over:
        ended = job.ended_at
        took = f" after {words.clock(ended - job.created_at)}" if ended and job.created_at else ""
        return f"{word} {words.ago(ended, now)}{took}" if ended else word
    since = next(
        (row.at for row in reversed(past.transitions) if row.kind == "state"), job.created_at
    )
    text = f"{word} for {words.clock(now - since)}" if since else word
    if job.step:
        total = f" of {words.thin(job.total_steps)}" if job.total_steps else ""
        text += f", step {words.thin(job.step)}{total}"
    return text


def is_stale(job: Job, now: datetime) -> bool:
    """Whether our last look is older than three poll intervals of a job that may still move."""
    if job.is_over or job.last_seen_at is None:
        return False
    interval = job.connection.poll_interval_s or settings.POLL_INTERVAL_SECONDS
    return now - job.last_seen_at > timedelta(seconds=interval * STALE_AFTER_POLLS)


def curves_of(job: Job) -> tuple[list[charts.Curve], datetime | None]:
    """All curves and when we saw the newest point. Points come from events, checkpoints and result files."""
    found = Point.objects.filter(job=job).order_by("metric", "step")
    grouped: dict[str, list[tuple[float, float | None]]] = {}
    last_seen: datetime | None = None
    for metric, step, value, seen_at in found.values_list("metric", "step", "value", "seen_at"):
        grouped.setdefault(metric, []).append((step, value))
        last_seen = seen_at if last_seen is None else max(last_seen, seen_at)
    return [charts.Curve(metric, tuple(points)) for metric, points in grouped.items()], last_seen


def marks_on_axis(checkpoints: Sequence[Checkpoint]) -> list[tuple[float, str]]:
    return [
        (float(one.step), f"Checkpoint at step {one.step}")
        for one in checkpoints
        if one.step is not None
    ]


def checkpoints_of(checkpoints: Sequence[Checkpoint]) -> Checkpoints:
    names = list(dict.fromkeys(name for one in checkpoints for name in one.metrics))
    best = best_checkpoint(checkpoints)
    rows = tuple(
        CheckpointRow(
            step=one.step,
            model=one.model,
            provider_id=one.provider_id,
            created_at=one.created_at,
            values=tuple(_number(one.metrics.get(name)) for name in names),
            is_best=one is best,
        )
        for one in checkpoints
    )
    is_last = bool(checkpoints) and best is checkpoints[-1]
    rose = "Validation loss rose after the best checkpoint." if best and not is_last else ""
    return Checkpoints(tuple(charts.label_of(name) for name in names), rows, rose)


def best_checkpoint(checkpoints: Sequence[Checkpoint]) -> Checkpoint | None:
    """The one with the lowest validation loss, the whole validation set first; None without one."""
    for name in ("full_valid_loss", "valid_loss"):
        scored = [
            (value, one)
            for one in checkpoints
            if (value := _number(one.metrics.get(name))) is not None
        ]
        if scored:
            return min(scored, key=lambda pair: pair[0])[1]
    return None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


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


def sent_about(job: Job) -> tuple[Sent, ...]:
    found = (
        Delivery.objects.filter(transition__job=job)
        .select_related("channel", "transition")
        .prefetch_related("attempts")
        .order_by("-pk")[:50]
    )
    return tuple(_sent(one) for one in found)


def _sent(delivery: Delivery) -> Sent:
    attempts = list(delivery.attempts.all())
    last = max(attempts, key=lambda one: one.pk, default=None)
    answer = str(last) if last and str(last) != "-" else delivery.reason
    return Sent(
        word=delivery.transition.to_state,
        raw_state=delivery.state,
        channel=delivery.channel.name,
        kind=delivery.channel.kind,
        state=delivery.get_state_display(),
        attempts=len(attempts),
        answer=answer,
        at=delivery.sent_at or (last.started_at if last else delivery.created_at),
        next_at=delivery.next_attempt_at if delivery.state == Delivery.State.PENDING else None,
    )


@dataclass(frozen=True, slots=True)
class SubPage:
    """A page of one job that has an address of its own. `part` is what it shows."""

    job: Job
    url: str
    part: events.Events | history.History | history.Raw

    @property
    def events_url(self) -> str:
        return f"{self.url}events/"


def sub_page(job: Job, part: events.Events | history.History | history.Raw) -> SubPage:
    return SubPage(job, reverse("job", args=[job.connection.slug, job.provider_id]), part)
