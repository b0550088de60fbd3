"""Records a connection's list, page by page: discovers jobs and notices changes, cheaply.

An unchanged page costs one SELECT and two UPDATEs, a changed one a fixed number of statements more.
What the list shows as changed is applied at once and retrieved right after, because a retrieve is
the truth about one job.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from jobs import costing, schedule, searching
from jobs.claims import POLL_LEASE, Claim, hold, remember, save_all_changes, save_changes
from jobs.models import Connection, Job, Snapshot
from jobs.record import (
    History,
    Newest,
    Sighting,
    note,
    note_seen_again,
    touch_team,
)
from providers import wire
from providers.base import Provider
from providers.states import State

HISTORY_READ_AT_ONCE = (
    50  # ended jobs of a first sweep that are read in full; a backfill gets the rest
)
# What a page needs of its connection: a quarter of the columns, in half of the time.
_READ = (
    *("team_id", "dialect", "refused", "poll_interval_s", "created_at", "unreadable_count"),
    *("first_sweep_at", "last_full_sweep_at", "lease_until", "lease_token"),
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


@dataclass(frozen=True, slots=True)
class _Item:
    """A new or changed job of a page. `position`: jobs listed before it."""

    element: wire.Element
    job: wire.Job
    position: int


def record_page(connection_id: int, claim: Claim, page: ListPage, provider: Provider) -> bool:
    """Writes one page; False when the rest is known, over and unchanged. Raises StaleClaim."""
    with transaction.atomic():
        held = Connection.objects.only(*_READ).filter(pk=connection_id)
        connection = hold(held, claim.token)
        _renew(connection, page)
        is_quiet = record_items(connection, page, provider)
    return not is_quiet or schedule.wants_full_sweep(connection, claim.request_at)


def record_items(connection: Connection, page: ListPage, provider: Provider) -> bool:
    """Writes the jobs of one page; True when all are known, over and unchanged.

    Call it inside a transaction, with the row that is claimed for the list locked.
    """
    known = _newest(connection, page)
    same = [known[item.id] for item in page.items if _is_same(item, known.get(item.id))]
    changed = _changed(page, known, provider)
    _note_unchanged(same, page.asked_at)
    if changed:
        _record_changed(connection, page, changed, known)
        touch_team(connection.team_id)
    return len(same) == len(page.items) and all(seen.is_over for seen in known.values())


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
    connection.unreadable_count = page.skipped
    if connection.lease_until is None or connection.lease_until < page.asked_at + POLL_LEASE / 2:
        connection.lease_until = page.asked_at + POLL_LEASE
    save_changes(connection)


def _newest(connection: Connection, page: ListPage) -> dict[str, _Seen]:
    rows = Snapshot.objects.filter(
        job__connection=connection,
        job__provider_id__among=[item.id for item in page.items],
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
    if seen:
        note_seen_again([row.snapshot_id for row in seen], now)
        Job.objects.filter(pk__among=[row.job_id for row in seen]).update(last_seen_at=now)


def _changed(page: ListPage, known: Mapping[str, _Seen], provider: Provider) -> dict[str, _Item]:
    """The jobs that are new or changed and can be read, by id; the first where one comes twice."""
    found: dict[str, _Item] = {}
    for position, item in enumerate(page.items, page.offset):
        if item.id not in found and not _is_same(item, known.get(item.id)):
            read = provider.read_job(item)
            if not isinstance(read, wire.Invalid):
                found[item.id] = _Item(item, read, position)
    return found


def _record_changed(
    connection: Connection,
    page: ListPage,
    items: Mapping[str, _Item],
    known: Mapping[str, _Seen],
) -> None:
    new = _create_missing(connection, page, items.keys() - known.keys())
    jobs = Job.objects.select_for_update(no_key=True).filter(
        connection=connection, provider_id__among=items
    )
    found = {job.pk: job for job in remember(jobs.order_by("pk"))}
    newest = {seen.job_id: Newest(seen.snapshot_id, seen.fingerprint) for seen in known.values()}
    history = History(newest, page.asked_at)
    applied = []
    for job in found.values():
        item = items[job.provider_id]
        job.connection = connection
        if note(
            history, job, Sighting(item.element, item.job, Snapshot.Source.LIST, page.asked_at)
        ):
            _plan_retrieve(job, page, item.position, is_new=job.provider_id in new)
            applied.append(job)
    history.write()
    costing.refresh(applied, page.asked_at)
    save_all_changes(applied)
    searching.refresh([job.pk for job in applied if searching.is_outdated(job)])


def _create_missing(connection: Connection, page: ListPage, names: set[str]) -> set[str]:
    """Bare rows for jobs that are new to us; their names. Somebody may add one by its id meanwhile."""
    there = Job.objects.filter(connection=connection, provider_id__among=names)
    new = names - set(there.values_list("provider_id", flat=True))
    Job.objects.bulk_create(
        [
            Job(
                connection=connection,
                team_id=connection.team_id,
                provider_id=item.id,
                first_seen_at=page.asked_at,
            )
            for item in reversed(page.items)  # so that newer jobs get higher numbers
            if item.id in new
        ],
        ignore_conflicts=True,
    )
    return new


def _plan_retrieve(job: Job, page: ListPage, position: int, *, is_new: bool) -> None:
    is_deep = job.connection.first_sweep_at is None and position >= HISTORY_READ_AT_ONCE
    can_wait = is_new and job.is_over and (page.is_history or is_deep)
    if not job.is_settled and not can_wait:
        job.next_poll_at = page.asked_at
