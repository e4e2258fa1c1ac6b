"""What is set aside while the largest tables are filled, and made again afterwards: their indexes and constraints.

An index that is made at once takes a fraction of the time that its entries take one by one, and so does a check of
all rows. Each definition is written down in the transaction that drops it, and struck in the one that makes it again.
"""

from collections.abc import Iterator

from django.db import connection, transaction

from conversations.management.term.notebook import Notebook
from conversations.models import Message, Session, Turn
from monitoring.models import LedgerEntry, Reservation

LARGEST = [
    model._meta.db_table for model in (Session, Message, Turn, Reservation, LedgerEntry, Reservation.accounts.through)
]
KIND = "aside/"
# Keys of others point at keys of these tables, so they go first and come last.
_CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), contype = 'f' FROM pg_constraint
    WHERE contype IN ('f', 'u', 'p') AND (conrelid = ANY(%s::regclass[]) OR confrelid = ANY(%s::regclass[]))
    ORDER BY contype = 'f' DESC, conname
"""
_INDEXES = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid = ANY(%s::regclass[]) AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
    ORDER BY 1
"""


def set_aside(notebook: Notebook) -> None:
    """Drop the indexes and constraints of the largest tables, on PostgreSQL."""
    if connection.vendor != "postgresql":
        return
    quote = connection.ops.quote_name
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_INDEXES, [LARGEST])
        indexes = cursor.fetchall()
        cursor.execute(_CONSTRAINTS, [LARGEST, LARGEST])
        for table, name, definition, is_link in cursor.fetchall():
            again = f"ALTER TABLE {table} ADD CONSTRAINT {quote(name)} {definition}"
            notebook.write(f"{KIND}{3 if is_link else 1} {table} {name}", again)
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {quote(name)}")
        for name, definition in indexes:
            notebook.write(f"{KIND}2 {name}", definition)
            cursor.execute(f"DROP INDEX {name}")


def put_back(notebook: Notebook) -> Iterator[tuple[int, int]]:
    """Make again what was set aside; yields how many are done, of how many."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # For this connection alone, which ends with the command.
            cursor.execute("SET maintenance_work_mem = '512MB'")
    notes = notebook.read(KIND)
    for number, (note, statement) in enumerate(notes.items(), start=1):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            notebook.strike(note)
        yield number, len(notes)
