"""What people do to connections and jobs here: add, pause, archive, remove. Nothing at the provider."""

import re
from collections.abc import Collection
from typing import Any

from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import QuerySet

from accounts.models import Team
from jobs import labels, manners, searching, totals
from jobs.claims import database_now
from jobs.models import Backfill, Catalog, Connection, Job
from jobs.record import touch_team

TRIES = 3
PROVIDER_ID = re.compile(r"^[A-Za-z0-9_-]{1,128}$")


def add_job(connection: Connection, provider_id: str) -> tuple[Job, bool]:
    """The job with this id at the connection, and whether it is new to us. It is polled at once.

    Raises ValueError for what cannot be a job id.
    """
    provider_id = provider_id.strip()
    if not PROVIDER_ID.match(provider_id):
        raise ValueError("A job id has 1 to 128 letters, digits, hyphens or underscores.")
    with transaction.atomic():
        job, is_new = Job.objects.get_or_create(
            connection=connection,
            provider_id=provider_id,
            defaults={"team_id": connection.team_id},
        )
        job.is_tracked_by_id, job.archived_at, job.next_poll_at = True, None, database_now()
        job.save(update_fields=["is_tracked_by_id", "archived_at", "next_poll_at"])
        if is_new:
            searching.refresh([job.pk])
        touch_team(connection.team_id)
    return job, is_new


def set_paused(target: Job | Connection, is_paused: bool) -> None:
    _write(target, is_paused=is_paused)
    if not is_paused:
        _begin_again(target)


def archive(target: Job | Connection) -> None:
    """Takes it out of lists and polling; everything that was recorded stays."""
    _write(target, archived_at=database_now())


def restore(target: Job | Connection) -> None:
    _write(target, archived_at=None)
    _begin_again(target)


def archive_all(team: Team, job_ids: Collection[int]) -> int:
    """Archives those of the team's jobs that are not; how many they were."""
    with transaction.atomic():
        held = _lock_jobs(team, job_ids, archived_at=None)
        Job.objects.filter(pk__among=held).update(archived_at=database_now())
        touch_team(team.pk)
    return len(held)


def restore_all(team: Team, job_ids: Collection[int]) -> int:
    """Takes those of the team's jobs back that are archived; how many they were."""
    with transaction.atomic():
        held = _lock_jobs(team, job_ids, archived_at__isnull=False)
        jobs, now = Job.objects.filter(pk__among=held), database_now()
        jobs.update(archived_at=None)
        jobs.filter(next_poll_at__lt=now).update(next_poll_at=now)
        touch_team(team.pk)
    return len(held)


def _lock_jobs(team: Team, job_ids: Collection[int], **facts: object) -> list[int]:
    """In the order of their keys, as everybody locks them."""
    jobs = Job.objects.for_team(team).filter(pk__among=job_ids, **facts).order_by("pk")
    return list(jobs.select_for_update(no_key=True).values_list("pk", flat=True))


def _begin_again(target: Job | Connection) -> None:
    """What was not watched meanwhile is due from now on, and not late since then."""
    now = database_now()
    jobs = Job.objects.filter(pk=target.pk) if isinstance(target, Job) else target.jobs.all()
    jobs.filter(next_poll_at__lt=now).update(next_poll_at=now)
    if isinstance(target, Connection):
        Connection.objects.filter(pk=target.pk, next_sweep_at__lt=now).update(next_sweep_at=now)


def forget_manners(connection: Connection) -> None:
    """Another key, address or cap: what was said to the one before no longer counts."""
    _write(
        connection,
        refused={},
        limit_requests=None,
        remaining_requests=None,
        limit_resets_at=None,
        limits_said_at=None,
        paced_until=None,
    )


def remove(target: Job | Connection) -> None:
    """Deletes it and all that was recorded under it, for good."""
    for tries_left in reversed(range(TRIES)):
        try:
            with transaction.atomic():
                _remove(target)
        except (IntegrityError, OperationalError):
            # Something was recorded under it meanwhile, after its rows were counted.
            if not tries_left:
                raise
        else:
            return


def _remove(target: Job | Connection) -> None:
    rows = type(target).objects.filter(pk=target.pk)
    _wait_for_writers(target)
    if isinstance(target, Connection):
        totals.keep(target)
    rows.delete()
    if connection.vendor == "postgresql":  # else a row that came too late is noticed at the end
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    labels.gather(target.team_id)


def _wait_for_writers(target: Job | Connection) -> None:
    """Locks what is removed in the order in which it is written, so that nobody waits in a circle."""
    if isinstance(target, Job):
        _lock(Job.objects.filter(pk=target.pk))
        return
    _lock(Connection.objects.filter(pk=target.pk))
    _lock(Backfill.objects.filter(connection=target))
    _lock(Catalog.objects.filter(connection=target))
    _lock(Job.objects.filter(connection=target).order_by("pk"))


def _lock(rows: QuerySet[Any]) -> None:
    list(rows.select_for_update(no_key=True).values_list("pk"))


def poll_now(target: Job | Connection) -> None:
    """Makes it due at once, whatever the provider asked us to wait for, and what it refused.

    Our own pace is kept: a cap that a button could lift would be none.
    """
    now = database_now()
    if isinstance(target, Job):
        Connection.objects.filter(pk=target.connection_id).update(wait_until=None)
        _write(target, next_poll_at=now)
    else:
        Catalog.objects.filter(connection=target).update(next_read_at=now)
        refused = manners.asked_again(target.refused)
        _write(target, next_sweep_at=now, wait_until=None, refused=refused)


def _write(target: Job | Connection, **columns: object) -> None:
    with transaction.atomic():
        type(target).objects.filter(pk=target.pk).update(**columns)
        for name, value in columns.items():
            setattr(target, name, value)
        touch_team(target.team_id)
