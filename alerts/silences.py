"""Nobody is told of this job: for good, or until a time. Callers check roles and write the audit entry.

What would have been told meanwhile is written down as suppressed, with the reason; nothing vanishes.
What was announced before is still delivered.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from accounts.models import User
from alerts.models import Silence
from alerts.rules import SNOOZED
from jobs.claims import database_now
from jobs.models import Job

# How long people may snooze, and the words for it.
SPANS: Mapping[str, tuple[timedelta, str]] = {
    "4h": (timedelta(hours=4), "4 hours"),
    "24h": (timedelta(hours=24), "24 hours"),
    "7d": (timedelta(days=7), "7 days"),
}
MUTED = "The job is muted."


def mute(job: Job, creator: User | None) -> Silence:
    """Nothing about this job rings until `wake`; it takes the place of a snooze."""
    return _silence(job, None, creator)


def snooze(job: Job, span: str, creator: User | None) -> Silence:
    """Troubles of this job do not ring for a while; its end does. Raises ValueError.

    It counts from now, and takes the place of what was set before.
    """
    if span not in SPANS:
        raise ValueError(f"Choose one of {', '.join(words for _, words in SPANS.values())}.")
    return _silence(job, database_now() + SPANS[span][0], creator)


def wake(job: Job) -> bool:
    """It rings again. False: it was not silent."""
    removed, _ = Silence.objects.filter(job=job).delete()
    return removed > 0


def mute_all(job_ids: Collection[int], creator: User | None) -> int:
    """Mutes those jobs that are not; how many they were. A snooze is replaced."""
    muted = Silence.objects.filter(job__in=job_ids, until=None).values_list("job", flat=True)
    now = database_now()
    rest = [
        Silence(job_id=job_id, until=None, creator=creator, created_at=now)
        for job_id in sorted(set(job_ids) - set(muted))
    ]
    Silence.objects.bulk_create(
        rest,
        update_conflicts=True,
        unique_fields=["job"],
        update_fields=["until", "creator", "created_at"],
    )
    return len(rest)


def wake_all(job_ids: Collection[int]) -> int:
    """They ring again, muted ones and snoozed ones; how many were silent."""
    held = Silence.objects.filter(job__in=job_ids)
    removed, _ = held.filter(Q(until=None) | Q(until__gt=Now())).delete()
    held.delete()
    return removed


def active() -> QuerySet[Silence]:
    """Those that hold now, by the database's clock."""
    return Silence.objects.filter(Q(until=None) | Q(until__gt=Now()))


def silences_of(job_ids: Collection[int]) -> Mapping[int, datetime | None]:
    """Job id -> until when it is silent (None: muted); jobs that may ring are not in it."""
    return dict(active().filter(job__in=job_ids).values_list("job", "until")) if job_ids else {}


def why_held_back(name: str, until: datetime | None) -> str:
    """Why an alert of this name is not told of a job that is silent, "" when it is.

    `name`: the word of alerts.rules. A snooze lets through what its owner waits for: the end of the
    job, and of a trouble.
    """
    if until is None:
        return MUTED
    if name not in SNOOZED:
        return ""
    return f"The job is snoozed until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC."


def _silence(job: Job, until: datetime | None, creator: User | None) -> Silence:
    facts = {"until": until, "creator": creator, "created_at": database_now()}
    return Silence.objects.update_or_create(job=job, defaults=facts)[0]
