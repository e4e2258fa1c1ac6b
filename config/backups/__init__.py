"""Backups: everything a portal keeps, as one file, made while it runs; and a portal made of one again."""

import datetime as dt
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session as SignIn
from django.core.management import call_command
from django.db import connection, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from accounts.models import User
from clients import trial
from config.backups.archive import FORMAT, MEDIA, Archive, BackupError, Manifest, Writer, opened
from config.backups.databases import current
from conversations.evaluation.runs import settle_forgotten
from conversations.turns.recover import recover
from monitoring.models import Heartbeat

__all__ = [
    "Archive",
    "BackupError",
    "Manifest",
    "backup",
    "changed_settings",
    "check_fits",
    "check_stopped",
    "opened",
    "people_here",
    "restore",
]

# What a portal elsewhere should have the same; never a key, a password or a URL that may hold one.
SETTINGS = (
    "SITE_URL",
    "LANGUAGE_CODE",
    "MODEL_DEFAULT",
    "MODELS",
    "MODEL_EFFORT",
    "FALLBACK_MODELS",
    "SESSION_IDLE_MINUTES",
    "MESSAGE_MAX_CHARACTERS",
)
_NAMED = "rapport-*.tar"
_UNFINISHED = ".unfinished-"


# --- Making one -------------------------------------------------------------------------------------------------------


