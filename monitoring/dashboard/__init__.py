"""The dashboard: what operators see first in the admin, panel by panel. What each number means: docs/dashboard.md."""

from collections.abc import Iterator
from functools import partial

from django.utils.translation import gettext_lazy as _

from monitoring import gauges
from monitoring.dashboard import gauge_table, graphs, health, log, look, money, now, top
from monitoring.dashboard.look import Look
from monitoring.dashboard.panel import Content, Panel
from monitoring.gauges import Viewer

__all__ = ["Content", "Look", "Panel", "find", "forget", "panels_for"]

MONEY = "monitoring.view_dailyusage"
_FIRST = (
    Panel("now", _("Now"), MONEY, now.gather),
    Panel("alerts", _("Alerts"), "monitoring.view_alert", log.gather_alerts, 6),
    Panel("errors", _("Errors"), "monitoring.view_errorentry", log.gather_errors, 6),
    Panel("money", _("Money"), MONEY, money.gather, sums=True),
    Panel("health", _("Health"), "monitoring.view_healthreport", health.gather),
    Panel("hours", _("Last 24 hours"), MONEY, graphs.gather_hours),
    Panel("days", _("Last 30 days"), MONEY, graphs.gather_days, sums=True),
)
_LAST = (
    Panel("sections", _("Sections"), MONEY, top.gather_sections, 4, sums=True),
    Panel("models", _("Models"), MONEY, top.gather_models, 4, sums=True),
    Panel("people", _("People"), "monitoring.view_dailyuserusage", top.gather_people, 4, sums=True),
)


def panels_for(user: Viewer) -> list[Panel]:
    """The panels that this person may see, in their order on the page."""
    return [panel for panel in _panels() if panel.may_see(user)]


def find(key: str, user: Viewer) -> Panel | None:
    """The panel of that key, None where there is none or this person may not see it."""
    return next((panel for panel in panels_for(user) if panel.key == key), None)


def forget() -> None:
    """Add everything up anew the next time."""
    look.of_days.forget()
    graphs.of_hours.forget()
    graphs.latency_of_days.forget()
    top.people_between.forget()


def _panels() -> Iterator[Panel]:
    yield from _FIRST
    for table in gauges.tables():
        yield Panel(table.name, table.label, table.permission, partial(gauge_table.gather, table), 6)
    yield from _LAST
