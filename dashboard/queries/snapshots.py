"""What the API said of a job: each content as what changed in it, two side by side, and raw."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet, Sum

from dashboard.changes import Change, Kind, compare
from dashboard.queries.history import History
from dashboard.queries.leaves import leaves, row_id
from jobs.models import Job, Snapshot
from providers import wire
from providers.base import parse_job

PAGE = 50
CHANGES_SHOWN = 60
CHOICES_SHOWN = 200
RAW_SHOWN = 200_000  # characters of an answer; the link to all of it stands below
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """One content, as what differs from the one before of the same source, whose id is `before`."""

    id: int
    before: int | None
    source: str
    first_seen_at: datetime
    last_seen_at: datetime
    repeats: int  # polls after the first that brought nothing new
    is_late: bool
    changes: tuple[Change, ...]
    more_changes: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """One page of contents. `polls`: answers seen; `next_before`: the cursor of the older page, or 0."""

    past: History
    polls: int
    snapshots: tuple[SnapshotRow, ...]
    next_before: int
    is_first: bool  # the page of the newest


@dataclass(frozen=True, slots=True)
class Choice:
    id: int
    source: str
    first_seen_at: datetime
    is_late: bool


@dataclass(frozen=True, slots=True)
class Raw:
    """`text`: the JSON as the API said it; `normal`: (name, value) as it was understood.

    `before`: the content before it of the same source.
    """

    chosen: Snapshot | None
    text: str
    normal: tuple[tuple[str, str], ...]
    choices: tuple[Choice, ...]
    before: int | None = None
    missing: str = ""  # an id that was asked for and is none of this job

    @property
    def shown(self) -> str:
        return self.text[:RAW_SHOWN]

    @property
    def is_cut(self) -> bool:
        return len(self.text) > RAW_SHOWN


def timeline(job: Job, past: History, before: str) -> Timeline:
    """One page of contents, newest first. `before`: only what was seen before this one."""
    mine, cursor = _of(job).order_by("-pk"), row_id(before)
    found = list((mine.filter(pk__lt=cursor) if cursor else mine)[: PAGE + 1])
    shown = found[:PAGE]
    has_more = len(found) > PAGE
    rows = _rows(shown, _predecessors(job, shown) if has_more else {})
    polls = mine.aggregate(Sum("seen_count"))["seen_count__sum"] or 0
    return Timeline(past, polls, tuple(rows), shown[-1].pk if has_more else 0, not cursor)


def _of(job: Job) -> QuerySet[Snapshot]:
    return Snapshot.objects.filter(job=job)


def _predecessors(job: Job, newest_first: Sequence[Snapshot]) -> dict[str, Snapshot]:
    """Of each source what the oldest content of the page is compared with."""
    older = _of(job).filter(pk__lt=newest_first[-1].pk, is_late=False).order_by("-pk")
    found = (older.filter(source=source).first() for source in Snapshot.Source.values)
    return {one.source: one for one in found if one is not None}


def _rows(newest_first: Sequence[Snapshot], before: dict[str, Snapshot]) -> list[SnapshotRow]:
    rows = []
    content = {source: parsed(one.body) for source, one in before.items()}
    for snapshot in reversed(newest_first):
        known, new = before.get(snapshot.source), parsed(snapshot.body)
        rows.append(_row(snapshot, known, content.get(snapshot.source, {}), new))
        if not snapshot.is_late:
            before[snapshot.source], content[snapshot.source] = snapshot, new
    return rows[::-1]


def _row(
    snapshot: Snapshot,
    known: Snapshot | None,
    old: Mapping[str, object],
    new: Mapping[str, object],
) -> SnapshotRow:
    changes = [one for one in compare(old, new) if one.kind is not Kind.SAME] if known else []
    return SnapshotRow(
        id=snapshot.pk,
        before=known.pk if known else None,
        source=snapshot.get_source_display(),
        first_seen_at=snapshot.first_seen_at,
        last_seen_at=snapshot.last_seen_at,
        repeats=snapshot.seen_count - 1,
        is_late=snapshot.is_late,
        changes=tuple(changes[:CHANGES_SHOWN]),
        more_changes=max(len(changes) - CHANGES_SHOWN, 0),
    )


def newest(job: Job) -> Snapshot | None:
    """The latest content, by preference as retrieved: the list may say less."""
    found = list(_of(job).filter(is_newest=True).order_by("pk"))
    retrieved = [one for one in found if one.source == Snapshot.Source.RETRIEVE]
    return next(iter([*retrieved, *found]), None)


def parsed(body: str) -> Mapping[str, object]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, Mapping) else {}


def pretty(body: str) -> str:
    """Indented JSON, with escapes for what would turn the text around; the body itself when it is none."""
    value = parsed(body)
    text = json.dumps(value, indent=2, ensure_ascii=False) if value else body
    return _TURNING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def choices(job: Job, *wanted: Snapshot | None) -> tuple[Choice, ...]:
    """What a list offers: the newest, and in any case the ones that are looked at; newest first."""
    rows = {one.pk: one for one in _of(job).order_by("-pk").defer("body")[:CHOICES_SHOWN]}
    rows |= {one.pk: one for one in wanted if one}
    return tuple(
        Choice(pk, rows[pk].get_source_display(), rows[pk].first_seen_at, rows[pk].is_late)
        for pk in sorted(rows, reverse=True)
    )


def raw(job: Job, wanted: str, dialect: str) -> Raw:
    """One content beside what was understood of it. `wanted`: its id, else the newest."""
    chosen = _of(job).filter(pk=row_id(wanted)).first() if wanted else None
    missing = wanted[:40] if wanted and chosen is None else ""
    chosen = chosen or newest(job) or _of(job).order_by("-pk").first()
    if chosen is None:
        return Raw(None, "", (), ())
    older = _of(job).filter(source=chosen.source, pk__lt=chosen.pk, is_late=False)
    return Raw(
        chosen,
        pretty(chosen.body),
        normal_form(parsed(chosen.body), dialect),
        choices(job, chosen),
        before=older.order_by("-pk").values_list("pk", flat=True).first(),
        missing=missing,
    )


def normal_form(content: Mapping[str, object], dialect: str) -> tuple[tuple[str, str], ...]:
    read = parse_job(content, dialect)
    if isinstance(read, wire.Invalid):
        return (("unreadable", read.reason),)
    names = [name for name in read.__dataclass_fields__ if name != "raw"]
    return tuple(
        (leaf.path, leaf.value) for name in names for leaf in leaves(getattr(read, name), name)
    )
