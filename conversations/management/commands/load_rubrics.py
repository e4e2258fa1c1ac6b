"""`load_rubrics`: make the built-in rubrics those that come with the portal."""

from typing import Any

from django.core.management.base import BaseCommand

from conversations.rubrics import sync_built_in_rubrics


class Command(BaseCommand):
    """Reads conversations/rubrics_builtin; safe to run again, at every update of the portal."""

    help = "Load the built-in rubrics, or renew them. What was scored with one stays as it was."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Load and say what changed."""
        changes = sync_built_in_rubrics()
        self.stdout.write(
            f"Built-in rubrics: {changes.created} new, {changes.updated} changed, {changes.unchanged} as before, "
            f"{changes.archived} archived."
        )
