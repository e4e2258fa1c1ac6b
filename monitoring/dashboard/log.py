"""What needs an operator: alerts and errors that nobody has seen to, and what was seen to lately."""

import datetime as dt
from urllib.parse import urlencode

from django.db.models import F
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring import errors
from monitoring.dashboard.look import Look
from monitoring.dashboard.panel import Content
from monitoring.errors import ErrorGroup
from monitoring.models import Alert, Severity
from monitoring.tables import Column, Level, Mark, Row, Table, Unit, Way

MOST = 8
ERRORS_LOOK_BACK = dt.timedelta(days=7)
SEES_TO_ALERTS, SEES_TO_ERRORS = "monitoring.change_alert", "monitoring.change_errorkind"

_LEVELS = {Severity.WARNING: Level.ATTENTION, Severity.ERROR: Level.DANGER, Severity.CRITICAL: Level.DANGER}


def gather_alerts(look: Look) -> Content:
    """Alerts that nobody has seen to, then those that somebody has, the newest of each first."""
    unseen = Alert.objects.filter(acknowledged_at=None).count()
    found = Alert.objects.order_by(F("acknowledged_at").desc(nulls_first=True), "-created_at")[:MOST]
    columns = (
        Column("text", _("What happened")),
        Column("severity", _("Severity")),
        Column("at", _("When"), Unit.MOMENT),
        Column("seen_to_at", _("Seen to"), Unit.MOMENT),
    )
    may = look.user.has_perm(SEES_TO_ALERTS)
    table = Table("alerts", _("Alerts"), columns, [_alert(one, may) for one in found], _("There was no alert yet."))
    state = Mark(_("No alert waits."))
    if unseen:
        words = ngettext("%(count)d alert waits.", "%(count)d alerts wait.", unseen) % {"count": unseen}
        state = Mark(words, Level.DANGER)
    return Content(state, tables=[table], more=reverse("admin:monitoring_alert_changelist"))


def _alert(alert: Alert, may: bool) -> Row:
    waits = alert.acknowledged_at is None
    return Row(
        (alert.text, _severity(Severity(alert.severity)), alert.created_at, alert.acknowledged_at),
        link=reverse("admin:monitoring_alert_change", args=[alert.pk]),
        help=Way(reverse("dashboard-runbook", args=[alert.kind]), _("What to do")),
        act=Way(reverse("dashboard-alert", args=[alert.pk]), _("Seen to")) if waits and may else None,
    )


def gather_errors(look: Look) -> Content:
    """The errors of the last seven days by kind: those that nobody has seen to first, then what came last.

    With what the newest of each kind says, from which keys and what people said were blanked when it was written down.
    """
    groups = errors.grouped(look.now - ERRORS_LOOK_BACK)
    groups.sort(key=lambda group: not group.is_open)
    columns = (
        Column("kind", _("Kind")),
        Column("count", _("Count"), Unit.COUNT),
        Column("severity", _("Severity")),
        Column("first_at", _("First"), Unit.MOMENT),
        Column("last_at", _("Last"), Unit.MOMENT),
        Column("source", _("Where"), Unit.LONG),
        Column("detail", _("What the newest says"), Unit.LONG),
        Column("seen_to_at", _("Seen to"), Unit.MOMENT),
    )
    may = look.user.has_perm(SEES_TO_ERRORS)
    table = Table(
        "errors", _("Errors of the last seven days"), columns, [_group(one, may) for one in groups],
        _("Nothing went wrong in the last seven days."),
    )  # fmt: skip
    unseen = sum(group.is_open for group in groups)
    state = Mark(_("No error waits."))
    if unseen:
        words = ngettext("%(count)d kind of error waits.", "%(count)d kinds of errors wait.", unseen)
        worst = any(group.is_open and group.severity != Severity.WARNING for group in groups)
        state = Mark(words % {"count": unseen}, Level.DANGER if worst else Level.ATTENTION)
    return Content(state, tables=[table], more=reverse("admin:monitoring_errorentry_changelist"))


def _group(group: ErrorGroup, may: bool) -> Row:
    listed = reverse("admin:monitoring_errorentry_changelist")
    return Row(
        (
            group.kind, group.count, _severity(group.severity), group.first_at, group.last_at,
            group.source, group.detail, None if group.is_open else group.acknowledged_at,
        ),
        link=f"{listed}?{urlencode({'kind': group.kind})}",
        act=Way(reverse("dashboard-error", args=[group.kind]), _("Seen to")) if group.is_open and may else None,
    )  # fmt: skip


def _severity(severity: Severity) -> Mark:
    return Mark(str(severity.label), _LEVELS[severity])
