"""`manage.py backup`: everything the portal keeps, in one file, while it runs."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from config import backups


class Command(BaseCommand):
    """Write a backup, and delete older ones if told how many to keep."""

    help = "Writes the database and the media files to one file. Safe while the portal runs; see docs/backups.md."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where it goes, and how many stay."""
        parser.add_argument("--to", type=Path, default=settings.BACKUP_DIR, help=f"folder ({settings.BACKUP_DIR})")
        parser.add_argument("--keep", type=int, default=0, help="how many of the newest stay (default: all)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Say what was written; raises CommandError (exit 1) where nothing was."""
        if options["keep"] < 0:
            raise CommandError("--keep is a number from 0.")
        try:
            path, manifest = backups.backup(folder=options["to"], keep=options["keep"])
        except backups.BackupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{path}: {describe(manifest)}, {filesizeformat(path.stat().st_size)}")


def describe(manifest: backups.Manifest) -> str:
    """When it was made and what it holds, in a line."""
    counts = {**manifest.holds, "files": len(manifest.parts) - 1}
    return f"{manifest.made_at:%Y-%m-%d %H:%M} UTC, " + ", ".join(f"{what} {count:,}" for what, count in counts.items())
