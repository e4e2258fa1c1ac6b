"""The monitoring app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MonitoringConfig(AppConfig):
    """What was used, what it cost, what is healthy."""

    name = "monitoring"
    verbose_name = _("Monitoring")

    def ready(self) -> None:
        """Teach the ORM our lookups."""
        from monitoring import lookups  # noqa: F401
