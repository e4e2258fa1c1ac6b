"""The conversations app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConversationsConfig(AppConfig):
    """A student talks with a client."""

    name = "conversations"
    verbose_name = _("Conversations")

    def ready(self) -> None:
        """Tell readiness whether this process still takes work, and what of ours is audited and derived."""
        from conversations import audit, figures
        from conversations.live.engine import check_serving
        from monitoring import audit as auditor
        from monitoring import figures as ledger_figures
        from monitoring import health

        health.register("serving", check_serving)
        auditor.register_work("turns", audit.held_by_turns)
        for name, check in audit.CHECKS.items():
            auditor.register(name, check)
        auditor.register("running turns", audit.check_nothing_runs, at_rest=True)
        ledger_figures.register("conversations", figures.rebuild)