def backup(*, folder: Path, keep: int = 0) -> tuple[Path, Manifest]:
    """Write a backup into this folder, whole or not at all; safe while the portal runs. Its path and what it says.

    `keep` is how many of the newest stay in the folder, this one included; 0 for all. Older ones are deleted only
    once this one is safe. Raises BackupError.
    """
    if folder.resolve().is_relative_to(Path(settings.MEDIA_ROOT).resolve()):
        raise BackupError("The media folder is part of every backup, so backups lie somewhere else.")
    with _alone_in(folder) as staged:
        made_at = timezone.now()
        unfinished = staged / "backup.tar"
        # For its owner alone: it holds what everyone has said.
        with open(unfinished, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as stream:
            manifest = _write(stream, made_at, staged)
            stream.flush()
            os.fsync(stream.fileno())
        path = folder / f"rapport-{made_at:%Y%m%dT%H%M%S}.{made_at.microsecond // 1000:03d}Z.tar"
        unfinished.rename(path)
        _sync(folder)
        for old in sorted(folder.glob(_NAMED))[:-keep] if keep else ():
            old.unlink()
    return path, manifest


def _write(stream: Any, made_at: dt.datetime, staged: Path) -> Manifest:
    writer, database = Writer(stream), current()
    seen: dict[str, tuple[int, int]] = {}
    # A file is written before the row that names it and deleted after it. So those there are before the database's
    # moment, and those that have come until then, are all that its rows can name.
    _gather(writer, seen)
    with database.moment() as moment:
        _gather(writer, seen)
        copy = staged / database.part
        moment.copy(copy)
        writer.add(database.part, copy)
    manifest = Manifest(
        format=FORMAT,
        made_at=made_at,
        engine=database.engine,
        server=moment.server,
        migrations=moment.migrations,
        holds=moment.holds,
        settings={name: getattr(settings, name) for name in SETTINGS},
        parts=writer.parts,
    )
    writer.close(staged / "manifest.json", manifest)
    return manifest


def _gather(writer: Writer, seen: dict[str, tuple[int, int]]) -> None:
    """Copy the media files that are new, or have changed since they were seen."""
    for path in sorted(Path(settings.MEDIA_ROOT).rglob("*")):
        # One that goes meanwhile was deleted with its row.
        with suppress(FileNotFoundError):
            status = path.stat()
            name = MEDIA + path.relative_to(settings.MEDIA_ROOT).as_posix()
            stamp = (status.st_size, status.st_mtime_ns)
            if path.is_file() and seen.get(name) != stamp:
                writer.add(name, path)
                seen[name] = stamp


@contextmanager
def _alone_in(folder: Path) -> Iterator[Path]:
    """A folder for unfinished work, one piece of work at a time. Raises BackupError, for files that fail too."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (folder / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BackupError(f"Another backup is at work in {folder}.") from error
            for left_by_a_kill in folder.glob(f"{_UNFINISHED}*"):
                shutil.rmtree(left_by_a_kill)
            with tempfile.TemporaryDirectory(dir=folder, prefix=_UNFINISHED) as staged:
                yield Path(staged)
    except OSError as error:
        raise BackupError(f"A file could not be written or read: {error}") from error


def _sync(folder: Path) -> None:
    """Make a new name in this folder last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# --- Putting one back -------------------------------------------------------------------------------------------------


def check_fits(archive: Archive) -> None:
    """Raise BackupError unless the backup is whole and this portal, with this database, can hold it."""
    manifest, engine = archive.manifest, current().engine
    archive.check()
    if manifest.engine != engine:
        raise BackupError(f"The backup is of {manifest.engine}, and this portal's database is {engine}.")
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    later = [name for name in manifest.migrations if name not in known]
    if later:
        raise BackupError(
            "The backup was made by a newer version of Rapport: this one does not know " + ", ".join(later) + "."
        )


def changed_settings(manifest: Manifest) -> list[str]:
    """The settings that the portal of the backup had otherwise, a line each."""
    return [
        f"{name} was {was!r} and is {getattr(settings, name)!r}"
        for name, was in manifest.settings.items()
        if hasattr(settings, name) and getattr(settings, name) != was
    ]


def check_stopped() -> None:
    """Raise BackupError while a process of the portal lives: it would go on in what is another database by then."""
    if Heartbeat._meta.db_table not in connection.introspection.table_names():
        return
    processes = (Heartbeat.Kind.WEB, Heartbeat.Kind.WORKER, Heartbeat.Kind.BEAT)
    living = [heart for kind in processes for heart in Heartbeat.objects.alive(kind)]
    if living:
        names = ", ".join(sorted(str(heart) for heart in living))
        raise BackupError(
            f"The portal runs ({names}). Stop it first; a worker that was stopped a moment ago counts for "
            f"{settings.WORKER_DEAD_SECONDS:g} seconds more."
        )


def people_here() -> int:
    """How many people have an account in this database.

    Raises BackupError for one that is not a portal's, or not a portal's alone: what takes its place would take all.
    """
    tables = set(connection.introspection.table_names())
    others = sorted(name for name in tables - _tables_of_ours() if not name.startswith(_PREFIXES))
    if others:
        raise BackupError(
            f"This database holds tables that are not a portal's, and they would be lost: {', '.join(others)}. "
            "Name another one in DATABASE_URL, or move them elsewhere first."
        )
    if User._meta.db_table in tables:
        return User.objects.count()
    if tables:
        raise BackupError("This database holds tables, and none of a portal's. Name another one in DATABASE_URL.")
    return 0


# By the names of its apps the tables of a version that is older or newer than this one are a portal's too.
_PREFIXES = ("accounts_", "clients_", "conversations_", "monitoring_")


def _tables_of_ours() -> set[str]:
    """The tables of this version, as they are called in a database."""
    return {*connection.introspection.django_table_names(), MigrationRecorder.Migration._meta.db_table}


def restore(archive: Archive) -> dict[str, int]:
    """Make this portal what the backup says, in place of what is here; the archive was checked by `check_fits`.

    Afterwards nothing runs and nobody is signed in: turns that were under way when the backup was made are ended as
    interrupted. How many turns that were, and how many files rows name that are not there. Raises BackupError.
    """
    database, media = current(), Path(settings.MEDIA_ROOT)
    with _alone_in(settings.BACKUP_DIR) as staged:
        # Files first: those of the rows that are there still stay until there are others.
        before = {path for path in media.rglob("*") if path.is_file()}
        for name in archive.media:
            archive.copy(f"{MEDIA}{name}", media / name)
        part = staged / database.part
        archive.copy(database.part, part)
        database.put_back(part)
        for path in before - {media / name for name in archive.media}:
            path.unlink(missing_ok=True)
    call_command("migrate", verbosity=0, interactive=False)
    return {"interrupted": _come_to_rest(), "missing": _missing_files()}


def _come_to_rest() -> int:
    """End what ran at the moment of the backup, as start-up does after a crash; how many turns."""
    # Nobody of that portal lives here, however young the backup is; and who signed out since stays signed out.
    Heartbeat.objects.all().delete()
    SignIn.objects.all().delete()
    ended = recover(seen_at=timezone.now() + dt.timedelta(seconds=settings.HEARTBEAT_DEAD_SECONDS))
    trial.release_forgotten()
    settle_forgotten()
    return ended


def _missing_files() -> int:
    """How many files rows name that are not there."""
    missing = 0
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if isinstance(field, models.FileField):
                names = model._default_manager.exclude(**{field.name: ""}).values_list(field.name, flat=True)
                missing += sum(not field.storage.exists(name) for name in names if name)
    return missing
