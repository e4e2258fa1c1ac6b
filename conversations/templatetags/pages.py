"""The `page_with` tag: on which page of a paginated list a row stands."""

from typing import Any

from django import template
from django.core.paginator import Page

register = template.Library()


@register.simple_tag
def page_with(number: int, page: "Page[Any]") -> int:
    """The page that has the row of this number, counted from 1 over the whole list."""
    return (number - 1) // page.paginator.per_page + 1
