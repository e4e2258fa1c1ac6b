"""How fields of forms become markup: the usual ones here and not by templates.

A page of a list has hundreds of options and boxes; by Django's templates they took a fifth of its time.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.forms.renderers import TemplatesSetting
from django.http import HttpRequest
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

_FOLDER = "django/forms/widgets"
_INPUTS = ("input", "text", "hidden", "checkbox", "date", "email", "number", "password", "search")

Widget = Mapping[str, Any]


class PortalRenderer(TemplatesSetting):
    """Django's renderer: inputs and selects, whose labels are text, look the same but for white space."""

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        """The markup of a form, a field or a widget."""
        draw = _DRAWN.get(template_name)
        return draw(context["widget"]) if draw else super().render(template_name, context, request)


def _input(widget: Widget) -> SafeString:
    value = "" if widget["value"] is None else format_html(' value="{}"', str(widget["value"]))
    attributes = _attributes(widget["attrs"])
    return format_html('<input type="{}" name="{}"{}{}>', widget["type"], widget["name"], value, attributes)


def _select(widget: Widget) -> SafeString:
    groups = [(_group(name, options),) for name, options, _index in widget["optgroups"]]
    inner = format_html_join("", "{}", groups)
    return format_html('<select name="{}"{}>{}\n</select>', widget["name"], _attributes(widget["attrs"]), inner)


def _group(name: str | None, options: list[Widget]) -> SafeString:
    drawn = format_html_join(
        "",
        '\n<option value="{}"{}>{}</option>',
        ((str(option["value"]), _attributes(option["attrs"]), option["label"]) for option in options),
    )
    return format_html('\n<optgroup label="{}">{}\n</optgroup>', name, drawn) if name else drawn


def _attributes(attrs: Mapping[str, Any]) -> SafeString:
    """With a space before each; True is a name alone, False nothing."""
    return mark_safe(  # noqa: S308  # names are those of our code, values are escaped
        "".join(
            f" {name}" if value is True else f' {name}="{conditional_escape(str(value))}"'
            for name, value in attrs.items()
            if value is not False
        )
    )


_DRAWN: dict[str, Callable[[Widget], SafeString]] = {
    f"{_FOLDER}/select.html": _select,
    **{f"{_FOLDER}/{name}.html": _input for name in _INPUTS},
}
