"""What changed between any two contents of a job, field by field."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.http import QueryDict
from django.utils.http import urlencode

from dashboard.changes import Change, Kind, compare
from dashboard.queries.leaves import row_id
from dashboard.queries.snapshots import Choice, choices, newest, parsed
from jobs.models import Job, Snapshot

MOST_ROWS = 500
MOST_CHARS = 400_000
CUT, PATH = 500, 300


@dataclass(frozen=True, slots=True)
class ChangesAsked:
    """The view that an address asks for; `old` and `new` are ids of snapshots, or ""."""

    old: str = ""
    new: str = ""
    is_all: bool = False

    @classmethod
    def read(cls, asked: QueryDict) -> "ChangesAsked":
        return cls(
            old=asked.get("from", "").strip()[:40],
            new=asked.get("to", "").strip()[:40],
            is_all=asked.get("all") == "1",
        )


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A field as it is shown. `cut`: characters left out, where the page would be too long with them."""

    path: str
    kind: Kind
    before: str | None
    after: str | None
    cut: int


@dataclass(frozen=True, slots=True)
class Changes:
    """`missing`: ids that were asked for and are no snapshots of this job. `hidden`: rows beyond 500."""

    old: Snapshot | None
    new: Snapshot | None
    choices: tuple[Choice, ...]
    rows: tuple[ChangeRow, ...]
    hidden: int
    changed: int
    same: int
    is_all: bool
    missing: tuple[str, ...]
    swapped: str
    other: str  # the query with what is the same shown, or folded

    @property
    def is_across(self) -> bool:
        """A list may say less of a job than a look at the job itself."""
        return bool(self.old and self.new and self.old.source != self.new.source)


def changes(job: Job, asked: ChangesAsked) -> Changes:
    """Without a choice: the newest content against the first one of the same source."""
    wanted = {"old": row_id(asked.old), "new": row_id(asked.new)}
    found = {one.pk: one for one in Snapshot.objects.filter(job=job, pk__in=wanted.values())}
    new = found.get(wanted["new"]) or newest(job)
    old = found.get(wanted["old"]) or _first_like(job, new)
    rows = compare(parsed(old.body), parsed(new.body)) if old and new else ()
    differing = [one for one in rows if one.kind is not Kind.SAME]
    shown = rows if asked.is_all else differing
    return Changes(
        old=old,
        new=new,
        choices=choices(job, old, new),
        rows=tuple(_within(shown[:MOST_ROWS])),
        hidden=max(len(shown) - MOST_ROWS, 0),
        changed=len(differing),
        same=len(rows) - len(differing),
        is_all=asked.is_all,
        missing=_missing((asked.old, asked.new), found),
        swapped=_query(new, old, is_all=asked.is_all),
        other=_query(old, new, is_all=not asked.is_all),
    )


def _within(changes: Sequence[Change]) -> Iterator[ChangeRow]:
    """Values are whole, however long, until so many of them fill the page; then their starts stand."""
    room = MOST_CHARS
    for one in changes:
        length = len(one.before or "") + len(one.after or "")
        most = None if length <= room else CUT
        room -= length if most is None else 0
        before, after = (
            side[:most] if side is not None else None for side in (one.before, one.after)
        )
        cut = length - len(before or "") - len(after or "")
        yield ChangeRow(one.path[:PATH], one.kind, before, after, cut)


def _first_like(job: Job, new: Snapshot | None) -> Snapshot | None:
    if new is None:
        return None
    return Snapshot.objects.filter(job=job, source=new.source).order_by("pk").first()


def _missing(asked: Sequence[str], found: dict[int, Snapshot]) -> tuple[str, ...]:
    return tuple(one for one in asked if one and row_id(one) not in found)


def _query(old: Snapshot | None, new: Snapshot | None, *, is_all: bool) -> str:
    if old is None or new is None:
        return "?"
    asked = {"from": old.pk, "to": new.pk, **({"all": 1} if is_all else {})}
    return f"?{urlencode(asked)}"
