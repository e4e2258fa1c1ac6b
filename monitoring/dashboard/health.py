"""How the parts of the portal are, since when, what changed lately, and how many processes live."""

import datetime as dt
from collections.abc import Sequence

from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext as _

from monitoring import reports
from monitoring.dashboard.look import Look
from monitoring.dashboard.panel import Content
from monitoring.models import HealthReport, Heartbeat
from monitoring.reports import Current
from monitoring.tables import Column, Figure, Level, Mark, Row, Table, Unit

LOOKS_BACK = dt.timedelta(days=7)
MOST_CHANGES = 8


def gather(look: Look) -> Content:
    """What each check says now, what they said in the last seven days, and the processes that live."""
    checks = reports.current()
    return Content(
        _state(checks),
        _processes(),
        tables=[_checks_table(checks), _changes_table(reports.history(look.now - LOOKS_BACK, at_most=MOST_CHANGES))],
        more=reverse("admin:monitoring_healthreport_changelist"),
    )


def _state(checks: Sequence[Current]) -> Mark:
    wrong = [check.name for check in checks if check.is_ok is False]
    if wrong:
        return Mark(_("Not in order: %(names)s.") % {"names": ", ".join(wrong)}, Level.DANGER)
    if all(check.is_ok is None for check in checks):
        return Mark(_("Nobody looks: start a worker and the schedule, which look every minute."), Level.ATTENTION)
    unknown = [check.name for check in checks if check.is_ok is None]
    if unknown:
        return Mark(_("In order as far as it is known. Nobody has looked at: %(names)s.") % {
            "names": ", ".join(unknown)
        }, Level.ATTENTION)  # fmt: skip
    return Mark(_("Everything is in order."))


def _processes() -> list[Figure]:
    kinds = {
        Heartbeat.Kind.WEB: _("Web processes"),
        Heartbeat.Kind.WORKER: _("Workers"),
        Heartbeat.Kind.BEAT: _("Schedules"),
    }
    living = Heartbeat.objects.none()
    for kind in kinds:
        living = living | Heartbeat.objects.alive(kind)
    counts = dict(living.order_by().values_list("kind").annotate(Count("pk")))
    return [Figure(str(kind), label, counts.get(kind, 0)) for kind, label in kinds.items()]


def said_of(is_ok: bool | None) -> Mark:
    """The state of a check in words; None is unknown."""
    if is_ok is None:
        return Mark(_("Unknown"), Level.ATTENTION)
    return Mark(_("In order")) if is_ok else Mark(_("Not in order"), Level.DANGER)


def _checks_table(checks: Sequence[Current]) -> Table:
    columns = (
        Column("what", _("What")),
        Column("state", _("State")),
        Column("said", _("What it said")),
        Column("since", _("Since"), Unit.MOMENT),
        Column("seen_at", _("Last seen"), Unit.MOMENT),
    )
    # What is wrong first, then what is unknown.
    ranked = sorted(checks, key=lambda one: (one.is_ok is not False, one.is_ok is not None))
    rows = [Row((one.name, said_of(one.is_ok), one.text, one.since, one.seen_at)) for one in ranked]
    return Table("checks", _("State"), columns, rows)


def _changes_table(found: Sequence[HealthReport]) -> Table:
    columns = (
        Column("what", _("What")),
        Column("state", _("State")),
        Column("said", _("What it said")),
        Column("since", _("From"), Unit.MOMENT),
        Column("until", _("To"), Unit.MOMENT),
    )
    rows = [Row((one.name, said_of(one.is_ok), one.text, one.since, one.seen_at)) for one in found]
    empty = _("Nothing was written down yet. A worker and the schedule look every minute.")
    return Table("changes", _("Last changes"), columns, rows, empty)
