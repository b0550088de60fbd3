"""Backfill of a whole connection: all historical jobs, with events, checkpoints and result files.

Two steps that feed each other, both standing in rows, so that any process may be killed at any
moment: the list is read page by page behind a stored cursor, and jobs that are over but not read in
full are made due a few at a time, for the ordinary poll to read. History rings nobody.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Count, Q

from jobs.claims import Claim, database_now, hold
from jobs.models import Backfill, Connection, Job
from jobs.models.job import OVER, JobQuerySet
from jobs.record import touch_team
from jobs.schedule import has_list
from jobs.sweep import ListPage, record_items
from providers.base import Provider
from providers.errors import ProviderError
from providers.wire import Element, Page

PORTION = 100  # jobs of one archive that are due at a time, so that live jobs wait behind few
BETWEEN_PORTIONS = timedelta(seconds=1)
AFTER_TROUBLE = timedelta(minutes=1)
TRIES = 5  # then a job counts as failed, until somebody asks for it again


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of jobs that are over: `done` are read in full, `failed` could not be."""

    total: int
    done: int
    failed: int
    is_listed: bool

    @property
    def left(self) -> int:
        return self.total - self.done - self.failed

    @property
    def share(self) -> float | None:
        """0 to 1; None while the list is still being read and the total may grow."""
        if not self.is_listed:
            return None
        return (self.done + self.failed) / self.total if self.total else 1.0


def start(connection: Connection) -> Backfill:
    """Begins the archive of a connection, or goes on with it where it stood."""
    with transaction.atomic():
        backfill, is_new = Backfill.objects.get_or_create(connection=connection)
        if not is_new:
            _again(backfill)
        touch_team(connection.team_id)
    return backfill


def _again(backfill: Backfill) -> None:
    """A finished archive reads the list anew: there may be more now."""
    if backfill.state == Backfill.State.DONE:
        backfill.after, backfill.listed_at, backfill.finished_at = "", None, None
        backfill.listed_count = 0
    backfill.state, backfill.next_step_at = Backfill.State.RUNNING, database_now()
    backfill.save()


def pause(backfill: Backfill) -> None:
    with transaction.atomic():
        Backfill.objects.filter(pk=backfill.pk).update(state=Backfill.State.PAUSED)
        touch_team(backfill.connection.team_id)


def retry_failed(connection: Connection) -> int:
    """Gives jobs that could not be read in full another try; how many."""
    return _unread(connection).filter(trouble_count__gte=TRIES).update(trouble_count=0)


def progress(connection: Connection) -> Progress:
    over = Q(state__in=OVER, archived_at=None)
    counts = Job.objects.filter(over, connection=connection).aggregate(
        total=Count("pk"),
        done=Count("pk", filter=Q(settled_at__isnull=False)),
        failed=Count("pk", filter=Q(settled_at=None, trouble_count__gte=TRIES)),
    )
    listed = Backfill.objects.filter(connection=connection).exclude(listed_at=None).exists()
    return Progress(counts["total"], counts["done"], counts["failed"], listed)


def record_page(
    backfill_id: int, claim: Claim, page: Page[Element] | None, provider: Provider
) -> None:
    """Writes one page of history and moves the cursor, in one transaction. Raises StaleClaim.

    The list ends at a page without items or with a cursor that does not move: some servers run in
    circles, and a cursor is all that is left of the pages before a crash.
    """
    with transaction.atomic():
        backfill = hold(Backfill.objects.filter(pk=backfill_id), claim.token)
        backfill.trouble = ""
        has_more = bool(page and page.has_more and page.last_id not in (None, backfill.after))
        if page:
            _record_history(backfill, claim, page, provider)
            backfill.after = page.last_id or backfill.after
        if not has_more:
            backfill.listed_at = claim.request_at
        _feed(backfill, claim)
        _give_back(backfill, claim, timedelta())


def _record_history(
    backfill: Backfill, claim: Claim, page: Page[Element], provider: Provider
) -> None:
    connection = Connection.objects.select_related("team").get(pk=backfill.connection_id)
    told = ListPage(page.items, page.skipped, claim.request_at, is_history=True)
    record_items(connection, told, provider)
    backfill.listed_count += len(page.items)


def record_trouble(backfill_id: int, claim: Claim, error: Exception) -> None:
    """A page could not be read or recorded; it is tried again after a minute."""
    with transaction.atomic():
        backfill = hold(Backfill.objects.filter(pk=backfill_id), claim.token)
        backfill.trouble = error.message if isinstance(error, ProviderError) else repr(error)[:500]
        _give_back(backfill, claim, AFTER_TROUBLE)


def feed(backfill_id: int, claim: Claim) -> None:
    """Makes the next jobs due, or ends the archive when none is left. Raises StaleClaim."""
    with transaction.atomic():
        backfill = hold(Backfill.objects.filter(pk=backfill_id), claim.token)
        if not has_list(backfill.connection):
            backfill.listed_at = backfill.listed_at or claim.request_at
        _feed(backfill, claim)
        _give_back(backfill, claim, BETWEEN_PORTIONS)


def _feed(backfill: Backfill, claim: Claim) -> None:
    unread = _unread(backfill.connection).filter(trouble_count__lt=TRIES)
    room = PORTION - unread.exclude(next_poll_at=None).count()
    waiting = unread.filter(next_poll_at=None).order_by("-created_at", "-pk")
    chosen = list(waiting.values_list("pk", flat=True)[: max(room, 0)])
    Job.objects.filter(pk__in=chosen).update(next_poll_at=claim.request_at)
    if backfill.listed_at and not unread.exists():
        backfill.state, backfill.finished_at = Backfill.State.DONE, claim.request_at
        touch_team(backfill.connection.team_id)


def _unread(connection: Connection) -> JobQuerySet:
    return Job.objects.filter(
        connection=connection, state__in=OVER, settled_at=None, archived_at=None
    )


def _give_back(backfill: Backfill, claim: Claim, pause: timedelta) -> None:
    backfill.lease_until = backfill.lease_token = None
    backfill.claims = 0
    backfill.next_step_at = claim.request_at + pause
    backfill.save()
