"""What the last audit says: in one sentence for the banner and the verdict, in full for /status/."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

from django.db.models import JSONField, Value

from dashboard import findings, words
from dashboard.crews import crews, has_standby
from dashboard.findings import Finding
from dashboard.heartbeat_url import shown_host
from dashboard.models import AuditReport, Heartbeat

REPORT = 0  # in place of a row number


@dataclass(frozen=True, slots=True)
class Trouble:
    """`gravest`: a sentence; `more` of them are not told beside it."""

    gravest: str
    more: int = 0


@dataclass(frozen=True, slots=True)
class AuditView:
    """`host`: of the heartbeat URL, "" where none is set. `answer`: to its last call."""

    at: datetime | None
    is_stale: bool
    findings: tuple[Finding, ...]
    host: str
    called_at: datetime | None
    taken_at: datetime | None
    call_failed: bool
    answer: str


def pulse() -> tuple[list[Heartbeat], AuditReport | None]:
    """The notes of all parts and what the banner needs of the last report: one query, for every page."""
    noted = Heartbeat.objects.values_list(
        "pk", "part", "worker", "at", "is_busy", "has_left", Value([], JSONField())
    )
    no, nothing = Value(False), Value("")
    reported = AuditReport.objects.annotate(half=Value(REPORT)).values_list(
        "half", nothing, nothing, "at", no, no, "findings"
    )
    rows = sorted(noted.union(reported, all=True), key=itemgetter(0))
    notes = [
        Heartbeat(pk=pk, part=part, worker=worker, at=at, is_busy=is_busy, has_left=has_left)
        for pk, part, worker, at, is_busy, has_left, _ in rows
        if pk != REPORT
    ]
    reports = [AuditReport(at=row[3], findings=row[6]) for row in rows if row[0] == REPORT]
    return notes, reports[0] if reports else None


def last_report() -> AuditReport | None:
    return AuditReport.objects.first()


def trouble(
    report: AuditReport | None, notes: Iterable[Heartbeat], now: datetime
) -> Trouble | None:
    """What the heartbeats of the parts do not say already; None where no audit was ever made."""
    known = list(notes)
    idle = _idle_parts(known, now)
    if report is None:
        return None
    if findings.is_stale(report.at, now):
        return _silence(report, known, idle, now)
    left = findings.unexplained(findings.known(report.findings), idle)
    return Trouble(left[0].sentence, len(left) - 1) if left else None


def _silence(
    report: AuditReport, notes: list[Heartbeat], idle: set[str], now: datetime
) -> Trouble | None:
    """That nobody audits is news only while the rest of the installation runs."""
    runs = any(not note.is_late(now) for note in notes)
    if not runs or idle & findings.AUDITING_PARTS:
        return None
    age = words.rough((now - report.at).total_seconds())
    return Trouble(f"The last audit was {age} ago.")


def _idle_parts(notes: list[Heartbeat], now: datetime) -> set[str]:
    """Parts of which nobody is at work, and whose work nobody does."""
    if has_standby(notes, now):
        return set()
    return {str(crew.part) for crew in crews(notes, now) if not crew.well}


def audit_view(report: AuditReport | None, now: datetime) -> AuditView:
    return AuditView(
        at=report.at if report else None,
        is_stale=bool(report and findings.is_stale(report.at, now)),
        findings=findings.known(report.findings) if report else (),
        host=shown_host(),
        called_at=report.called_at if report else None,
        taken_at=report.taken_at if report else None,
        call_failed=bool(report and report.call_failed),
        answer=report.answer if report else "",
    )
