"""The Celery app: Redis where there is one, else the filesystem broker under the data directory."""

import os
from typing import Any

from celery import Celery, signals
from django.conf import settings
from kombu.transport import TRANSPORT_ALIASES

from config import hearts, tracing  # noqa: F401  what they connect

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
TRANSPORT_ALIASES["filesystem"] = "config.broker:Transport"

app = Celery("rapport")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

if not settings.REDIS_URL:
    for folder in ("queue", "control"):
        (settings.BROKER_DIR / folder).mkdir(parents=True, exist_ok=True)


@signals.celeryd_init.connect
def _without_pool(**_: Any) -> None:
    """Give a worker plain connections: Celery closes a pool around each task, and under a heart that is beating."""
    settings.DATABASES["default"].get("OPTIONS", {}).pop("pool", None)
