"""What a comparison says of each job: its result, its settings, its data, and the rest."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dashboard import words
from dashboard.charts import label_of
from dashboard.comparison import NOT_GIVEN, UNKNOWN, Fact, Value
from dashboard.overlay import BestAt, ordered
from dashboard.queries.compare_points import Last
from dashboard.queries.hyperparameters import AUTO
from dashboard.queries.leaves import leaves, spell
from jobs.costs import Estimate, dollars
from jobs.models import File, Job
from providers.metrics import describe
from providers.states import State

SHOWN_PANELS = frozenset({"loss", "accuracy", "reward"})
MOST_METRICS = 40
MAX_TEXT = 2000  # of a value on the page; the CSV has all of it
WAITING = (State.VALIDATING.value, State.QUEUED.value)
TRAINING = (State.RUNNING.value,)
UNSEEN = "Not seen from here, from its beginning to its end"
UNPRICED = "No estimate; the page of the job says why"
Stays = Mapping[str, float]  # state -> seconds
Groups = tuple[tuple[str, tuple[Fact, ...]], ...]


@dataclass(frozen=True, slots=True)
class Known:
    """All that was read of the jobs; the mappings are by job, `files` by connection and file id.

    `bests`: of `metric`, in the order of the jobs, where a page shows its curves.
    `costs`: of jobs that are not over, as far as they can be estimated.
    `late`: jobs that were first seen at work, of which we know a part of their stay only.
    `incomparable`: metrics of which no job's value is better than another's.
    """

    jobs: tuple[Job, ...]
    stays: Mapping[int, Stays]
    last: Mapping[int, Last]
    files: Mapping[tuple[int, str], File]
    now: datetime
    metric: str = ""
    bests: tuple[BestAt, ...] = ()
    incomparable: frozenset[str] = frozenset()
    late: frozenset[int] = frozenset()
    costs: Mapping[int, Estimate] = field(default_factory=dict)

    def better(self, metric: str) -> str:
        return "" if metric in self.incomparable else describe(metric).better or ""


def groups(known: Known) -> Groups:
    return (
        ("Result", tuple(_result(known))),
        ("Settings", tuple(_settings(known.jobs))),
        ("Data", tuple(_data(known))),
        ("More", tuple(_more(known.jobs))),
    )


def _fact(
    name: str,
    label: str,
    jobs: Iterable[Job],
    value: Callable[[Job], Value],
    *,
    look: str = "",
    absent: str = NOT_GIVEN,
) -> Fact:
    return Fact(name, label, tuple(map(value, jobs)), "", look, absent)


def _told(facts: Iterable[Fact]) -> Iterator[Fact]:
    """Those that any job says something of."""
    return (fact for fact in facts if any(value.raw is not None for value in fact.values))


def _result(known: Known) -> Iterator[Fact]:
    jobs = known.jobs
    yield _fact("state", "State", jobs, _state, look="state")
    yield from _told([_fact("error_code", "Error", jobs, _text_of("error_code"), look="mono")])
    yield from _final(known)
    yield from _best(known)
    yield _fact(
        "trained_tokens", "Trained tokens", jobs, _count_of("trained_tokens"), look="number"
    )
    yield _fact("step", "Last step", jobs, _step, look="number")
    for name, label, states in (
        ("waited_s", "Waited", WAITING),
        ("trained_s", "Trained", TRAINING),
    ):
        stays = tuple(_stay(known, job, states) for job in jobs)
        yield Fact(name, label, stays, "", "number", UNSEEN)
    yield _fact(
        "duration_s",
        "From creation to end",
        jobs,
        lambda job: _duration(job, known.now),
        look="number",
    )
    yield _fact(
        "cost_estimate_usd",
        "Cost, estimate",
        jobs,
        lambda job: _cost(known, job),
        look="number",
        absent=UNPRICED,
    )
    yield _fact(
        "fine_tuned_model", "Fine-tuned model", jobs, _text_of("fine_tuned_model"), look="mono"
    )


def _state(job: Job) -> Value:
    state = State(job.state)
    raw = job.raw_status if state is State.UNKNOWN else state.value
    return Value(raw or state.value, job.state, job.raw_status)


def _final(known: Known) -> Iterator[Fact]:
    """How each curve ended: losses, accuracies and rewards, not the many nested numbers."""
    names = {name for job in known.jobs for name in known.last.get(job.pk, {})}
    shown = [n for n in ordered(names) if describe(n).panel in SHOWN_PANELS and "/" not in n]
    for name in shown[:MOST_METRICS]:
        ends = (known.last.get(job.pk, {}).get(name) for job in known.jobs)
        values = tuple(_figure(one.value if one else None) for one in ends)
        label = f"{label_of(name)}, final"
        yield Fact(f"final_{name}", label, values, known.better(name), "number")


def _best(known: Known) -> Iterator[Fact]:
    """The lowest validation loss, and where the metric that is drawn was best."""
    values = tuple(_figure(job.best_valid_loss) for job in known.jobs)
    label = f"{label_of('valid_loss')}, lowest"
    fair = known.better("valid_loss")
    yield from _told([Fact("best_valid_loss", label, values, fair, "number")])
    better = describe(known.metric).better
    if not known.bests or not better:
        return
    label = f"{label_of(known.metric)}, {'lowest' if better == 'lower' else 'highest'}"
    values = tuple(_figure(one.value) for one in known.bests)
    if known.metric != "valid_loss":
        fair = known.better(known.metric)
        yield from _told([Fact(f"best_{known.metric}", label, values, fair, "number")])
    steps = tuple(_number(one.step) for one in known.bests)
    yield from _told([Fact(f"best_{known.metric}_step", f"{label} at step", steps, "", "number")])


def _figure(value: float | None) -> Value:
    return UNKNOWN if value is None else Value(value, words.figure(value))


def _number(value: float | None) -> Value:
    return UNKNOWN if value is None else Value(value, words.thin(value))


def _step(job: Job) -> Value:
    if not job.step:
        return UNKNOWN
    note = f"of {words.thin(job.total_steps)}" if job.total_steps else ""
    return Value(job.step, words.thin(job.step), note)


def _stay(known: Known, job: Job, states: Sequence[str]) -> Value:
    """How long the job was in these states, as far as we saw it; of one that still is, so far."""
    stays = known.stays.get(job.pk, {})
    seconds = [stays[state] for state in states if state in stays]
    is_there = job.state in states and job.state_since is not None and job.is_since_exact
    if is_there and job.state_since is not None:
        seconds.append(max((known.now - job.state_since).total_seconds(), 0.0))
    is_part = job.pk in known.late and states == TRAINING
    notes = ["at least"] * is_part + ["so far"] * is_there
    return _seconds(sum(seconds), " ".join(notes)) if seconds else UNKNOWN


def _duration(job: Job, now: datetime) -> Value:
    if job.created_at is None or (job.is_over and job.ended_at is None):
        return UNKNOWN
    end = job.ended_at if job.is_over and job.ended_at else now
    return _seconds((end - job.created_at).total_seconds(), "" if job.is_over else "so far")


def _seconds(seconds: float, note: str) -> Value:
    return Value(round(max(seconds, 0.0)), words.clock(timedelta(seconds=seconds)), note)


def _cost(known: Known, job: Job) -> Value:
    """Of a job that is not over what it will have cost, or has until now, as its own page says it."""
    if (found := known.costs.get(job.pk)) is not None:
        return Value(found.usd, dollars(found.usd), found.stage.value)
    return UNKNOWN if job.cost_usd is None else Value(job.cost_usd, dollars(job.cost_usd))


def _settings(jobs: Sequence[Job]) -> Iterator[Fact]:
    yield _fact("method", "Method", jobs, _text_of("method"))
    names = dict.fromkeys(name for job in jobs for name in [*job.hyperparameters, *job.requested])
    for name in names:
        resolved = tuple(_resolved(job, name) for job in jobs)
        yield Fact(f"hp.{name}", name, resolved, "", "mono")
    for name in names:
        if any(_is_changed(job, name) for job in jobs):
            asked = tuple(_said(job.requested.get(name)) for job in jobs)
            yield Fact(f"requested.{name}", f"{name}, requested", asked, "", "mono")
    yield from _leaves("method.", jobs, lambda job: besides_hyperparameters(job.method_details))


def _resolved(job: Job, name: str) -> Value:
    value: object = job.hyperparameters.get(name)
    is_from_auto = job.requested.get(name) == AUTO and value is not None and value != AUTO
    return Value(value, _spelled(value), "was auto" if is_from_auto else "")


def _is_changed(job: Job, name: str) -> bool:
    asked, resolved = job.requested.get(name), job.hyperparameters.get(name)
    return bool(asked != resolved)


def _said(value: object) -> Value:
    return Value(value, _spelled(value))


def _spelled(value: object) -> str:
    return "" if value is None else spell(value)[:MAX_TEXT]


def besides_hyperparameters(details: Mapping[str, object]) -> dict[str, object]:
    """A method block without its name, its hyperparameters and what is null: graders and the like."""
    found: dict[str, object] = {}
    for name, member in details.items():
        if isinstance(member, Mapping):
            rest = {key: value for key, value in member.items() if key != "hyperparameters"}
            found |= {name: rest} if rest else {}
        elif name != "type" and member is not None:
            found[name] = member
    return found


def _leaves(
    prefix: str, jobs: Sequence[Job], content: Callable[[Job], Mapping[str, object]]
) -> Iterator[Fact]:
    """One fact for each path that any of them has."""
    found = [{leaf.path: leaf.value for leaf in leaves(content(job))} for job in jobs]
    for path in dict.fromkeys(path for of_job in found for path in of_job):
        values = tuple(Value(of_job.get(path), of_job.get(path, "")[:MAX_TEXT]) for of_job in found)
        yield Fact(f"{prefix}{path}", path, values, "", "mono")


def _data(known: Known) -> Iterator[Fact]:
    for role in ("training", "validation"):
        title = f"{role.capitalize()} file"
        files = [file_of(known, job, role) for job in known.jobs]
        yield _fact(f"{role}_file", title, known.jobs, _text_of(f"{role}_file"), look="mono")
        names = tuple(_plain(file.filename if file else "") for file in files)
        yield from _told([Fact(f"{role}_file_name", f"{title}, name", names)])
        sizes = tuple(_bytes(file) for file in files)
        yield from _told([Fact(f"{role}_file_bytes", f"{title}, size", sizes)])
        hashes = tuple(_plain(file.sha256 if file else "") for file in files)
        yield from _told([Fact(f"{role}_file_sha256", f"{title}, SHA-256", hashes, "", "mono")])


def file_of(known: Known, job: Job, role: str) -> File | None:
    file_id = job.training_file if role == "training" else job.validation_file
    return known.files.get((job.connection_id, file_id)) if file_id else None


def _bytes(file: File | None) -> Value:
    size = size_of(file)
    return UNKNOWN if size is None else Value(size, words.size(size))


def size_of(file: File | None) -> int | None:
    """As the provider says, else as received."""
    if file is None:
        return None
    return file.content_bytes if file.size_bytes is None else file.size_bytes


def _more(jobs: Sequence[Job]) -> Iterator[Fact]:
    yield _fact("base_model", "Base model", jobs, _text_of("base_model"), look="mono")
    yield _fact("seed", "Seed", jobs, lambda job: _said(job.seed), look="mono")
    yield _fact("connection", "Connection", jobs, lambda job: _plain(job.connection.name))
    yield _fact("job_id", "Job id", jobs, _text_of("provider_id"), look="mono")
    yield _fact("created_at", "Created", jobs, _moment_of("created_at"), look="time")
    yield from _told(
        [
            _fact("ended_at", "Ended", jobs, _moment_of("ended_at"), look="time"),
            _fact(
                "restarted_from", "Restarted from", jobs, _text_of("restarted_from"), look="mono"
            ),
            _fact(
                "organization_id", "Organization", jobs, _text_of("organization_id"), look="mono"
            ),
            _fact("tags", "Tags", jobs, _tags, absent="It has no tags"),
        ]
    )
    yield from _leaves("metadata.", jobs, lambda job: job.metadata)


def _tags(job: Job) -> Value:
    return _plain(" ".join(job.tags.split()))


def _plain(text: str | None) -> Value:
    return Value(text, text[:MAX_TEXT]) if text else UNKNOWN


def _text_of(column: str) -> Callable[[Job], Value]:
    return lambda job: _plain(getattr(job, column))


def _count_of(column: str) -> Callable[[Job], Value]:
    return lambda job: _number(getattr(job, column))


def _moment_of(column: str) -> Callable[[Job], Value]:
    def moment(job: Job) -> Value:
        at = getattr(job, column)
        return UNKNOWN if at is None else Value(at, f"{at:%Y-%m-%d %H:%M} UTC")

    return moment
