"""The path of a message to the database: statements that are written once and travel together (docs/adr/0011, 0012).

Django's compiler costs several times what running a small statement does, and a trip as much as what it carries. For
the path of a message alone, which is measured in bench/; everywhere else the ORM's own calls are the right ones.
"""

import inspect
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.db.models import AutoField, Field, Model, QuerySet


class Select:
    """A query that Django compiles once in each thread and runs with other arguments each time.

    `build` takes uuids, which it uses as values in filters, and returns a `values_list` queryset.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Any]]) -> None:
        self._build = build
        self._arity = len(inspect.signature(build).parameters)
        # A compiler belongs to its thread's connection.
        self._compiled = threading.local()

    def ask(self, *arguments: uuid.UUID) -> "Answer":
        """The rows for these arguments, when they are looked at."""
        if not hasattr(self._compiled, "statement"):
            self._compiled.statement = self._compile()
        sql, values, places, compiler = self._compiled.statement
        values = list(values)
        for place, number in places:
            values[place] = _adapted(arguments[number])
        return _ask(sql, values, lambda rows: list(compiler.results_iter([rows], tuple_expected=True)))

    def __call__(self, *arguments: uuid.UUID) -> list[tuple[Any, ...]]:
        """The rows for these arguments."""
        return self.ask(*arguments).rows

    def first(self, *arguments: uuid.UUID) -> tuple[Any, ...] | None:
        """The first row, None where there is none."""
        return self.ask(*arguments).first

    def _compile(self) -> tuple[str, tuple[Any, ...], list[tuple[int, int]], Any]:
        """The SQL, its values, and which of them (by place) are which arguments (by number)."""
        marks = [uuid.uuid4() for _ in range(self._arity)]
        compiler = self._build(*marks).query.get_compiler(DEFAULT_DB_ALIAS)
        sql, values = compiler.as_sql()
        adapted = [_adapted(mark) for mark in marks]
        places = [(place, adapted.index(value)) for place, value in enumerate(values) if value in adapted]
        return sql, tuple(values), places, compiler


Reader = Callable[[list[Any]], list[tuple[Any, ...]]]


class Answer:
    """What a statement gave. Looking at it sends the statement, if nothing has sent it before."""

    def __init__(self, sql: str, values: list[Any], read: Reader | None) -> None:
        self.sql, self.values = sql, values
        self._read = read
        self._got: tuple[list[tuple[Any, ...]], int] | None = None

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """The rows that it gave; none for a statement that gives none."""
        return self._arrived[0]

    @property
    def first(self) -> tuple[Any, ...] | None:
        """The first row, None where there is none."""
        return next(iter(self.rows), None)

    @property
    def count(self) -> int:
        """How many rows it gave or changed."""
        return self._arrived[1]

    @property
    def _arrived(self) -> tuple[list[tuple[Any, ...]], int]:
        if self._got is None:
            _send()
        if self._got is None:
            raise RuntimeError("the statement went down with one that was sent before it")
        return self._got

    def take(self, cursor: Any) -> None:
        """Read it from a cursor that stands at it."""
        self._got = self._read(cursor.fetchall()) if self._read else [], cursor.rowcount


@contextmanager
def together() -> Iterator[None]:
    """A transaction in which what nobody has looked at yet waits for the next statement and goes to PostgreSQL with it.

    A trip to the database costs as much as the statement that it carries, and while rows are locked others wait for it.
    Statements keep their order, and each sees what those before it did. What is wrong with one shows when it is sent;
    the last go with the commit.
    """
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        if connection.vendor != "postgresql" or _statements.waiting is not None:
            # SQLite takes one statement at a time, and it is no trip to it.
            yield
            return
        _statements.waiting = []
        try:
            with connection.execute_wrapper(_send_first):
                yield
                if is_outermost and not connection.needs_rollback:
                    # Django's own commit then finds nothing to do, and calls what waits for it.
                    _ask("COMMIT", [])
                _send()
        finally:
            _statements.waiting = None


class _Statements(threading.local):
    """The statements of this thread that wait; None outside of `together`."""

    waiting: list[Answer] | None = None


_statements = _Statements()


def _ask(sql: str, values: list[Any], read: Reader | None = None) -> Answer:
    """`read` makes of the database's rows what they mean; None for a statement that gives none."""
    answer = Answer(sql, values, read)
    if _statements.waiting is None:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            answer.take(cursor)
    else:
        _statements.waiting.append(answer)
    return answer


