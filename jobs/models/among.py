"""The lookup `among`: like `in`, with the whole list as one parameter.

Django and the driver spend 10 us on each parameter of an `in`; a sweep compares a hundred jobs at a
time, and this was half of its work.
"""

from typing import TYPE_CHECKING, Any

import orjson
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Lookup
from django.db.models.sql.compiler import SQLCompiler

Sql = tuple[str, list[Any]]

if TYPE_CHECKING:
    AnyLookup = Lookup[Any]
else:
    AnyLookup = Lookup


@Field.register_lookup
class Among(AnyLookup):
    """For numbers and texts: `pk__among=[1, 2]`, `provider_id__among=names`."""

    lookup_name = "among"

    def get_prep_lookup(self) -> list[Any]:
        return list(self.rhs)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        column, parameters = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s)", [*parameters, self.rhs]

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        column, parameters = self.process_lhs(compiler, connection)
        listed = orjson.dumps(self.rhs).decode()
        return f"{column} IN (SELECT value FROM json_each(%s))", [*parameters, listed]  # noqa: S608 - a column's name only
