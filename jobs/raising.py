"""The only writer of conditions: the row that says one is open, and the transition that rings.

Call it inside a transaction. Who changed the row writes the transition, so nothing rings twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import QuerySet
from django.db.models.functions import Now

from jobs.conditions import Open
from jobs.models import Condition, Job, Transition

RECOVERED = "recovered"
REMEMBERED = frozenset({"told", "is_told"})  # by decisions; nobody is told of them


@dataclass(frozen=True, slots=True)
class About:
    """What a condition is about: a job, or a base model of a connection."""

    connection_id: int
    kind: str
    job_id: int | None = None
    base_model: str = ""

    def open_rows(self) -> QuerySet[Condition]:
        rows = Condition.objects.filter(connection_id=self.connection_id, resolved_at=None)
        rows = rows.filter(kind=self.kind, subject=self.base_model)
        return rows.filter(job=None if self.job_id is None else Job(pk=self.job_id))


@dataclass(frozen=True, slots=True)
class Saying:
    """The words and the numbers. Not `rings`: nobody is told, the row only is written."""

    reason: str
    facts: Mapping[str, object] = field(default_factory=dict)
    rings: bool = True
    since: datetime | None = None
    level: int = 0


def begin(about: About, saying: Saying) -> None:
    """Raises IntegrityError where it is open already."""
    Condition.objects.create(
        connection_id=about.connection_id,
        job_id=about.job_id,
        kind=about.kind,
        subject=about.base_model,
        level=saying.level,
        reason=saying.reason,
        facts=_kept(saying),
        since=saying.since,
    )
    if saying.rings:
        _ring(about, saying, "", about.kind)


def tell(about: About, saying: Saying, known_level: int = 0) -> bool:
    """What is open already is news now, or got worse. False when another worker was quicker."""
    changed = about.open_rows().filter(level=known_level)
    if not changed.update(level=saying.level, reason=saying.reason, facts=_kept(saying)):
        return False
    if saying.rings:
        _ring(about, saying, "", about.kind)
    return True


def end(about: About, saying: Saying) -> bool:
    """False when it was not open any more. The row keeps the numbers it was raised with."""
    if not about.open_rows().update(resolved_at=Now()):
        return False
    if saying.rings:
        _ring(about, saying, about.kind, RECOVERED)
    return True


def opened(since: datetime | None, facts: Mapping[str, object]) -> Open:
    """A row as decisions read it."""
    return Open(since, facts, is_told=facts.get("is_told") is not False)


def _kept(saying: Saying) -> dict[str, object]:
    return {"is_told": saying.rings, **saying.facts}


def _ring(about: About, saying: Saying, before: str, after: str) -> None:
    Transition.objects.create(
        connection_id=about.connection_id,
        job_id=about.job_id,
        kind=Transition.Kind.CONDITION,
        from_state=before,
        to_state=after,
        reason=saying.reason[:8192],
        subject=about.base_model,
        facts={name: value for name, value in saying.facts.items() if name not in REMEMBERED},
        rings=True,
    )
