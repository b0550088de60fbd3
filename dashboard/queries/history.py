"""How a job came to be what it is: its states, its snapshots as changes, and the raw JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard.queries.leaves import leaves, row_id
from dashboard.state_bar import Segment, state_bar
from jobs import retention
from jobs.models import Condition, Estimate, Job, Snapshot, Transition
from providers import wire
from providers.base import parse_job
from providers.states import State

SNAPSHOTS_SHOWN = 100
CHANGES_SHOWN = 60


@dataclass(frozen=True, slots=True)
class FieldChange:
    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """One content the API gave, as what differs from the one before of the same source."""

    id: int
    source: str
    first_seen_at: datetime
    last_seen_at: datetime
    seen_count: int
    is_late: bool
    is_first: bool
    changes: tuple[FieldChange, ...]
    more_changes: int


@dataclass(frozen=True, slots=True)
class TransitionRow:
    state: str
    word: str
    raw_status: str
    kind: str
    at: datetime
    is_provider_time: bool
    reason: str
    flag: str = ""  # the kind of condition that begins here


@dataclass(frozen=True, slots=True)
class History:
    segments: tuple[Segment, ...]
    transitions: tuple[TransitionRow, ...]
    snapshots: tuple[SnapshotRow, ...]
    more_snapshots: int
    polls: int
    drift: tuple[Estimate, ...]
    thinned_after_days: int | None = None  # by the team's retention


@dataclass(frozen=True, slots=True)
class RawChoice:
    id: int
    source: str
    first_seen_at: datetime
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Raw:
    """`text`: the JSON as the API said it; `normal`: (name, value) as it was understood."""

    chosen: Snapshot | None
    text: str
    normal: tuple[tuple[str, str], ...]
    choices: tuple[RawChoice, ...]


def history(job: Job, now: datetime) -> History:
    transitions = list(Transition.objects.filter(job=job).order_by("pk"))
    snapshots = list(Snapshot.objects.filter(job=job).order_by("-pk")[: SNAPSHOTS_SHOWN + 1])
    return History(
        segments=state_bar(stays(job, transitions, now)),
        transitions=tuple(_transition_row(one) for one in transitions),
        snapshots=tuple(_snapshot_rows(snapshots[:SNAPSHOTS_SHOWN])),
        more_snapshots=max(len(snapshots) - SNAPSHOTS_SHOWN, 0),
        polls=sum(one.seen_count for one in snapshots),
        drift=tuple(Estimate.objects.filter(job=job).order_by("-pk")[:10]),
        thinned_after_days=retention.thinned_snapshots([job], now).get(job.pk),
    )


def stays(
    job: Job, transitions: Sequence[Transition], now: datetime
) -> list[tuple[str, datetime, datetime]]:
    """(state, from, until) of each stay before the end, in order; times never run backwards."""
    moves = [one for one in transitions if one.kind == Transition.Kind.STATE]
    if not moves:
        return []
    start = job.created_at or moves[0].recorded_at
    end = job.ended_at if job.is_over and job.ended_at else now
    edges = [start, *(max(moment_of(one), start) for one in moves[1:]), max(end, start)]
    found = []
    for move, since, until in zip(moves, edges, edges[1:], strict=False):
        if not State(move.to_state).is_over and until > since:
            found.append((move.to_state, since, until))
    return found


def moment_of(transition: Transition) -> datetime:
    return transition.happened_at or transition.recorded_at


def _transition_row(transition: Transition) -> TransitionRow:
    known = {state.value for state in State}
    is_state = transition.to_state in known
    is_condition = transition.kind == Transition.Kind.CONDITION
    return TransitionRow(
        state=transition.to_state if is_state else State.UNKNOWN.value,
        word=State(transition.to_state).word if is_state else _word(transition),
        raw_status=transition.raw_status,
        kind=transition.kind,
        at=moment_of(transition),
        is_provider_time=transition.happened_at is not None,
        reason=transition.reason,
        flag=transition.to_state if is_condition and not transition.from_state else "",
    )


def _word(transition: Transition) -> str:
    """An end is named after what ends: "Recovered: stuck in a state"."""
    if transition.kind != Transition.Kind.CONDITION:
        return transition.to_state
    labels = {str(kind): label for kind, label in Condition.Kind.choices}
    ended = labels.get(transition.from_state, transition.from_state)
    return f"Recovered: {ended.lower()}" if ended else transition.to_state


def _snapshot_rows(newest_first: Sequence[Snapshot]) -> list[SnapshotRow]:
    rows = []
    before: dict[str, dict[str, str]] = {}
    for snapshot in reversed(newest_first):
        content = {leaf.path: leaf.value for leaf in leaves(parsed(snapshot.body))}
        known = before.get(snapshot.source)
        changes = [] if known is None else differences(known, content)
        if not snapshot.is_late:
            before[snapshot.source] = content
        rows.append(
            SnapshotRow(
                id=snapshot.pk,
                source=snapshot.get_source_display(),
                first_seen_at=snapshot.first_seen_at,
                last_seen_at=snapshot.last_seen_at,
                seen_count=snapshot.seen_count,
                is_late=snapshot.is_late,
                is_first=known is None,
                changes=tuple(changes[:CHANGES_SHOWN]),
                more_changes=max(len(changes) - CHANGES_SHOWN, 0),
            )
        )
    return rows[::-1]


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[FieldChange]:
    """The members that differ, in the order of the newer content; "" where there was none.

    >>> differences({"status": "queued"}, {"status": "running"})
    [FieldChange(path='status', before='queued', after='running')]
    """
    paths = dict.fromkeys([*after, *before])
    pairs = ((path, before.get(path, ""), after.get(path, "")) for path in paths)
    return [FieldChange(path, old[:300], new[:300]) for path, old, new in pairs if old != new]


def newest(job: Job) -> Snapshot | None:
    """The latest content, by preference as retrieved: the list may say less."""
    found = list(Snapshot.objects.filter(job=job, is_newest=True).order_by("pk"))
    retrieved = [one for one in found if one.source == Snapshot.Source.RETRIEVE]
    return next(iter([*retrieved, *found]), None)


def parsed(body: str) -> Mapping[str, object]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, Mapping) else {}


def pretty(body: str) -> str:
    """Indented JSON; the body itself when it is none."""
    value = parsed(body)
    return json.dumps(value, indent=2, ensure_ascii=False) if value else body


def raw(job: Job, wanted: str, dialect: str) -> Raw:
    """One snapshot beside what was understood of it. `wanted`: its id, else the newest."""
    mine = Snapshot.objects.filter(job=job).order_by("-pk")
    chosen = mine.filter(pk=row_id(wanted)).first()
    chosen = chosen or newest(job) or mine.first()
    choices = tuple(
        RawChoice(one.pk, one.get_source_display(), one.first_seen_at, one == chosen)
        for one in mine.defer("body")[:SNAPSHOTS_SHOWN]
    )
    if chosen is None:
        return Raw(None, "", (), choices)
    return Raw(chosen, pretty(chosen.body), normal_form(parsed(chosen.body), dialect), choices)


def normal_form(content: Mapping[str, object], dialect: str) -> tuple[tuple[str, str], ...]:
    read = parse_job(content, dialect)
    if isinstance(read, wire.Invalid):
        return (("unreadable", read.reason),)
    names = [name for name in read.__dataclass_fields__ if name != "raw"]
    return tuple(
        (leaf.path, leaf.value) for name in names for leaf in leaves(getattr(read, name), name)
    )
