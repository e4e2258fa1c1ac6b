"""The two databases, as a backup sees them: one moment of it copied while others write, and put back."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from django.db import connection, connections, transaction
from django.db.backends.postgresql.client import DatabaseClient

from config.backups.archive import BackupError

# What a person asks first of a backup, and where it is counted.
HOLDS = {
    "accounts": "SELECT count(*) FROM accounts_user",
    "conversations": "SELECT count(*) FROM conversations_session",
    "messages": "SELECT count(*) FROM conversations_message",
}
_MIGRATIONS = "SELECT app, name FROM django_migrations ORDER BY app, name"


@dataclass(frozen=True, slots=True)
class Moment:
    """The database as it is at one moment: its migrations, what it holds, and how to copy it to a file."""

    migrations: list[str]
    holds: dict[str, int]
    server: str
    copy: Callable[[Path], None]


class Database(Protocol):
    """What backups need of a database."""

    engine: str
    part: str

    def moment(self) -> Any:
        """A context that yields a Moment. Raises BackupError, also when the copy is made."""

    def put_back(self, part: Path) -> None:
        """Make the database what this copy is, in place of what was there. Raises BackupError."""


def current() -> Database:
    """The database of this portal."""
    return SQLite() if connection.vendor == "sqlite" else PostgreSQL()


class SQLite:
    """Copies by SQLite's own online backup, which nobody who writes waits for."""

    engine = "sqlite"
    part = "database.sqlite3"

    def __init__(self) -> None:
        self.path = Path(connection.settings_dict["NAME"])

    @contextmanager
    def moment(self) -> Iterator[Moment]:
        """As in Database."""
        # Only what is there is opened, and through a connection of its own: Django's would hold writers up.
        uri = f"{self.path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=20)) as source:
            source.execute("BEGIN")
            ask = _asking(source.execute)
            yield Moment(*ask, f"SQLite {sqlite3.sqlite_version}", lambda path: _copy(source, path))

    def put_back(self, part: Path) -> None:
        """As in Database: one transaction, so that the old rows stay where it fails."""
        connections.close_all()
        with closing(sqlite3.connect(part)) as source:
            _copy(source, self.path)


class PostgreSQL:
    """Copies by pg_dump, from a snapshot that is held meanwhile; puts back by pg_restore in one transaction."""

    engine = "postgresql"
    part = "database.dump"

    @contextmanager
    def moment(self) -> Iterator[Moment]:
        """As in Database."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SELECT pg_export_snapshot(), current_setting('server_version')")
            snapshot, version = cursor.fetchone()

            def execute(statement: str) -> Any:
                cursor.execute(statement)
                return cursor

            def dump(path: Path) -> None:
                _run("pg_dump", "--format=custom", *_PLAIN, f"--snapshot={snapshot}", f"--file={path}")

            yield Moment(*_asking(execute), f"PostgreSQL {version}", dump)

    def put_back(self, part: Path) -> None:
        """As in Database; where it fails, the database is left empty."""
        with transaction.atomic(), connection.cursor() as cursor:
            names = connection.introspection.table_names(cursor)
            if names:
                quoted = ", ".join(connection.ops.quote_name(name) for name in names)
                cursor.execute(f"DROP TABLE {quoted} CASCADE")
        connections.close_all()
        _run("pg_restore", "--single-transaction", "--exit-on-error", *_PLAIN, str(part))


# Roles and rights are the server's, which may be another one.
_PLAIN = ("--no-owner", "--no-privileges")


def _asking(execute: Callable[[str], Any]) -> tuple[list[str], dict[str, int]]:
    """What a Moment says of itself."""
    migrations = [f"{app}.{name}" for app, name in execute(_MIGRATIONS).fetchall()]
    return migrations, {what: execute(statement).fetchone()[0] for what, statement in HOLDS.items()}


def _copy(source: sqlite3.Connection, path: Path) -> None:
    """All pages in one step: what others write meanwhile neither gets in nor makes it begin again."""
    with closing(sqlite3.connect(path, timeout=20)) as target:
        source.backup(target)


def _run(program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's client programs on the portal's database. Raises BackupError with what it said."""
    found = shutil.which(program)
    if found is None:
        raise BackupError(
            f"There is no {program} here. It comes with PostgreSQL's client programs, of the server's version "
            "(Debian, Ubuntu: apt install postgresql-client)."
        )
    (_psql, *options, name), secrets = DatabaseClient.settings_to_cmd_args_env(connection.settings_dict, [])
    # The password goes by the environment: others on this machine can read arguments.
    env = {**os.environ, **(secrets or {})}  # noqa: TID251
    run = subprocess.run(  # noqa: S603
        [found, *options, f"--dbname={name}", *arguments], env=env, capture_output=True, text=True, check=False
    )
    if run.returncode:
        raise BackupError(f"{program} failed: {run.stderr.strip()}")
