"""The dashboard for a template: every panel that somebody may see, with what it shows."""

import datetime as dt
from dataclasses import dataclass

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from monitoring.dashboard import Content, Look, Panel, panels_for
from monitoring.dashboard.costs import Range
from monitoring.gauges import Viewer
from monitoring.tables import Cell, Level, Unit

register = template.Library()
# So much of a long text is shown before somebody opens it.
BEGINNING = 40


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


@register.filter
def as_cells(cells: list[Cell]) -> SafeString:
    """The cells of a row; here and not in a template, since a look at the dashboard shows a thousand."""
    return format_html_join(
        "",
        '<td class="{}{}" data-label="{}">{}</td>',
        ((_kind(cell), " nothing" if cell.is_empty else "", cell.column.label, _inner(cell)) for cell in cells),
    )


def _kind(cell: Cell) -> str:
    return "number" if cell.column.is_number else f"of-{cell.column.unit.name.lower()}"


def _inner(cell: Cell) -> str:
    text = cell.text
    if cell.link:
        return format_html('<a href="{}">{}</a>', cell.link, text)
    if cell.level:
        return format_html('<span class="mark mark-{}">{}</span>', cell.level, text)
    if cell.column.unit == Unit.LONG and len(text) > BEGINNING:
        words = '<details><summary>{}</summary><p class="panel-long">{}</p></details>'
        return format_html(words, Truncator(text).chars(BEGINNING), text)
    return text
