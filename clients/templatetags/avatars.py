"""The `avatar` tag, by which templates draw a client."""

from django import template
from django.utils.safestring import SafeString

from clients.avatars import draw

register = template.Library()


@register.simple_tag
def avatar(seed: object, name: str, size: str = "") -> SafeString:
    """Draw the client with the uuid `seed`; `size` is "", "small" or "large"."""
    return draw(seed, name, size)
