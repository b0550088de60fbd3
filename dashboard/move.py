"""Moves everything to another database, table by table through the models.

Django's `dumpdata` and `loaddata` were measured first, with 10,000 jobs (450,000 rows) to PostgreSQL: 375 s
of CPU time, against 45 s here with every row compared. They also stop with a stack trace at the first
value that SQLite let pass and PostgreSQL refuses, and know neither a target in use nor a source at work.
"""

import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

import environ as django_environ
from django.apps import apps
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connections, models, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from dashboard.models import BUSY_PATIENCE, IDLE_PATIENCE, Heartbeat
from jobs.claims import database_now

MADE_BY_MIGRATE = {"auth", "contenttypes"}  # their rows differ by installation; ours point at none
READ_AT_ONCE = 50  # rows; one result file may have megabytes
BATCH_ROWS = 1000
BATCH_CHARS = 4_000_000
SHOWN = 20
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

if TYPE_CHECKING:  # generic for the type checker only
    Column = models.Field[Any, Any]
Row = models.Model


class CannotMove(Exception):
    """Nothing was moved; the text says why."""


@dataclass(slots=True)
class Sum:
    """What a table holds, whatever the order of its rows: their number and the sum of their hashes."""

    rows: int = 0
    hashes: int = 0

    def add(self, row: Row) -> None:
        text = repr([canonical(column, value) for column, value in values_of(row)])
        digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
        self.rows += 1
        self.hashes = (self.hashes + int.from_bytes(digest)) % 2**128


@dataclass(slots=True)
class Route:
    """From one database alias to another. `advance` is told how many rows were written."""

    source: str
    target: str
    advance: Callable[[int], object] = lambda _rows: None
    misfits: list[str] = field(default_factory=list)


def configuration(url: str) -> dict[str, Any]:
    """Django's settings of the database at `url`, without the time limits of daily work."""
    config: dict[str, Any] = dict(django_environ.Env.db_url_config(url))
    if config["ENGINE"].endswith("postgresql"):
        config["OPTIONS"] = {"connect_timeout": 10, **config.get("OPTIONS", {})}
    return config


def tables() -> list[type[Row]]:
    """Every model whose rows are moved, each behind those its rows point at."""
    ours = {
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and model._meta.app_label not in MADE_BY_MIGRATE  # noqa: SLF001 - as below
    }
    parents = {model: (_pointed_at(model) - {model}) & ours for model in ours}
    return list(TopologicalSorter(parents).static_order())


def table_of(model: type[Row]) -> str:
    return model._meta.db_table  # noqa: SLF001 - Django's public way to its tables


def rows_of(model: type[Row], alias: str) -> models.QuerySet[Row]:
    """All of them, whatever the model's own manager would leave out."""
    return model._base_manager.using(alias).order_by()  # noqa: SLF001 - documented by Django for this


def _pointed_at(model: type[Row]) -> set[Any]:
    return {column.related_model for column in columns_of(model) if column.is_relation}


@cache
def columns_of(model: type[Row]) -> "list[Column]":
    return [f for f in model._meta.concrete_fields if not f.generated]  # noqa: SLF001 - Django's public way to its fields


def values_of(row: Row) -> "Iterator[tuple[Column, Any]]":
    return ((column, getattr(row, column.attname)) for column in columns_of(type(row)))


def canonical(column: "Column", value: Any) -> object:  # noqa: ANN401 - whatever a column holds
    """One and the same object for what two databases return for one value."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(column, models.JSONField):
        return _same_json(value)
    if value and isinstance(column, models.GenericIPAddressField):
        return ipaddress.ip_address(value)
    return value


def _same_json(value: object) -> object:
    """PostgreSQL keeps no order of members and writes 1e23 as an integer."""
    if isinstance(value, dict):
        return sorted((name, _same_json(inner)) for name, inner in value.items())
    if isinstance(value, list):
        return [_same_json(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) < 10**308 else value
    return value


def check_source(alias: str) -> None:
    """Raises CannotMove unless all migrations are applied and nobody has been at work lately."""
    executor = MigrationExecutor(connections[alias])
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CannotMove("the database in use lacks migrations; run `manage.py prepare` first")
    now = database_now()
    for note in Heartbeat.objects.using(alias).order_by("-at"):
        if note.is_late(now):
            continue
        patience = BUSY_PATIENCE if note.is_busy else IDLE_PATIENCE
        wait_s = (note.at + patience - now).total_seconds()
        raise CannotMove(
            f"TuneBell is at work on the database in use (last sign of life: {note.display_name}). "
            f"Stop all of it; this command can run {wait_s:.0f} s after that"
        )


def check_target(alias: str) -> None:
    """Raises CannotMove unless the target holds nothing: no row of ours, no table of anybody else's."""
    target = connections[alias]
    existing = set(target.introspection.table_names())
    managed = set(map(table_of, apps.get_models(include_auto_created=True)))
    if foreign := existing - managed - {table_of(MigrationRecorder.Migration)}:
        raise CannotMove(f"the target holds tables of something else: {', '.join(sorted(foreign))}")
    for model in tables():
        if table_of(model) in existing and rows_of(model, alias).exists():
            raise CannotMove(f"the target is not empty: {table_of(model)} has rows")
    if target.vendor == "postgresql":
        with target.cursor() as cursor:
            cursor.execute("SHOW server_encoding")
            if (encoding := cursor.fetchone()[0]) != "UTF8":
                raise CannotMove(f"the target's encoding is {encoding}; it must be UTF8")


