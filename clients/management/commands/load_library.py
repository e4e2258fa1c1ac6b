"""`load_library`: make the built-in clients those of the library."""

from typing import Any

from django.core.management.base import BaseCommand

from clients.services import sync_library


class Command(BaseCommand):
    """Reads clients/library; safe to run again, at every update of the portal."""

    help = "Load the built-in clients, or renew them. What admins decided about them stays."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Load and say what changed."""
        changes = sync_library()
        self.stdout.write(
            f"Built-in clients: {changes.created} new, {changes.updated} changed, {changes.unchanged} as before, "
            f"{changes.archived} archived."
        )