def _send() -> None:
    """Send what waits, in one trip."""
    if _statements.waiting:
        answers, _statements.waiting = _statements.waiting, []
        with connection.cursor() as cursor:
            cursor.execute(";".join(one.sql for one in answers), [value for one in answers for value in one.values])
            for answer in answers:
                answer.take(cursor)
                cursor.nextset()


def _send_first(execute: Callable[..., Any], sql: str, values: Any, many: bool, context: dict[str, Any]) -> Any:
    """Around every statement of this connection: what waits comes before it, also before the ORM's own."""
    _send()
    return execute(sql, values, many, context)


def insert(*rows: Model, on_conflict: str = "") -> None:
    """Save new rows of one model in one statement, without signals and without asking whether they are there already.

    Keys that the database gives are left to it, and the rows do not learn them. `on_conflict` is SQL for rows whose
    place is taken.
    """
    _ask(*_insert(rows, on_conflict))
    for row in rows:
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def upsert(*rows: Model, on_conflict: str, arguments: Sequence[Any] = ()) -> Answer:
    """Save new rows, or do what the SQL `on_conflict` says with those in their places; what its RETURNING gives.

    `arguments` are those of `on_conflict`.
    """
    sql, values = _insert(rows, on_conflict)
    return _ask(sql, [*values, *arguments], list)


def update(row: Model, *names: str, **before: Any) -> Answer:
    """Save these fields of a row by its key; only while the fields of `before` hold that, as its count tells."""
    fields = [row._meta.get_field(name) for name in names]
    values = [_value(row, field, add=False) for field in fields]  # type: ignore[arg-type]  # concrete ones
    sql = _update_sql(type(row), names, tuple(before), connection.vendor)
    return _ask(sql, [*values, _adapted(row.pk), *map(_adapted, before.values())])


def ask(sql: str, *values: Any) -> Answer:
    """Any other statement that gives rows."""
    return _ask(sql, list(values), list)


def _insert(rows: Sequence[Model], on_conflict: str) -> tuple[str, list[Any]]:
    fields, sql = _insert_sql(type(rows[0]), connection.vendor, len(rows))
    return f"{sql} {on_conflict}", [_value(row, field, add=True) for row in rows for field in fields]


def _value(row: Model, field: "Field[Any, Any]", *, add: bool) -> Any:
    return field.get_db_prep_save(field.pre_save(row, add), connection)


def _adapted(value: Any) -> Any:
    """A key as the database takes it: SQLite keeps uuids as text."""
    is_text = isinstance(value, uuid.UUID) and not connection.features.has_native_uuid_field
    return value.hex if is_text else value


@lru_cache
def _insert_sql(model: type[Model], vendor: str, rows: int) -> tuple[list["Field[Any, Any]"], str]:
    quote = connection.ops.quote_name
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, AutoField)]
    columns = ", ".join(quote(str(field.column)) for field in fields)
    marks = ", ".join([f"({', '.join(['%s'] * len(fields))})"] * rows)
    return fields, f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES {marks}"  # noqa: S608


@lru_cache
def _update_sql(model: type[Model], names: tuple[str, ...], before: tuple[str, ...], vendor: str) -> str:
    def equal(name: str) -> str:
        return f"{connection.ops.quote_name(str(model._meta.get_field(name).column))} = %s"  # type: ignore[union-attr]

    conditions = " AND ".join(equal(name) for name in (model._meta.pk.name, *before))
    table = connection.ops.quote_name(model._meta.db_table)
    return f"UPDATE {table} SET {', '.join(map(equal, names))} WHERE {conditions}"  # noqa: S608
