"""Statements that are written once: Django's compiler costs several times what running a small statement does.

For the path of a message alone, which is measured in bench/; everywhere else the ORM's own calls are the right ones.
"""

import inspect
import threading
import uuid
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Field, Model, QuerySet


class Select:
    """A query that Django compiles once in each thread and runs with other arguments each time.

    `build` takes uuids, which it uses as values in filters, and returns a `values_list` queryset.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Any]]) -> None:
        self._build = build
        self._arity = len(inspect.signature(build).parameters)
        # A compiler belongs to its thread's connection.
        self._compiled = threading.local()

    def __call__(self, *arguments: uuid.UUID) -> list[tuple[Any, ...]]:
        """The rows for these arguments."""
        if not hasattr(self._compiled, "statement"):
            self._compiled.statement = self._compile()
        sql, values, places, compiler = self._compiled.statement
        values = list(values)
        for place, number in places:
            values[place] = _adapted(arguments[number])
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(compiler.results_iter([cursor.fetchall()], tuple_expected=True))

    def first(self, *arguments: uuid.UUID) -> tuple[Any, ...] | None:
        """The first row, None where there is none."""
        return next(iter(self(*arguments)), None)

    def _compile(self) -> tuple[str, tuple[Any, ...], list[tuple[int, int]], Any]:
        """The SQL, its values, and which of them (by place) are which arguments (by number)."""
        marks = [uuid.uuid4() for _ in range(self._arity)]
        compiler = self._build(*marks).query.get_compiler(DEFAULT_DB_ALIAS)
        sql, values = compiler.as_sql()
        adapted = [_adapted(mark) for mark in marks]
        places = [(place, adapted.index(value)) for place, value in enumerate(values) if value in adapted]
        return sql, tuple(values), places, compiler


def insert(row: Model) -> None:
    """Save a new row whose key is set, without signals and without asking whether it is there already."""
    fields = row._meta.concrete_fields
    with connection.cursor() as cursor:
        cursor.execute(_insert_sql(type(row), connection.vendor), [_value(row, field, add=True) for field in fields])
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def update(row: Model, *names: str, **before: Any) -> bool:
    """Save these fields of a row by its key; only while the fields of `before` hold that, and whether they did."""
    fields = [row._meta.get_field(name) for name in names]
    values = [_value(row, field, add=False) for field in fields]  # type: ignore[arg-type]  # concrete ones
    sql = _update_sql(type(row), names, tuple(before), connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute(sql, [*values, _adapted(row.pk), *map(_adapted, before.values())])
        return bool(cursor.rowcount)


def _value(row: Model, field: "Field[Any, Any]", *, add: bool) -> Any:
    return field.get_db_prep_save(field.pre_save(row, add), connection)


def _adapted(value: Any) -> Any:
    """A key as the database takes it: SQLite keeps uuids as text."""
    is_text = isinstance(value, uuid.UUID) and not connection.features.has_native_uuid_field
    return value.hex if is_text else value


@lru_cache
def _insert_sql(model: type[Model], vendor: str) -> str:
    quote = connection.ops.quote_name
    columns = [quote(str(field.column)) for field in model._meta.concrete_fields]
    marks = ", ".join(["%s"] * len(columns))
    return f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608


@lru_cache
def _update_sql(model: type[Model], names: tuple[str, ...], before: tuple[str, ...], vendor: str) -> str:
    def equal(name: str) -> str:
        return f"{connection.ops.quote_name(str(model._meta.get_field(name).column))} = %s"  # type: ignore[union-attr]

    conditions = " AND ".join(equal(name) for name in (model._meta.pk.name, *before))
    table = connection.ops.quote_name(model._meta.db_table)
    return f"UPDATE {table} SET {', '.join(map(equal, names))} WHERE {conditions}"  # noqa: S608
