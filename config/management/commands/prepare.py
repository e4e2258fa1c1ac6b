"""`manage.py prepare`: everything that stands between a new version and its start."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Bring the database and the files that browsers fetch up to date. Run again, it changes nothing."""

    help = "Makes a new version ready to start: tables, static files, built-in clients and rubrics. Re-runnable."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=options["verbosity"])
        # The demo serves them from the tree.
        if not settings.RELAXED:
            call_command("collectstatic", interactive=False, verbosity=options["verbosity"])
        call_command("load_library")
        call_command("load_rubrics")
