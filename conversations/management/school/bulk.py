"""Many rows of many tables, gathered and written a table at a time: by COPY on PostgreSQL, else by INSERT."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from django.db import connection, models, transaction
from django.db.models.fields import NOT_PROVIDED
from django.utils import timezone

# So many rows are gathered before they are written; they are all that is in memory.
GATHERED = 100_000


class Table:
    """The rows of one model that wait to be written, as lists in the order of its columns."""

    def __init__(self, model: type[models.Model]) -> None:
        self.name = model._meta.db_table
        self.fields = [
            field
            for field in model._meta.concrete_fields
            if not isinstance(field, models.AutoField | models.BigAutoField)
        ]
        self.places = {field.attname: place for place, field in enumerate(self.fields)}
        self.json = [place for place, field in enumerate(self.fields) if isinstance(field, models.JSONField)]
        # Ids and times that are made anew have no default here: the same seed must give the same school.
        self.defaults = [
            None if callable(made) and made not in {list, dict, NOT_PROVIDED} else field.get_default()
            for field in self.fields
            for made in [field.default]
        ]
        self.rows: list[list[Any]] = []

    def add(self, values: dict[str, Any]) -> None:
        """One more row; a name that is no column raises KeyError, one that is missing takes the field's default."""
        row = self.defaults.copy()
        for name, value in values.items():
            row[self.places[name]] = value
        for place in self.json:
            if not isinstance(row[place], str):
                row[place] = json.dumps(row[place])
        self.rows.append(row)

    def write(self) -> None:
        """Write what was gathered."""
        rows, self.rows = self.rows, []
        quote = connection.ops.quote_name
        columns = ", ".join(quote(str(field.column)) for field in self.fields)
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                with cursor.copy(f"COPY {quote(self.name)} ({columns}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
            else:
                marks = ", ".join(["%s"] * len(self.fields))
                cursor.executemany(
                    f"INSERT INTO {quote(self.name)} ({columns}) VALUES ({marks})",  # noqa: S608  names of our models
                    [self._prepared(row) for row in rows],
                )

    def _prepared(self, row: list[Any]) -> list[Any]:
        """The values as this database's driver takes them."""
        return [
            value if place in self.json else field.get_db_prep_save(value, connection)
            for place, (field, value) in enumerate(zip(self.fields, row, strict=True))
        ]


class Maker:
    """What all parts of the making share: chance from the seed, one clock, and the rows that wait to be written.

    Signals, `save` and validation are passed over: constraints are the database's.
    """

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)  # noqa: S311  nothing here is a secret
        self.now = timezone.now()
        self._tables: dict[type[models.Model], Table] = {}
        self._gathered = 0

    def key(self) -> uuid.UUID:
        """A key as the portal makes them, from the seed."""
        return uuid.UUID(int=self.rng.getrandbits(128), version=4)

    def add(self, model: type[models.Model], /, **values: Any) -> None:
        """One more row; foreign keys by their column, such as `session_id`."""
        table = self._tables.get(model)
        if table is None:
            table = self._tables[model] = Table(model)
        table.add(values)
        self._gathered += 1

    def write_if_many(self) -> None:
        """Write once enough is gathered; call it where rows that refer to each other are all there."""
        if self._gathered >= GATHERED:
            self.write()

    def write(self) -> None:
        """Write all that is gathered, in one transaction: keys may point ahead within it."""
        with transaction.atomic():
            for table in self._tables.values():
                if table.rows:
                    table.write()
        self._gathered = 0


@contextmanager
def searchable_afterwards(model: type[models.Model]) -> Iterator[None]:
    """Leave out the model's indexes of words while it is filled: made at once, they take a fraction of the time."""
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        yield
        return
    of_words = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexdef LIKE %s"
    with connection.cursor() as cursor:
        cursor.execute(of_words, [model._meta.db_table, "% USING gin %"])
        indexes = cursor.fetchall()
        for name, _definition in indexes:
            cursor.execute(f"DROP INDEX {connection.ops.quote_name(name)}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for _name, definition in indexes:
                cursor.execute(definition)