def is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    names = ("ENGINE", "NAME", "HOST", "PORT")
    return all(str(one.get(name) or "") == str(other.get(name) or "") for name in names)


def create_tables(alias: str) -> None:
    call_command("migrate", database=alias, interactive=False, verbosity=0)


def count(alias: str) -> int:
    return sum(rows_of(model, alias).count() for model in tables())


def copy(route: Route) -> int:
    """Copies all rows and returns their number. Raises CannotMove or django.db.Error.

    The target is written in one transaction, so it holds everything or nothing, however this ends.
    Nobody can write to the source meanwhile, so nothing is left behind.
    """
    with transaction.atomic(using=route.source), transaction.atomic(using=route.target):
        _keep_writers_out(route.source)
        sums = {model: _copy_table(model, route) for model in tables()}
        if route.misfits:
            raise CannotMove(_told(route.misfits))
        _continue_ids(route.target)
        for model, expected in sums.items():
            _verify(model, expected, route.target)
    return sum(one.rows for one in sums.values())


def _keep_writers_out(alias: str) -> None:
    """A transaction on SQLite begins IMMEDIATE, which is enough there."""
    source = connections[alias]
    if source.vendor != "postgresql":
        return
    quote = source.ops.quote_name
    names = ", ".join(quote(table_of(model)) for model in tables())
    with source.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {names} IN SHARE MODE")


def _copy_table(model: type[Row], route: Route) -> Sum:
    total = Sum()
    for batch in _batches(_read(model, route.source)):
        for row in batch:
            total.add(row)
            route.misfits += misfits_of(row, route.target)
        if not route.misfits:
            rows_of(model, route.target).bulk_create(batch)
        route.advance(len(batch))
    # References are checked table by table: kept until the commit, the server would queue one check a row.
    connections[route.target].check_constraints([table_of(model)])
    return total


def _read(model: type[Row], alias: str) -> Iterator[Row]:
    return rows_of(model, alias).iterator(chunk_size=READ_AT_ONCE)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Bounded in rows and in characters, so that big rows need no more memory than small ones."""
    batch: list[Row] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += sum(len(value) for _, value in values_of(row) if isinstance(value, str | bytes))
        if len(batch) == BATCH_ROWS or size >= BATCH_CHARS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def misfits_of(row: Row, alias: str) -> list[str]:
    """What the target would refuse of this row: SQLite knows neither widths nor ranges."""
    if connections[alias].vendor == "sqlite":
        return []
    table = table_of(type(row))
    return [
        f"{table} row {row.pk}, column {column.column}: {reason}"
        for column, value in values_of(row)
        if (reason := _misfit(column, value, alias))
    ]


def _misfit(column: "Column", value: Any, alias: str) -> str:  # noqa: ANN401 - whatever a column holds
    if isinstance(column, models.JSONField):
        return "holds a character that cannot be stored" if _has_unstorable(value) else ""
    if isinstance(value, str):
        return _text_misfit(column, value)
    if isinstance(column, models.IntegerField) and value is not None:
        low, high = connections[alias].ops.integer_field_range(column.get_internal_type())
        if not (low is None or low <= value) or not (high is None or value <= high):
            return f"{value} is not between {low} and {high}"
    return ""


def _text_misfit(column: "Column", value: str) -> str:
    if UNSTORABLE.search(value):
        return "holds a character that cannot be stored"
    if isinstance(column, models.CharField) and len(value) > (column.max_length or len(value)):
        return f"has {len(value)} characters, {column.max_length} fit"
    return ""


def _has_unstorable(value: object) -> bool:
    if isinstance(value, str):
        return bool(UNSTORABLE.search(value))
    if isinstance(value, dict):
        return any(_has_unstorable(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(map(_has_unstorable, value))


def _told(misfits: list[str]) -> str:
    more = f"\n... and {len(misfits) - SHOWN} more" if len(misfits) > SHOWN else ""
    return "the target cannot hold these values:\n" + "\n".join(misfits[:SHOWN]) + more


def _continue_ids(alias: str) -> None:
    """New rows get ids behind those that were copied."""
    with connections[alias].cursor() as cursor:
        for sql in connections[alias].ops.sequence_reset_sql(no_style(), tables()):
            cursor.execute(sql)


def _verify(model: type[Row], expected: Sum, alias: str) -> None:
    found = Sum()
    for row in _read(model, alias):
        found.add(row)
    name = table_of(model)
    if found.rows != expected.rows:
        raise CannotMove(f"{name}: {expected.rows} rows were read, {found.rows} arrived")
    if found != expected:
        raise CannotMove(f"{name}: what arrived differs from what was read")
