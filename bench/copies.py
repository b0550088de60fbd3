"""Gives an account of the stub the history of another one, row for row.

What the ordinary way writes for 2,000 jobs in seconds takes it minutes for 100,000. The rows are
equal but for the name of the account, and for the fingerprints of what the provider said, which
follow from it.
"""

from collections.abc import Callable
from typing import Any

import orjson
from django.db import connection as database
from django.db import models, transaction

from bench.ours import a_connection
from jobs.models import (
    Checkpoint,
    Connection,
    Estimate,
    Event,
    File,
    Job,
    Point,
    Snapshot,
    Transition,
)
from providers import wire

OF_JOB: tuple[type[models.Model], ...] = (Transition, Estimate, Event, Point, Checkpoint)
WATCHED = (
    *("first_sweep_at", "last_sweep_at", "last_full_sweep_at", "next_sweep_at", "refused"),
    *("health", "health_since", "good_count", "last_poll_at", "last_good_at", "poll_interval_s"),
)

Row = dict[str, Any]  # column -> value as the database holds it


def copy_connection(source: Connection, account: str, base_url: str) -> None:
    """A connection to `account` that knows of it what `source` knows of its own account."""
    facts = {name: getattr(source, name) for name in WATCHED}
    with transaction.atomic():
        copy = a_connection(account, base_url, **facts)
        ahead = Job.objects.aggregate(top=models.Max("pk"))["top"]

        def moved(row: Row) -> Row:
            texts = {name: _renamed(value, source.slug, account) for name, value in row.items()}
            keys = {"connection_id": copy.pk, "job_id": row.get("job_id", 0) + ahead}
            return {**texts, **{name: key for name, key in keys.items() if name in row}}

        fresh_id = Job._meta.get_field("public_id").get_default  # noqa: SLF001 - Django's public way to it
        jobs = Job.objects.filter(connection=source)
        _copy(Job, jobs, lambda row: {**moved(row), "public_id": fresh_id().hex}, ahead)
        _copy(File, File.objects.filter(connection=source), moved)
        said = Snapshot.objects.filter(job__connection=source)
        _copy(Snapshot, said, lambda row: _with_fingerprint(moved(row)))
        for model in OF_JOB:
            rows = model._default_manager.filter(job__connection=source)  # noqa: SLF001 - documented by Django for this
            _copy(model, rows, moved)


def _copy(
    model: type[models.Model],
    rows: "models.QuerySet[Any]",
    change: Callable[[Row], Row],
    ahead: int | None = None,
) -> None:
    """`ahead`: what is added to the keys; None: the database gives new ones."""
    meta = model._meta  # noqa: SLF001 - Django's public way to it
    names = [field.column for field in meta.concrete_fields if not field.generated]
    listed = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join(["%s"] * len(names))
    wanted = rows.order_by().values("pk").query
    with database.cursor() as cursor:
        sql, parameters = wanted.sql_with_params()
        cursor.execute(f'SELECT {listed} FROM "{meta.db_table}" WHERE id IN ({sql})', parameters)
        found = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
        new = [{**change(row), "id": row["id"] + ahead if ahead else None} for row in found]
        values = [tuple(row[name] for name in names) for row in new]
        cursor.executemany(f'INSERT INTO "{meta.db_table}" ({listed}) VALUES ({marks})', values)


def _renamed(value: object, old: str, new: str) -> object:
    return value.replace(old, new) if isinstance(value, str) else value


def _with_fingerprint(row: Row) -> Row:
    element = wire.read_element(orjson.loads(row["body"]))
    assert not isinstance(element, wire.Invalid)
    return {**row, "fingerprint": element.fingerprint}
