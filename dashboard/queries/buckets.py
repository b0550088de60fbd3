"""A moment as the number of its span since a start, counted in the database, on either engine."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Func, IntegerField
from django.db.models.sql.compiler import SQLCompiler


class Bucket(Func):
    """0 for the first `span_s` seconds after `start_s` (unix seconds), 1 for the next; null for null.

    Django's own Trunc calls back into Python for each row on SQLite.
    """

    output_field = IntegerField()

    def __init__(self, moment: str, start_s: int, span_s: int) -> None:
        super().__init__(moment, start_s=int(start_s), span_s=int(span_s))

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: str
    ) -> tuple[str, Any]:
        # Doubled twice: once for this template, once for the parameters of the whole statement.
        seconds = "CAST(strftime('%%%%s', %(expressions)s) AS INTEGER)"
        template = f"(({seconds} - %(start_s)s) / %(span_s)s)"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: str
    ) -> tuple[str, Any]:
        seconds = "extract(epoch from %(expressions)s)"
        template = f"floor(({seconds} - %(start_s)s) / %(span_s)s)::int"
        return self.as_sql(compiler, connection, template=template, **context)
