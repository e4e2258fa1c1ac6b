"""Is the portal ready: checks by name, each a callable that returns "" or what is wrong in plain words."""

import logging
import uuid
from collections.abc import Callable

from django.core.cache import cache
from django.db import connection
from django.utils.translation import gettext as _

from monitoring.models import Heartbeat

logger = logging.getLogger("rapport.health")

Check = Callable[[], str]
_checks: dict[str, Check] = {}


def register(name: str, check: Check) -> None:
    """Add a check; apps above call this when they start. A second one of the same name replaces the first."""
    _checks[name] = check


def run() -> dict[str, str]:
    """Every check by name with "ok" or what is wrong. A check that raises is wrong; its error goes to the log only."""
    return {name: _outcome(name, check) for name, check in _checks.items()}


def _outcome(name: str, check: Check) -> str:
    try:
        return check() or "ok"
    except Exception:
        logger.exception("health check %s failed", name)
        return _("does not answer")


def check_database() -> str:
    """The database answers a query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


def check_cache() -> str:
    """What is written to the cache can be read back."""
    token = uuid.uuid4().hex
    cache.set("health", token, 30)
    # Another process may write between set and get: any fresh token proves that the cache answers.
    return "" if cache.get("health") else _("does not keep what is written")


def check_worker() -> str:
    """A worker ran the pulse task lately, so the broker, beat and the worker all answer."""
    return "" if Heartbeat.objects.alive(Heartbeat.Kind.WORKER).exists() else _("has not run its pulse task lately")


register("database", check_database)
register("cache", check_cache)
register("worker", check_worker)
