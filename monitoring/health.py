"""Is all well: checks by name, each a callable that returns "" or what is wrong in plain words.

Some are asked when a load balancer wants to know whether this process is ready, some every minute for the history that
operators see (monitoring.reports), most for both.
"""

import datetime as dt
import logging
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitoring import breakers, latency, providers, rollups
from monitoring.heartbeats import PULSE_ID
from monitoring.models import Alert, Breaker, HealthReport, Heartbeat, Severity

logger = logging.getLogger("rapport.health")

Look = Callable[[], str]

MINUTE = dt.timedelta(minutes=1)
DISK_SHARE, DISK_BYTES = 0.05, 10**9
# The 95th percentile of fewer attempts is chance.
FEWEST_TIMED = 20
# Who was slow is slow until it takes so much of the limit and no more.
WELL_AGAIN = 0.8


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is looked at. When it has been wrong for longer than `patience`, an alert of its kind is raised.

    An occasion is over when all was well for `calm`; what breaks again sooner goes on with it, and is not told again.
    `alert` is "" where something else tells operators. `note` is what is said of it while all is well. What nobody has
    looked at for `fresh` is unknown.
    """

    name: str
    look: Look
    ready: bool = True
    kept: bool = True
    alert: str = Alert.Kind.HEALTH
    severity: str = Severity.ERROR
    patience: dt.timedelta = 3 * MINUTE
    calm: dt.timedelta = 10 * MINUTE
    fresh: dt.timedelta = 3 * MINUTE
    note: str | Promise = ""


_checks: dict[str, Check] = {}


def register(name: str, look: Look, **how: object) -> None:
    """Add a check; apps above call this when they start. A second one of the same name replaces the first.

    `how` are the other fields of `Check`: `kept=False` is for what is true of one process alone.
    """
    _checks[name] = Check(name, look, **how)  # type: ignore[arg-type]


def run() -> dict[str, str]:
    """Every check of readiness by name with "ok" or what is wrong."""
    return {check.name: outcome(check) or "ok" for check in _checks.values() if check.ready}


def kept() -> Iterator[Check]:
    """Every check that history is kept of, those of the providers' models among them."""
    yield from (check for check in _checks.values() if check.kept)
    yield from _check_models()


def outcome(check: Check) -> str:
    """ "" or what is wrong. A check that raises is wrong; its error goes to the log only."""
    try:
        return check.look()
    except Exception:
        logger.exception("health check %s failed", check.name)
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
    pulse = Heartbeat.objects.alive(Heartbeat.Kind.PULSE).filter(pk=PULSE_ID)
    return "" if pulse.exists() else _("has not run its pulse task lately")


def check_workers() -> str:
    """Some process that does background work lives."""
    return "" if Heartbeat.objects.alive(Heartbeat.Kind.WORKER).exists() else _("no worker lives")


def check_schedule() -> str:
    """The process that sends repeated work lives."""
    return "" if Heartbeat.objects.alive(Heartbeat.Kind.BEAT).exists() else _("the schedule (beat) does not live")


def check_web() -> str:
    """Some process that serves pages and chats lives."""
    return "" if Heartbeat.objects.alive(Heartbeat.Kind.WEB).exists() else _("no web process lives")


def check_disk() -> str:
    """There is room where files lie: 5% and 1 GB at least."""
    disk = shutil.disk_usage(settings.DATA_DIR)
    roomy = disk.free >= DISK_BYTES and disk.free >= disk.total * DISK_SHARE
    return "" if roomy else _("less than 5% or 1 GB of the disk is free")


def check_first_text() -> str:
    """Of 20 replies of the last hour 19 began soon enough; of fewer nothing is said."""
    now = timezone.now()
    counts = rollups.first_text_between(now - 60 * MINUTE, now)
    if sum(counts.values()) < FEWEST_TIMED:
        return ""
    limit = settings.SLOW_FIRST_TEXT_SECONDS
    was_slow = HealthReport.objects.filter(name="first text", is_current=True, is_ok=False).exists()
    slowest = latency.percentile(counts, 0.95) or 0
    if slowest <= limit * 1_000 * (WELL_AGAIN if was_slow else 1):
        return ""
    return _("one reply in twenty takes longer than %(seconds)g seconds to begin") % {"seconds": limit}


def _check_models() -> Iterator[Check]:
    """Whether each model that may speak answers, as its breaker knows; a breaker tells operators itself."""
    rows = breakers.read()
    for model in dict.fromkeys([*settings.MODELS, *settings.FALLBACK_MODELS, *providers.models_with_rows()]):
        endpoint = providers.endpoint_of(model)
        row = rows.get((endpoint.provider, model), Breaker())
        note = _("not used: %(why)s") % {"why": endpoint.missing} if endpoint.missing else ""
        # Names of local models are long and differ at their end.
        short = model if len(model) <= 50 else f"…{model[-49:]}"
        yield Check(f"provider: {short}", lambda row=row: _said_of(row), alert="", note=note)  # type: ignore[misc]


def _said_of(row: Breaker) -> str:
    """What a breaker knows, in words that stay the same while the fault does."""
    if row.state != Breaker.State.CLOSED:
        return _("does not answer: %(fault)s") % {"fault": row.last_fault}
    return _("asks everyone to wait") if row.wait_seconds else ""


register("database", check_database)
register("cache", check_cache)
register("worker", check_worker, alert=Alert.Kind.WORKER)
# Web processes look at these two as well, since no worker can tell that there is none (conversations.live.engine).
register("workers", check_workers, ready=False, alert=Alert.Kind.WORKER, severity=Severity.CRITICAL, patience=MINUTE)
register("schedule", check_schedule, ready=False, alert=Alert.Kind.WORKER, severity=Severity.CRITICAL, patience=MINUTE)
register("web", check_web, ready=False, severity=Severity.CRITICAL)
register("disk", check_disk, ready=False)
# There is none, by design (docs/adr/0005): said, so that nobody looks for it.
register("channel layer", lambda: "", ready=False, alert="", note=gettext_lazy("not used"))
register("first text", check_first_text, ready=False, alert=Alert.Kind.SLOW, severity=Severity.WARNING)
