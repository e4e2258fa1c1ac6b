"""`manage.py restore`: the portal as a backup has it, proven by the auditor."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config import backups
from config.management.commands.backup import describe

WORDS = "replace everything"


class Command(BaseCommand):
    """Check a backup, put it back, and let the auditor read the books."""

    help = "Puts a backup back and audits it; exit 1 on any breach. The portal must be stopped. See docs/backups.md."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which one, and whether it may replace what is there."""
        parser.add_argument("file", type=Path, help="what `manage.py backup` has written")
        parser.add_argument("--check", action="store_true", help="only look whether it is whole and fits this portal")
        parser.add_argument("--replace", action="store_true", help="in place of the accounts and work that are here")
        parser.add_argument("--yes", action="store_true", help="with --replace: do not ask, for scripts")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError (exit 1) where nothing was restored, or where the auditor finds a breach."""
        try:
            with backups.opened(options["file"]) as archive:
                backups.check_fits(archive)
                self.stdout.write(f"Whole, and fits: {describe(archive.manifest)}.")
                if options["check"]:
                    return
                backups.check_stopped()
                self._restore(archive, **options)
        except backups.BackupError as error:
            raise CommandError(str(error)) from error
        call_command("audit", stdout=self.stdout)

    def _restore(self, archive: backups.Archive, *, replace: bool, yes: bool, **_others: Any) -> None:
        kept = None
        if people := backups.people_here():
            if not replace:
                raise CommandError(
                    f"There are accounts here ({people}). With --replace the backup takes the place of everything."
                )
            if not yes and not self._agrees(people):
                raise CommandError("Nothing was changed.")
            kept, _manifest = backups.backup(folder=settings.BACKUP_DIR)
            self.stdout.write(f"What was here is kept in {kept}.")
        try:
            restored = backups.restore(archive)
        except backups.BackupError as error:
            raise CommandError(f"{error}\n{f'What was here is in {kept}.' if kept else ''}".strip()) from error
        self.stdout.write(f"Restored. Replies under way then, now marked interrupted: {restored['interrupted']}.")
        if restored["missing"]:
            self.stdout.write(f"Files that rows name and the backup does not hold: {restored['missing']}.")
        for line in backups.changed_settings(archive.manifest):
            self.stdout.write(f"A setting differs: {line}.")

    def _agrees(self, people: int) -> bool:
        """Whether a person at the terminal says so in words."""
        self.stdout.write(f"All accounts here ({people}), and all work, make way for the backup.")
        try:
            return input(f"Type '{WORDS}' to go on: ").strip() == WORDS
        except EOFError:
            return False
