"""What lasts too long or goes wrong with a job now, for its page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from jobs.models import Condition, Job

ADVICE: Mapping[str, str] = {
    Condition.Kind.STUCK: "Wait, cancel it, or try another region or model.",
    Condition.Kind.NO_PROGRESS: "Look at its events at the provider; cancel it if it hangs.",
    Condition.Kind.DIVERGING: "Cancel it and try a smaller learning rate.",
    Condition.Kind.OVERFITTING: "An earlier checkpoint may be better than the end. Try fewer epochs.",
    Condition.Kind.ETA_SLIPPED: "The provider moves this time by itself. Wait, unless it hangs.",
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """`since`: when what it is about began; `raised_at`: when it was noticed."""

    kind: str
    reason: str
    since: datetime | None
    raised_at: datetime
    advice: str


def doubts(job: Job) -> tuple[Doubt, ...]:
    """The open conditions, oldest first. A job without flags costs no query."""
    if not job.flags:
        return ()
    rows = Condition.objects.filter(job=job, resolved_at=None).order_by("pk")
    return tuple(
        Doubt(row.kind, row.reason, row.since, row.raised_at, ADVICE.get(row.kind, ""))
        for row in rows
    )
