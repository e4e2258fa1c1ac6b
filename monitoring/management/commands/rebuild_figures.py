"""`manage.py rebuild_figures`: every figure derived from the ledger, derived again."""

import datetime as dt
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from monitoring import figures


def day(text: str) -> dt.date:
    """A day written as 2026-09-01."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text} is not a day; write it as 2026-09-01") from None


class Command(BaseCommand):
    """Puts right what differs from the ledger; run it as often as you like."""

    help = "Derive the figures of days, conversations and replies from the ledger again. Re-runnable at any time."

    def add_arguments(self, parser: CommandParser) -> None:
        """`--since` to leave out what is older."""
        parser.add_argument("--since", type=day, help="the first day, as 2026-09-01; all without it")

    def handle(self, *args: Any, **options: Any) -> None:
        """One line for each kind of figure, which counts up while it works."""
        done: dict[str, int] = {}
        for name, count in figures.rebuild_all(options["since"]):
            done[name] = done.get(name, 0) + count
            if self.stdout.isatty():
                self.stdout.write(f"{name}: {done[name]}", ending="\r")
        for name, count in done.items():
            self.stdout.write(self.style.SUCCESS(f"{name}: {count} rows are what the ledger says"))
