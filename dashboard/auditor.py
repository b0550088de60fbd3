"""Who watches the watcher: once a minute everything that should be done is looked for that is not.

The report is one row, so a page reads one. Nothing here is tried again: an audit that fails leaves its
report to grow old and the heartbeat URL uncalled, and that is the alarm.

Of conservation (each alert made is sent, given up, held back or waiting) this is checked to the row: no
unknown state, none waiting without a time, none announced by half, no digest in two hands at once; and
of the newest rows of a day that sent ones have a time and the others a reason. That a change told all
it should cannot be checked afterwards: the rules it met may have changed since.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q

from alerts import claims
from alerts.models import Delivery
from dashboard import disk, heartbeat_url, latency, words
from dashboard.crews import crews
from dashboard.findings import Code, Finding
from dashboard.models import AuditReport, Heartbeat
from dashboard.queries import overdue, readiness, waiting
from dashboard.queries.waiting import Queue
from jobs.claims import database_now

CHECKED_ROWS = (
    10_000  # of the newest deliveries, and of one day at most: what is mended must come clean
)
CHECKED_AGE = timedelta(days=1)
MADE_ALREADY = timedelta(seconds=settings.AUDIT_SECONDS / 2)  # several beats may ask
State = Delivery.State

log = structlog.get_logger(__name__)


def audit_due() -> AuditReport | None:
    """The audit of this minute, unless somebody else made it; when it is clean, the heartbeat URL is called."""
    if AuditReport.objects.filter(at__gt=database_now() - MADE_ALREADY).exists():
        return None
    report = audit()
    if report.findings:
        log.warning("audit found something", codes=[one["code"] for one in report.findings])
    elif settings.HEARTBEAT_URL:
        heartbeat_url.call_aside()
    latency.count_sent()
    return report


def audit() -> AuditReport:
    """Looks once and stores what it found."""
    now = database_now()
    findings = [finding.to_json() for finding in find(now)]
    report, _ = AuditReport.objects.update_or_create(
        pk=AuditReport.ONLY, defaults={"at": now, "findings": findings}
    )
    return report


def find(now: datetime) -> list[Finding]:
    """Gravest first."""
    found = waiting.queues(now)
    notes = list(Heartbeat.objects.all())
    by_code = {
        finding.code: finding
        for finding in (
            *_contradictions(now),
            *_full_disk(),
            *_silent_parts(notes, now),
            *_late_polls(notes, now),
            *_late_alerts(found, now),
            *_abandoned(found, now),
        )
        if finding.count
    }
    return [by_code[code] for code in Code if code in by_code]


def _contradictions(now: datetime) -> Iterator[Finding]:
    number = Delivery.objects.unsent().exclude(state__in=State.values).count()
    yield Finding(Code.UNKNOWN_STATE, f"{_alerts(number)} in a state that nobody knows.", number)
    number = Delivery.objects.pending().filter(next_attempt_at=None).count()
    yield Finding(Code.NEVER_DUE, f"{_alerts(number)} waiting and will never be due.", number)
    recent = _newest(now)
    number = recent["timeless"]
    yield Finding(Code.SENT_WITHOUT_TIME, f"{_alerts(number)} sent at no time.", number)
    number = recent["reasonless"]
    text = f"{_alerts(number)} given up or held back without a reason."
    yield Finding(Code.NO_REASON, text, number)
    number = _announced_by_half()
    changes = words.counted(number, "change was", "changes were")
    yield Finding(Code.HALF_ANNOUNCED, f"{changes} announced by half.", number)
    number = _digests_held_twice()
    digests = words.counted(number, "digest is", "digests are")
    yield Finding(Code.DIGEST_TWICE, f"{digests} being sent by two workers at once.", number)


def _alerts(number: int) -> str:
    return words.counted(number, "alert is", "alerts are")


def _newest(now: datetime) -> dict[str, int]:
    """A sent alert has a time, one that was given up or held back a reason."""
    newest = Delivery.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    rows = Delivery.objects.filter(pk__gt=newest - CHECKED_ROWS, created_at__gt=now - CHECKED_AGE)
    stopped = Q(state__in=[State.DEAD, State.SUPPRESSED], reason="")
    return rows.aggregate(
        timeless=Count("pk", filter=Q(state=State.SENT, sent_at=None)),
        reasonless=Count("pk", filter=stopped),
    )


def _announced_by_half() -> int:
    """Both are written in one transaction, so none may be seen without the other."""
    made = Delivery.objects.filter(transition=OuterRef("pk"))
    return readiness.unannounced().filter(Exists(made)).count()


def _digests_held_twice() -> int:
    held = Delivery.objects.pending().filter(claims.LIVE_LEASE, digest_key__isnull=False)
    holders = held.order_by().values("digest_key").annotate(n=Count("lease_token", distinct=True))
    return holders.filter(n__gt=1).count()


def _full_disk() -> Iterator[Finding]:
    below = disk.of_database()
    if below and below.is_low:
        yield Finding(Code.DISK_LOW, below.trouble, 1)


def _silent_parts(notes: Iterable[Heartbeat], now: datetime) -> Iterator[Finding]:
    idle = [crew for crew in crews(notes, now) if not crew.well]
    names = ", ".join(str(crew.part.label) for crew in idle)
    yield Finding(Code.PART_SILENT, f"Not seen at work: {names.lower()}.", len(idle))


def _late_polls(notes: Iterable[Heartbeat], now: datetime) -> Iterator[Finding]:
    is_late = readiness.is_sweep_late(notes, now)
    yield Finding(Code.SWEEP_LATE, "No sweep ended in the last minute.", int(is_late))
    by_interval = overdue.cuts()
    held_by = overdue.causes(now, by_interval)
    number = sum(held_by[cause] for cause in overdue.OURS)
    number += overdue.overdue_lists(now, by_interval).count()
    text = f"{words.counted(number, 'poll is', 'polls are')} overdue that no provider holds back."
    yield Finding(Code.POLL_OVERDUE, text, number)


def _late_alerts(found: Iterable[Queue], now: datetime) -> Iterator[Finding]:
    number = readiness.unannounced(now - readiness.ANNOUNCE_PATIENCE).count()
    changes = words.counted(number, "change was", "changes were")
    text = f"{changes} recorded and no alert was made of {'it' if number == 1 else 'them'}."
    yield Finding(Code.UNANNOUNCED, text, number)
    number = waiting.overdue_alerts(found, now).count()
    late = words.rough(waiting.longest_overdue(found, now).total_seconds())
    text = f"{_alerts(number)} overdue for up to {late} on channels that work."
    yield Finding(Code.ALERT_OVERDUE, text, number)


def _abandoned(found: Iterable[Queue], now: datetime) -> Iterator[Finding]:
    number = overdue.abandoned(now) + waiting.abandoned_alerts(found, now).count()
    rows = words.counted(number, "piece of work was", "pieces of work were")
    text = f"{rows} left by a worker and taken up by no other."
    yield Finding(Code.LEASE_EXPIRED, text, number)
