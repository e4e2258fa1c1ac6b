"""A table that an app above keeps of this moment, such as the sessions that go on."""

from monitoring.dashboard.look import Look
from monitoring.dashboard.panel import Content
from monitoring.gauges import GaugeTable
from monitoring.tables import Mark, Table


def gather(table: GaugeTable, _look: Look) -> Content:
    """The table with its rows of now."""
    return Content(Mark(""), tables=[Table(table.name, table.label, table.columns, table.rows(), table.empty)])
