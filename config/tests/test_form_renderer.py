"""Fields look as Django draws them, whatever is in them."""

import re
from typing import Any

from django import forms
from django.forms.renderers import DjangoTemplates
from django.utils.html import format_html
from hypothesis import given
from hypothesis import strategies as st

from config.form_renderer import PortalRenderer

values = st.one_of(
    st.none(), st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=8), st.integers()
)
attributes = st.dictionaries(
    st.sampled_from(["id", "class", "required", "data-x", "aria-describedby"]), st.one_of(values, st.booleans())
)
WIDGETS = (
    forms.TextInput, forms.HiddenInput, forms.CheckboxInput, forms.DateInput, forms.EmailInput, forms.NumberInput,
    forms.PasswordInput, forms.Select, forms.NullBooleanSelect, forms.SelectMultiple,
)  # fmt: skip


def markup(widget: forms.Widget, renderer: Any, value: Any) -> str:
    return re.sub(r"\s+(?=<)|(?<=>)\s+", "", widget.render("field", value, renderer=renderer))


@given(st.sampled_from(WIDGETS), values, attributes, st.lists(st.tuples(values, values), max_size=4))
def test_a_field_is_drawn_as_by_djangos_own_templates(
    kind: type[forms.Widget], value: Any, attrs: dict[str, Any], choices: list[tuple[Any, Any]]
) -> None:
    widget = kind(attrs=attrs)
    if kind in {forms.Select, forms.SelectMultiple}:
        widget.choices = [*choices, ("Group", [("a", "<b>"), ("c", format_html("<i>{}</i>", "&"))])]  # type: ignore[attr-defined]
    shown = [value] if kind is forms.SelectMultiple else value
    assert markup(widget, PortalRenderer(), shown) == markup(widget, DjangoTemplates(), shown)
