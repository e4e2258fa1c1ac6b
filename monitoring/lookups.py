"""`field__among=keys`: one of these keys, as `in` says it, in one parameter however many keys there are."""

import json
from collections.abc import Collection
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, Lookup, UUIDField
from django.db.models.sql.compiler import SQLCompiler


@CharField.register_lookup
@UUIDField.register_lookup
class Among(Lookup):
    """For what a process asks every second about all its sockets: Django and psycopg look at each parameter.

    The keys must have no spaces. No keys find nothing.
    """

    lookup_name = "among"
    prepare_rhs = False
    rhs: Collection[Any]

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        """The condition and its parameters."""
        column, values = self.process_lhs(compiler, connection)
        field = self.lhs.output_field
        if connection.vendor == "postgresql":
            keys = f"string_to_array(%s, ' ')::{field.db_type(connection)}[]"
            return f"{column} = ANY({keys})", (*values, " ".join(map(str, self.rhs)))
        keys = json.dumps([str(field.get_db_prep_value(key, connection)) for key in self.rhs])
        return f"{column} IN (SELECT value FROM json_each(%s))", (*values, keys)  # noqa: S608  (a column's name)
