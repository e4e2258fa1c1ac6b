"""The dashboard for a template: every panel that somebody may see, with what it shows."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator

from monitoring.dashboard import Content, Look, Panel, panels_for
from monitoring.dashboard.costs import Range
from monitoring.gauges import Viewer
from monitoring.tables import Column, Level, Mark, Row, Table, Unit, Value, said

register = template.Library()
# So much of a long text is shown before somebody opens it.
BEGINNING = 40
_END = SafeString("</td>")


@dataclass(frozen=True, slots=True)
class Shown:
    """A panel and what it shows."""

    panel: Panel
    content: Content


@dataclass(frozen=True, slots=True)
class Board:
    """Every panel of one look, and when that was; none for those who may see none."""

    at: dt.datetime
    shown: list[Shown]

    @property
    def waiting(self) -> list[Shown]:
        """Those in which something needs somebody."""
        return [one for one in self.shown if one.content.state.level != Level.FINE]


@register.simple_tag
def dashboard(user: Viewer) -> Board:
    """What this person sees."""
    look = Look(user)
    return Board(look.now, [Shown(panel, panel.content(look)) for panel in panels_for(user)])


@register.simple_tag
def cost_range() -> Range:
    """The days of a cost sheet that nobody has chosen: this term to today."""
    return Range.read("", "")


@register.simple_tag
def sees_dashboard(user: Viewer) -> bool:
    """Whether this person may see any panel."""
    return bool(panels_for(user))


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row as a page shows it: its cells and, where it has buttons, the text of the first, which says whose."""

    row: Row
    cells: SafeString
    name: str


@register.filter
def as_rows(table: Table) -> Iterator[ShownRow]:
    """The rows of a table; here and not in a template, since a look at the dashboard shows a thousand cells."""
    # By whether the cell says anything.
    heads = [{full: _head(column, full=full) for full in (True, False)} for column in table.columns]
    for row in table.rows:
        cells = [
            heads[at][value is not None and value != ""]
            + _inner(value, column.unit, row.link if at == row.linked else "")
            + _END
            for at, (column, value) in enumerate(zip(table.columns, row.values, strict=True))
        ]
        shown = mark_safe("".join(cells))  # noqa: S308  # each is escaped
        yield ShownRow(row, shown, said(row.values[0], table.columns[0].unit) if row.help or row.act else "")


def _head(column: Column, *, full: bool) -> SafeString:
    kind = "number" if column.is_number else f"of-{column.unit.name.lower()}"
    return format_html('<td class="{}{}" data-label="{}">', kind, "" if full else " nothing", column.label)


def _inner(value: Value, unit: Unit, link: str) -> SafeString:
    text = said(value, unit)
    if link:
        return format_html('<a href="{}">{}</a>', link, text)
    if isinstance(value, Mark):
        return format_html('<span class="mark mark-{}">{}</span>', value.level, text)
    if unit == Unit.LONG and len(text) > BEGINNING:
        words = '<details><summary>{}</summary><p class="panel-long">{}</p></details>'
        return format_html(words, Truncator(text).chars(BEGINNING), text)
    return escape(text)
