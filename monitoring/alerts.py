"""Alerts: operators are told once of each occasion, in the admin and by mail."""

import datetime as dt
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

# The app object alone, to enqueue by name; tasks stay in tasks.py.
from celery import current_app  # noqa: TID251
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from monitoring.models import Alert
from monitoring.models.job import Person

logger = logging.getLogger("rapport.alerts")

# What nobody could be mailed about for so long is old news; it stays in the admin.
MAIL_WITHIN = dt.timedelta(days=1)


@dataclass(slots=True)
class _Recipients:
    operators: Callable[[], "QuerySet[Any]"] = get_user_model()._default_manager.none


_recipients = _Recipients()


def register(operators: Callable[[], "QuerySet[Any]"]) -> None:
    """Say at start-up who is mailed of alerts; until then nobody is."""
    _recipients.operators = operators


def raise_alert(*, key: str, kind: str, severity: str, text: str) -> bool:
    """Tell operators of an occasion, once: True if `key` (at most 200 characters) is new.

    May be called inside a transaction and at once from several processes. The mail is sent by a worker, after commit.
    """
    _alert, new = Alert.objects.get_or_create(key=key, defaults={"kind": kind, "severity": severity, "text": text})
    if new:
        # A broker that is away now costs no more than time: beat sends the same task every minute.
        transaction.on_commit(lambda: current_app.send_task("monitoring.mail_alerts", retry=False), robust=True)
    return new


def acknowledge(*, by: Person, alerts: Iterable[Alert]) -> int:
    """Say that somebody has seen to these alerts, who and when; how many nobody had seen to before.

    Raises PermissionDenied for who may not (`monitoring.change_alert`).
    """
    if not by.has_perm("monitoring.change_alert"):
        raise PermissionDenied
    unseen = Alert.objects.filter(pk__in=[alert.pk for alert in alerts], acknowledged_at=None)
    return unseen.update(acknowledged_at=timezone.now(), acknowledged_by_id=by.pk)


def mail_unsent() -> int:
    """Mail each fresh alert that nobody was mailed about to the operators; how many were sent.

    Whoever marks the row sends, so that two who do this at once send one mail. A mail that the server refuses is tried
    again by the next call.
    """
    addresses = list(_recipients.operators().order_by("email").values_list("email", flat=True))
    if not (settings.MAIL_CONFIGURED and addresses):
        return 0
    fresh = Alert.objects.filter(mailed_at=None, created_at__gt=timezone.now() - MAIL_WITHIN)
    return sum(_mail(alert, addresses) for alert in fresh.order_by("created_at"))


def _mail(alert: Alert, addresses: list[str]) -> bool:
    if not Alert.objects.filter(pk=alert.pk, mailed_at=None).update(mailed_at=timezone.now()):
        return False
    page = f"{settings.SITE_URL}{reverse('admin:monitoring_alert_change', args=[alert.pk])}"
    with translation.override(settings.LANGUAGE_CODE):
        subject = _("Rapport, %(severity)s: %(kind)s") % {
            "severity": alert.get_severity_display(), "kind": alert.get_kind_display(),
        }  # fmt: skip
        advice = _("What to do: docs/runbook.md, section “%(section)s”.") % {"section": alert.kind}
    try:
        send_mail(subject, f"{alert.text}\n\n{advice}\n{page}\n", None, addresses)
    except OSError:  # smtplib's errors are OSErrors too
        logger.exception("An alert could not be mailed.")
        Alert.objects.filter(pk=alert.pk).update(mailed_at=None)
        return False
    return True
