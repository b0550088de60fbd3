"""How long alerts take from their making to the receiver, counted a minute or two after the fact.

The alert worker writes nothing for it: the audit reads what was sent since it counted last. It finds
them by their attempts, whose keys rise, because no index knows when a delivery was sent.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet

from alerts.models import Attempt, Delivery
from dashboard.models import AuditReport, LatencyTally
from jobs.claims import database_now
from jobs.ledger import BEYOND_S, raise_count

BOUNDS_S = (0.3, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 36_000.0)
DIGESTS_SENT = "digests_sent"
# What was sent is seen by everybody by then, and its attempt has a key.
SETTLED = timedelta(seconds=30)
LONGEST_ATTEMPT = timedelta(seconds=60)

Row = tuple[int, datetime, datetime, datetime | None]


@transaction.atomic
def count_sent() -> int:
    """Counts what was sent since the last time; how many. Each once, whoever counts."""
    report = AuditReport.objects.select_for_update().get(pk=AuditReport.ONLY)
    until = database_now() - SETTLED
    since = report.counted_until or until
    sent = Delivery.objects.filter(sent_at__gt=since, sent_at__lte=until)
    rows = _rows(sent, Attempt.objects.filter(pk__gt=report.counted_attempt, is_sent=True))
    _add(rows)
    _count_digests(sent.filter(pk__in=[row[0] for row in rows]), since)
    AuditReport.objects.filter(pk=report.pk).update(
        counted_until=max(since, until),
        counted_attempt=_last_before(until, report.counted_attempt),
    )
    return len(rows)


def _rows(sent: QuerySet[Delivery], attempts: QuerySet[Attempt]) -> list[Row]:
    """Those with an attempt of their own, and those that a digest with one carried."""
    columns = ("pk", "created_at", "sent_at", "quiet_until")
    digests = attempts.filter(delivery__digest_key__isnull=False).values("delivery__digest_key")
    own = sent.filter(pk__in=attempts.values("delivery")).values_list(*columns)
    carried = sent.filter(digest_key__in=digests).values_list(*columns)
    return list({row[0]: row for row in (*own, *carried)}.values())


def _add(rows: Iterable[Row]) -> None:
    sums: defaultdict[float, list[float]] = defaultdict(list)
    for _pk, created_at, sent_at, quiet_until in rows:
        began = max(created_at, quiet_until or created_at)
        took_s = max((sent_at - began).total_seconds(), 0.0)
        bound = next((bound for bound in BOUNDS_S if took_s <= bound), BEYOND_S)
        sums[bound].append(took_s)
    for upper_s, times in sums.items():
        LatencyTally.objects.get_or_create(upper_s=upper_s)
        LatencyTally.objects.filter(upper_s=upper_s).update(
            number=F("number") + len(times), total_s=F("total_s") + sum(times)
        )


def _count_digests(rows: QuerySet[Delivery], since: datetime) -> None:
    """Rows of one digest may be marked on both sides of a minute; it counts with the first of them."""
    keys = set(rows.exclude(digest_key=None).values_list("digest_key", flat=True))
    before = Delivery.objects.filter(digest_key__in=keys, sent_at__lte=since)
    fresh = keys - set(before.values_list("digest_key", flat=True))
    if fresh:
        raise_count(DIGESTS_SENT, len(fresh))


def _last_before(until: datetime, known: int) -> int:
    """Attempts up to this key are over and counted."""
    over = Attempt.objects.filter(pk__gt=known, started_at__lt=until - LONGEST_ATTEMPT)
    return over.order_by("-pk").values_list("pk", flat=True).first() or known
