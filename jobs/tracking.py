"""What people do to connections and jobs here: add, pause, archive, remove. Nothing at the provider."""

import re

from django.db import transaction

from jobs.claims import database_now
from jobs.models import Connection, Job
from jobs.record import touch_team

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
        touch_team(connection.team_id)
    return job, is_new


def set_paused(target: Job | Connection, is_paused: bool) -> None:
    _write(target, is_paused=is_paused)


def archive(target: Job | Connection) -> None:
    """Takes it out of lists and polling; everything that was recorded stays."""
    _write(target, archived_at=database_now())


def restore(target: Job | Connection) -> None:
    _write(target, archived_at=None)


def remove(target: Job | Connection) -> None:
    """Deletes it and all that was recorded under it, for good."""
    with transaction.atomic():
        team_id = target.team_id
        target.delete()
        touch_team(team_id)


def poll_now(target: Job | Connection) -> None:
    """Makes it due at once, whatever the provider asked us to wait for."""
    now = database_now()
    if isinstance(target, Job):
        Connection.objects.filter(pk=target.connection_id).update(wait_until=None)
        _write(target, next_poll_at=now)
    else:
        _write(target, next_sweep_at=now, wait_until=None)


def _write(target: Job | Connection, **columns: object) -> None:
    with transaction.atomic():
        type(target).objects.filter(pk=target.pk).update(**columns)
        for name, value in columns.items():
            setattr(target, name, value)
        touch_team(target.team_id)
