"""Health over time: what each check said and from when to when, and the alerts that follow from it."""

import datetime as dt
import logging
from collections.abc import Collection
from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Max, Min
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from monitoring import alerts, audit, health
from monitoring.health import Check
from monitoring.models import Alert, HealthReport, Severity

logger = logging.getLogger("rapport.health")

# What a web process looks at, since no worker can tell that there is none.
BACKGROUND = frozenset({"workers", "schedule"})
BOOKS = Check(
    "books",
    lambda: "",
    alert=Alert.Kind.BOOKS,
    severity=Severity.CRITICAL,
    patience=dt.timedelta(0),
    # They are looked at once a night: one good night ends what was wrong.
    calm=dt.timedelta(0),
    fresh=dt.timedelta(hours=26),
)
# The checks of money that are quick enough for every night; `manage.py audit` has the others.
OF_BOOKS = {
    "settlements": audit.check_settlements,
    "costs": audit.check_costs,
    "budgets": audit.check_budgets,
    "held money": audit.check_held,
}


@dataclass(frozen=True, slots=True)
class Current:
    """What a check says now. `is_ok` is None, and the text says so, while nobody has looked lately."""

    name: str
    is_ok: bool | None
    text: str
    since: dt.datetime | None
    seen_at: dt.datetime | None


def check_health(only: Collection[str] = ()) -> None:
    """Look at everything (or at `only` these), write down what was seen, and tell operators of what is wrong too long.

    Twice at once it comes to the same rows.
    """
    with translation.override(settings.LANGUAGE_CODE):
        for check in health.kept():
            if not only or check.name in only:
                record(check, health.outcome(check))


def check_background() -> None:
    """Look whether workers and schedule live: for web processes. Without them this process mails what it has to say."""
    check_health(BACKGROUND)
    if HealthReport.objects.filter(name__in=BACKGROUND, is_current=True, is_ok=False).exists():
        alerts.mail_unsent()


def audit_books() -> None:
    """Look whether the books agree, write it down, and tell operators if not."""
    with translation.override(settings.LANGUAGE_CODE):
        found = {name: check() for name, check in OF_BOOKS.items()}
        wrong = [
            _("%(check)s: %(breach)s") % {"check": name, "breach": finding.breaches[0]}
            for name, finding in found.items()
            if finding.breaches
        ]
        record(BOOKS, "; ".join(wrong))


def record(check: Check, wrong: str) -> None:
    """Write down what a check has just said: the row of now goes on, or ends and the next one begins."""
    now = timezone.now()
    said = (wrong or str(check.note))[:200]
    current = HealthReport.objects.filter(name=check.name, is_current=True)
    goes_on = current.filter(is_ok=not wrong, text=said, seen_at__gte=now - check.fresh)
    if not goes_on.update(seen_at=now):
        _begin(check, is_ok=not wrong, text=said, now=now)
    if wrong and check.alert:
        _tell(check, wrong, now)


def _begin(check: Check, *, is_ok: bool, text: str, now: dt.datetime) -> None:
    """End the row of now and begin another; of several who do it at once one does."""
    before = HealthReport.objects.filter(name=check.name, is_current=True).first()
    # What somebody else has begun since we looked, and what says the same, stays.
    ends = HealthReport.objects.filter(pk=before.pk if before else 0, is_current=True)
    ends = ends.exclude(is_ok=is_ok, text=text, seen_at__gte=now - check.fresh)
    try:
        with transaction.atomic():
            if before is None or ends.update(is_current=False):
                HealthReport.objects.create(name=check.name, is_ok=is_ok, text=text, since=now, seen_at=now)
    except IntegrityError:
        logger.info("another process has just written the first report of %s", check.name)


def _tell(check: Check, wrong: str, now: dt.datetime) -> None:
    """Raise an alert, once an occasion, when the check has been wrong for longer than operators need not know."""
    reports = HealthReport.objects.filter(name=check.name)
    last_well = reports.filter(is_ok=True).aggregate(at=Max("seen_at"))["at"]
    wrong_rows = reports.filter(is_ok=False, **({"since__gte": last_well} if last_well else {}))
    since = wrong_rows.aggregate(at=Min("since"))["at"]
    if since is None or now - since < check.patience:
        return
    key = f"{check.alert}:{check.name}:"
    told = Alert.objects.filter(kind=check.alert, key__startswith=key).aggregate(at=Max("created_at"))["at"]
    if told and not reports.filter(is_ok=True, since__gte=told, seen_at__gte=F("since") + check.calm).exists():
        return
    text = _("%(what)s: %(said)s. It has been so since %(since)s UTC.") % {
        "what": check.name, "said": wrong, "since": date_format(since.astimezone(dt.UTC), "Y-m-d H:i"),
    }  # fmt: skip
    alerts.raise_alert(key=f"{key}{since.isoformat()}", kind=check.alert, severity=check.severity, text=text)


def current() -> list[Current]:
    """What each check says now, as last written down; one query, and one for the models that may speak."""
    rows = {row.name: row for row in HealthReport.objects.filter(is_current=True)}
    now = timezone.now()
    return [_current(check, rows.get(check.name), now) for check in (*health.kept(), BOOKS)]


def _current(check: Check, row: HealthReport | None, now: dt.datetime) -> Current:
    if row is None:
        return Current(check.name, None, _("Nobody has looked yet."), None, None)
    if row.seen_at < now - check.fresh:
        return Current(check.name, None, _("Nobody has looked lately."), row.since, row.seen_at)
    return Current(check.name, row.is_ok, row.text, row.since, row.seen_at)


def history(since: dt.datetime, *, at_most: int) -> list[HealthReport]:
    """What was said since then, the newest first."""
    return list(HealthReport.objects.filter(seen_at__gte=since).order_by("-since", "name")[:at_most])
