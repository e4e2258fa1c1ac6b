"""`manage.py audit`: does the database keep what the portal promises?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from monitoring import audit


class Command(BaseCommand):
    """Runs every check and ends with an error where one found a breach."""

    help = "Check that nothing acknowledged is lost and every figure is what the ledger says. Changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        """`--at-rest` for a portal without running work."""
        parser.add_argument("--at-rest", action="store_true", help="also demand that no turn runs and no money is held")

    def handle(self, *args: Any, **options: Any) -> None:
        """A line for each check, its breaches below it; raises CommandError (exit 1) on any breach."""
        breaches = 0
        for name, finding in audit.run(at_rest=options["at_rest"]):
            found = len(finding.breaches) + finding.more
            breaches += found
            verdict = f"{found} wrong" if found else "all right"
            self.stdout.write(f"{name}: {finding.checked} looked at, {verdict}")
            lines = finding.breaches + ([f"and {finding.more} more"] if finding.more else [])
            for line in lines + [f"note: {note}" for note in finding.notes]:
                self.stdout.write(f"  {line}")
        if breaches:
            raise CommandError(f"{breaches} breaches.")
