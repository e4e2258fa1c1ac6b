"""What charts draw; here and not in templates, since a page of graphs draws hundreds of marks."""

from django import template
from django.template.defaultfilters import floatformat
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from monitoring.charts import Bar, Line, Point

register = template.Library()


@register.filter
def as_bars(bars: tuple[Bar, ...], base: float) -> SafeString:
    """Bars with their values above them and their names under the baseline."""
    drawn = [bar for bar in bars if bar.value]
    return (
        format_html_join(
            "\n",
            '<rect class="chart-bar" x="{}%" y="{}" width="{}%" height="{}"><title>{}: {}</title></rect>',
            ((str(bar.left), str(bar.y), str(bar.width), str(bar.height), bar.name, _said(bar)) for bar in drawn),
        )
        + format_html_join(
            "\n",
            '<text class="chart-value" x="{}%" y="{}" dy="-6">{}</text>',
            ((str(bar.x), str(bar.y), _said(bar)) for bar in bars if bar.valued),
        )
        + _names(bars, base)
    )


@register.filter
def as_line(line: Line) -> SafeString:
    """One of several lines: what joins its points, then the points in its shape."""
    inner = format_html_join(
        "\n",
        '<line class="chart-line" x1="{}%" y1="{}" x2="{}%" y2="{}" />',
        ((str(one.x1), str(one.y1), str(one.x2), str(one.y2)) for one in line.segments),
    )
    # A square is drawn around its place: a percent and pixels cannot be added in an attribute.
    point = (
        '<svg class="chart-mark" x="{}%" y="{}"><rect class="chart-point" x="-3" y="-3" width="6" height="6">'
        "<title>{}, {}: {}</title></rect></svg>"
        if line.shape == "square"
        else '<circle class="chart-point" cx="{}%" cy="{}" r="3"><title>{}, {}: {}</title></circle>'
    )
    places = ((str(one.x), str(one.y), line.label, one.name, one.label) for one in line.points)
    return format_html('<g class="chart-{}">{}{}</g>', line.shape, inner, format_html_join("\n", point, places))


@register.filter
def as_names(places: tuple[Point, ...], base: float) -> SafeString:
    """The names under the baseline."""
    return _names(places, base)


def _names(places: tuple[Bar, ...] | tuple[Point, ...], base: float) -> SafeString:
    return format_html_join(
        "\n",
        '<text class="chart-name" x="{}%" y="{}" dy="20">{}</text>',
        ((str(place.x), str(base), place.name) for place in places if place.named),
    )


def _said(bar: Bar) -> str:
    return bar.label or floatformat(bar.value, "0g")
