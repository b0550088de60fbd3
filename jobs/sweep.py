"""Records a connection's list, page by page: discovers jobs and notices changes, cheaply.

An unchanged page costs one SELECT and two UPDATEs. What the list shows as changed is applied at
once and retrieved right after, because a retrieve is the truth about one job.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F

from jobs import schedule
from jobs.claims import POLL_LEASE, Claim, hold
from jobs.models import Connection, Job, Snapshot
from jobs.record import Sighting, apply, touch_team
from providers import wire
from providers.base import Provider
from providers.states import State

HISTORY_READ_AT_ONCE = (
    50  # ended jobs of a first sweep that are read in full; a backfill gets the rest
)


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page and when it was asked for. `offset`: jobs on the pages before it.

    `is_history`: read for the archive, which itself says when the jobs are read in full.
    """

    items: Sequence[wire.Element]
    skipped: int
    asked_at: datetime
    offset: int = 0
    is_history: bool = False


@dataclass(frozen=True, slots=True)
class _Seen:
    """The newest list snapshot of a job we know."""

    job_id: int
    snapshot_id: int
    fingerprint: str
    estimated_finish: datetime | None
    is_over: bool


def record_page(connection_id: int, claim: Claim, page: ListPage, provider: Provider) -> bool:
    """Writes one page; False when the rest is known, over and unchanged. Raises StaleClaim."""
    with transaction.atomic():
        connection = hold(
            Connection.objects.select_related("team").filter(pk=connection_id), claim.token
        )
        _renew(connection, page)
        is_quiet = record_items(connection, page, provider)
    return not is_quiet or schedule.wants_full_sweep(connection, claim.request_at)


def record_items(connection: Connection, page: ListPage, provider: Provider) -> bool:
    """Writes the jobs of one page; True when all are known, over and unchanged.

    Call it inside a transaction, with the row that is claimed for the list locked.
    """
    known = _newest(connection, page)
    changed = {item.id for item in page.items if not _is_same(item, known.get(item.id))}
    same = [known[item.id] for item in page.items if item.id not in changed]
    _note_unchanged(same, page.asked_at)
    for position, item in enumerate(page.items):
        if item.id in changed:
            _record_item(connection, item, page, page.offset + position, provider)
    if changed:
        touch_team(connection.team_id)
    return not changed and all(seen.is_over for seen in known.values())


def finish(connection_id: int, claim: Claim, *, is_full: bool) -> None:
    """Ends the sweep. A first sweep that reached the end of the list is where watching begins."""
    with transaction.atomic():
        connection = hold(Connection.objects.filter(pk=connection_id), claim.token)
        connection.last_sweep_at = claim.request_at
        if is_full:
            connection.last_full_sweep_at = claim.request_at
            connection.first_sweep_at = connection.first_sweep_at or claim.request_at
        _give_back(connection, claim)


def give_up(connection_id: int, claim: Claim) -> None:
    """Ends a sweep that went wrong; what it recorded stays. The connection's health says why."""
    with transaction.atomic():
        _give_back(hold(Connection.objects.filter(pk=connection_id), claim.token), claim)


def _give_back(connection: Connection, claim: Claim) -> None:
    connection.next_sweep_at = schedule.next_sweep(connection, claim.request_at)
    connection.lease_until = connection.lease_token = None
    connection.claims = 0
    connection.save(update_fields=_WRITTEN)


_WRITTEN = (
    *("next_sweep_at", "lease_until", "lease_token", "claims", "last_sweep_at"),
    *("last_full_sweep_at", "first_sweep_at"),
)


def _renew(connection: Connection, page: ListPage) -> None:
    connection.lease_until = page.asked_at + POLL_LEASE
    connection.unreadable_count = page.skipped
    connection.save(update_fields=["lease_until", "unreadable_count"])


def _newest(connection: Connection, page: ListPage) -> dict[str, _Seen]:
    rows = Snapshot.objects.filter(
        job__connection=connection,
        job__provider_id__in=[item.id for item in page.items],
        source=Snapshot.Source.LIST,
        is_newest=True,
    ).values_list(
        "job__provider_id",
        "job_id",
        "id",
        "fingerprint",
        "job__estimated_finish",
        "job__state",
    )
    return {
        name: _Seen(job_id, snapshot_id, fingerprint, estimate, is_over=State(state).is_over)
        for name, job_id, snapshot_id, fingerprint, estimate, state in rows
    }


def _is_same(item: wire.Element, seen: _Seen | None) -> bool:
    return (
        seen is not None
        and seen.fingerprint == item.fingerprint
        and seen.estimated_finish == item.estimated_finish
    )


def _note_unchanged(seen: list[_Seen], now: datetime) -> None:
    Snapshot.objects.filter(pk__in=[row.snapshot_id for row in seen]).update(
        last_seen_at=now, seen_count=F("seen_count") + 1
    )
    Job.objects.filter(pk__in=[row.job_id for row in seen]).update(last_seen_at=now)


def _record_item(
    connection: Connection, item: wire.Element, page: ListPage, position: int, provider: Provider
) -> None:
    read = provider.read_job(item)
    if isinstance(read, wire.Invalid):
        return
    job, is_new = Job.objects.select_for_update().get_or_create(
        connection=connection,
        provider_id=item.id,
        defaults={"team_id": connection.team_id, "first_seen_at": page.asked_at},
    )
    job.connection = connection
    if not apply(job, Sighting(item, read, Snapshot.Source.LIST, page.asked_at)):
        return
    is_deep = connection.first_sweep_at is None and position >= HISTORY_READ_AT_ONCE
    can_wait = is_new and job.is_over and (page.is_history or is_deep)
    if not job.is_settled and not can_wait:
        job.next_poll_at = page.asked_at
    job.save()
