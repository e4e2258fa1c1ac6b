"""The config app: nothing but commands, and the Celery app that verbs enqueue by task name."""

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin import apps as admin_apps


class ConfigConfig(AppConfig):
    """Wires everything together."""

    name = "config"
    default = True

    def ready(self) -> None:
        """Load the Celery app, so that tasks and `send_task` reach our broker from every process; report errors."""
        from config import celery  # noqa: F401

        if settings.SENTRY_DSN:
            from config import sentry

            sentry.report_to(settings.SENTRY_DSN)


class PortalAdminConfig(admin_apps.AdminConfig):
    """Django's admin with our site in place of its own."""

    default = False
    default_site = "config.admin.PortalAdminSite"
