"""Leases and fencing tokens: who may work on which row now.

A claim is one short transaction: choose free, due rows, skipping those another worker holds, and
write a lease and a fresh token into them. Every later write names the token; when the row no longer
carries it, somebody else owns the row and the result is dropped. SQLite has one writer at a time
(transactions begin IMMEDIATE), PostgreSQL skips locked rows. All times are the database's.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from django.db import connection, models, transaction
from django.db.models import F, Q

from jobs.models.lease import Leased

POLL_LEASE = timedelta(seconds=120)

L = TypeVar("L", bound=Leased)


class StaleClaim(Exception):
    """Another worker owns the row now; what this one found out is dropped."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on some rows. `request_at`: the database's time when it was given."""

    token: uuid.UUID
    request_at: datetime


def database_now() -> datetime:
    """The database's clock, aware and in UTC; a worker's own clock decides nothing."""
    is_postgres = connection.vendor == "postgresql"
    sql = (
        "SELECT clock_timestamp()" if is_postgres else "SELECT strftime('%Y-%m-%dT%H:%M:%f','now')"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql)
        value = cursor.fetchone()[0]
    return value if is_postgres else datetime.fromisoformat(value).replace(tzinfo=UTC)


def claim(
    due: models.QuerySet[L], limit: int, lease: timedelta = POLL_LEASE, *, is_begun: bool = True
) -> tuple[Claim, list[L]]:
    """Up to `limit` rows of `due` that nobody holds, now held under one new token.

    `is_begun` False: the rows wait in a queue first, and `begin` counts the work on them. A worker
    that is killed must not make rows look poisonous that it never came to.
    """
    with transaction.atomic():
        taken = Claim(uuid.uuid4(), database_now())
        rows = list(
            due.filter(free_at(taken.request_at, lease)).select_for_update(
                skip_locked=True, of=("self",)
            )[:limit]
        )
        rows_of = due.model._default_manager  # noqa: SLF001 - documented by Django for this
        rows_of.filter(pk__in=[row.pk for row in rows]).update(
            lease_until=taken.request_at + lease,
            lease_token=taken.token,
            claims=F("claims") + int(is_begun),
        )
    for row in rows:
        row.claims += int(is_begun)
    return taken, rows


def begin(rows: models.QuerySet[L]) -> None:
    """Counts the work that begins now: before it, so that a death in it is seen."""
    rows.update(claims=F("claims") + 1)


def free_at(now: datetime, lease: timedelta) -> Q:
    """Never leased, run out, or leased further ahead than any lease goes: by a clock set back."""
    return Q(lease_until=None) | Q(lease_until__lt=now) | Q(lease_until__gt=now + 2 * lease)


def hold(rows: models.QuerySet[L], token: uuid.UUID) -> L:
    """The row under `token`, locked until the transaction ends. Raises StaleClaim.

    Without its key: a list holds its connection and wants jobs, while an answer holds a job and
    its new rows name the connection; that must not make one wait for the other.
    """
    held = rows.select_for_update(no_key=True, of=("self",)).filter(lease_token=token).first()
    if held is None:
        raise StaleClaim
    (held,) = remember([held])
    return held


def hold_all(rows: models.QuerySet[L], token: uuid.UUID) -> list[L]:
    """Those of `rows` that are under `token`, locked in the order of their keys."""
    held = rows.select_for_update(no_key=True, of=("self",)).filter(lease_token=token)
    return remember(held.order_by("pk"))


def remember(rows: Iterable[L]) -> list[L]:
    """The rows, locked by the caller, which now know what was found in them."""
    found = list(rows)
    for row in found:
        row.as_held = dict(row.__dict__)
    return found


def save_changes(row: Leased) -> None:
    """Writes the columns that differ from what was found: a job has sixty, most polls move six."""
    row.save(update_fields=_changed(row))


def save_all_changes(rows: Sequence[Leased]) -> None:
    """The same for many rows of one table, with one statement that is prepared once.

    The ORM builds an expression for every value of such an update: five times the work.
    """
    names = {name for row in rows for name in _changed(row)}
    if not names:
        return
    fields = [field for field in _fields(type(rows[0])) if field.attname in names]
    table = rows[0]._meta.db_table  # noqa: SLF001 - Django's public way to it
    columns = ", ".join(f'"{field.column}" = %s' for field in fields)
    values = [
        (*(f.get_db_prep_save(getattr(row, f.attname), connection) for f in fields), row.pk)
        for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(f'UPDATE "{table}" SET {columns} WHERE id = %s', values)  # noqa: S608 - names of columns only


def _changed(row: Leased) -> list[str]:
    """Names of columns, of those that were loaded."""
    held, now = row.as_held, row.__dict__
    return [
        name
        for name in _names(type(row))
        if name in now and (name not in held or held[name] != now[name])
    ]


@cache
def _names(model: type[Leased]) -> tuple[str, ...]:
    return tuple(field.attname for field in _fields(model))


@cache
def _fields(model: type[Leased]) -> "tuple[models.Field[Any, Any], ...]":
    return tuple(f for f in model._meta.concrete_fields if not f.generated)  # noqa: SLF001 - as above


def release(rows: models.QuerySet[L], token: uuid.UUID, *, was_begun: bool = True) -> None:
    """Gives rows back as they were; a claim that did nothing does not count as one."""
    rows.filter(lease_token=token).update(
        lease_until=None, lease_token=None, claims=F("claims") - int(was_begun)
    )
