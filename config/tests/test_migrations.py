"""Migrations of the large tables do not make anybody wait: how they are written is in docs/scale.md."""

from collections.abc import Iterator

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations
from django.db.migrations.loader import MigrationLoader
from django.db.models import Field, Index

# What every message writes to; most of them grow with it.
LARGE = {"session", "message", "turn", "attempt", "reservation", "ledgerentry", "budgetaccount", "ratewindow"}
# Before these, no school had as many rows.
FROM = {"accounts": "0007", "clients": "0007", "conversations": "0007", "monitoring": "0007"}


def waits(operation: migrations.operations.base.Operation) -> str:
    """Why messages would wait for this operation on a large table; "" where they do not."""
    model = getattr(operation, "model_name", "").lower()
    if model not in LARGE:
        return ""
    match operation:
        case AddIndexConcurrently():
            return ""
        case migrations.AddIndex():
            return f"{operation.index.name} is made under a lock"
        case migrations.AddConstraint():
            return f"{operation.constraint.name} is checked under a lock"
        case migrations.AddField(field=Field() as field) if field.db_index or field.unique or field.is_relation:  # type: ignore[attr-defined]
            return f"{model}.{operation.name} is indexed or checked under a lock"
    return ""


def operations() -> Iterator[tuple[str, migrations.operations.base.Operation]]:
    """The operations of our migrations that a large school has not applied yet."""
    for (app, name), migration in sorted(MigrationLoader(None).disk_migrations.items()):
        if app in FROM and name >= FROM[app]:
            for operation in migration.operations:
                yield f"{app}.{name}", operation


def test_no_migration_keeps_a_large_table_locked_while_it_looks_at_its_rows() -> None:
    assert [f"{name}: {why}" for name, operation in operations() if (why := waits(operation))] == []


def test_an_index_under_a_lock_would_be_noticed() -> None:
    index = Index(fields=["outcome"], name="by_outcome")
    assert waits(migrations.AddIndex("LedgerEntry", index))
    assert not waits(AddIndexConcurrently("LedgerEntry", index))
    assert not waits(migrations.AddIndex("Alert", index))
