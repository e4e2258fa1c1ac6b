"""The monitoring app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MonitoringConfig(AppConfig):
    """What was used, what it cost, what is healthy."""

    name = "monitoring"
    verbose_name = _("Monitoring")

    def ready(self) -> None:
        """Teach the ORM our lookups, and say who does our jobs."""
        from monitoring import (
            erasing,
            jobs,
            lookups,  # noqa: F401
            repairs,
            retention,
        )
        from monitoring.retention.own import register_all

        jobs.register(repairs.KIND, repairs.rebuild)
        jobs.register(retention.KIND, retention.step)
        register_all()
        erasing.register_all()
