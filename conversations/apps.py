"""The conversations app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConversationsConfig(AppConfig):
    """A student talks with a client."""

    name = "conversations"
    verbose_name = _("Conversations")

    def ready(self) -> None:
        """Tell readiness to ask whether this process still takes work."""
        from conversations.live.engine import check_serving
        from monitoring import health

        health.register("serving", check_serving)
